"""ImageNet's vocabulary has the usual indices, and lemmas that mean something else in captions are left out."""

import importlib.util

import pytest
from open_clip.zero_shot_metadata import IMAGENET_CLASSNAMES
from timm.data import ImageNetInfo

from unicl.labels import LabelMapper, LabelVocabulary

IMAGENET = LabelVocabulary.imagenet("1k")


def label(phrase):
    found = LabelMapper(IMAGENET).map([phrase]).ids[0]
    return None if found < 0 else IMAGENET.names[found]


def test_an_id_is_the_index_of_the_class():
    assert len(IMAGENET) == 1000
    different = {i: IMAGENET.names[i] for i, name in enumerate(IMAGENET_CLASSNAMES) if IMAGENET.names[i] != name}
    assert different == {744: "projectile", 837: "dark glasses"}  # open_clip has "missile" and "sunglasses" twice
    assert [str(merge) for merge in IMAGENET.merge_log[:2]] == [
        '"missile" is a name already; the second label of it is called "projectile"',
        '"sunglasses" is a name already; the second label of it is called "dark glasses"',
    ]


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("two golden retrievers", "Golden Retriever"),
        ("a great white shark", "great white shark"),
        ("Panthera leo", "lion"),
        ("a man's gray hoodie", "sweatshirt"),
        ("the stoplight", "traffic light"),
        ("a brown yorkie", "Yorkshire Terrier"),
        ("two Newfoundland puppies", "Newfoundland dog"),
        ("a black lab pup", "Labrador Retriever"),
        ("a gas mask", "gas mask or respirator"),
        ("large speakers", "music speaker"),
        ("the swings", "swing"),
        ("a trumpet", "cornet"),
    ],
)
def test_lemmas_and_our_synonyms_mean_the_class(phrase, name):
    assert label(phrase) == name


@pytest.mark.parametrize(
    "phrase",
    [
        "a dog",
        "the light",
        "a panther",
        "his left ear",
        "a fish tank",
        "a stuffed gorilla",
        "a stuffed pug puppy",
        "a license plate",
        "a science lab",
        "a zebra crossing",
        "a woman fiddles",
        "a red shirt swings",
        "two men paddle",
        "a guest speaker",
    ],
)
def test_what_is_more_general_or_means_something_else_has_no_class(phrase):
    assert label(phrase) is None


def test_a_lemma_of_two_classes_may_stay_with_the_first():
    first = LabelVocabulary.imagenet("1k", names="lemmas", on_clash="first")
    mapping = LabelMapper(first).map(["a panther"])
    assert first.names[mapping.ids[0]] == "cougar"
    with pytest.raises(ValueError, match=r'to mean one label; got "[^"]+" for "[^"]+", but it already means'):
        LabelVocabulary.imagenet("1k", on_clash="error")


@pytest.mark.parametrize("subset", ["12k", "21k", "21k-miil", "22k", "22k-ms"])
def test_the_larger_sets_have_timms_indices_and_are_called_by_their_lemmas(subset):
    vocabulary, info = LabelVocabulary.imagenet(subset), ImageNetInfo(f"imagenet-{subset}")
    assert len(vocabulary) == info.num_classes()
    assert info.index_to_label_name(vocabulary.id("cocker spaniel")) == "n02102318"


def test_a_wrong_subset_or_name_is_refused():
    with pytest.raises(ValueError, match=r"expected a subset of ImageNet, one of 1k, 12k, .*; got '2k'"):
        LabelVocabulary.imagenet("2k")
    with pytest.raises(ValueError, match='open_clip has names for "1k" only; for "12k" use names="lemmas"'):
        LabelVocabulary.imagenet("12k", names="open_clip")
    with pytest.raises(ValueError, match='expected names "open_clip", "lemmas" or None; got \'timm\''):
        LabelVocabulary.imagenet("1k", names="timm")


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("timm", "ImageNet's classes are read from .* timm, which is not installed: pip install timm"),
        ("open_clip", r"names of ImageNet-1k .* which is not installed: pip install open-clip-torch"),
    ],
)
def test_a_missing_package_is_named_with_the_remedy(monkeypatch, package, message):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(ModuleNotFoundError, match=message):
        LabelVocabulary.imagenet("1k")
