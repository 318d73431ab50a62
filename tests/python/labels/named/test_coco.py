"""COCO's vocabulary has its 80 names, and a kind of a thing means the thing."""

from pathlib import Path

import pytest

from unicl.labels import LabelMapper, LabelVocabulary

GOLDEN = Path(__file__).parents[3] / "golden"
COCO = LabelVocabulary.coco()


def label(phrase):
    found = LabelMapper(COCO).map([phrase]).ids[0]
    return None if found < 0 else COCO.names[found]


def test_the_ids_are_those_of_the_annotations():
    assert list(COCO.names) == (GOLDEN / "coco_names.txt").read_text().splitlines()
    assert [COCO.id(name) for name in ("person", "dog", "toothbrush")] == [0, 16, 79]


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("a guitarist", "person"),
        ("two elderly firemen", "person"),
        ("his great-grandmother", "person"),
        ("black puppies", "dog"),
        ("the suv", "car"),
        ("a polar bear cub", "bear"),
        ("a jet ski", "boat"),
        ("dirt bikes", "motorcycle"),
        ("the mountain bikes", "bicycle"),
        ("cupcakes", "cake"),
        ("a toy poodle", "dog"),
        ("a yellow trolley car", "train"),
        ("a woman fiddles", "person"),
        ("two men paddle", "person"),
        ("a boy bikes", "person"),
        ("a boy bike", "bicycle"),
    ],
)
def test_a_kind_of_a_thing_means_the_thing(phrase, name):
    assert label(phrase) == name


@pytest.mark.parametrize(
    "phrase",
    [
        "a red toy car",
        "plush dogs",
        "the cd player",
        "a rubber duck",
        "his left calf",
        "shin guards",
        "a flower bed",
        "coffee tables",
        "a space ship",
        "a dog house",
        "a bike helmet",
        "a blue shirt bikes",
        "toilet paper",
        "a snowman",
    ],
)
def test_what_only_ends_in_a_name_means_nothing(phrase):
    assert label(phrase) is None


def test_every_text_means_what_the_file_says():
    pairs = [(name, text) for name, texts in COCO.synonyms.items() for text in texts]
    pairs += [(None, text) for text in COCO.blocked]
    found = LabelMapper(COCO).map([text for _, text in pairs]).ids.tolist()
    names = [None if label < 0 else COCO.names[label] for label in found]
    assert [(name, text) for name, (_, text) in zip(names, pairs, strict=True)] == pairs
