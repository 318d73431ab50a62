"""Names of classes, wnids and integers become labels; what means none is -1."""

import numpy as np
import pytest

from unicl import LabelSets, LabelVocabulary
from unicl.labels import ClassMapper, DenseLabeler, class_texts, with_classes

VOCABULARY = LabelVocabulary.from_names(["dog", "hot dog", "tench"], synonyms={"dog": ["retriever"]})


def label_of(value: str | int, names: LabelVocabulary | None = None) -> int:
    [label] = ClassMapper(VOCABULARY).map([class_texts(value, names)]).tolist()
    return label


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("dog", 0),
        (" Dogs ", 0),
        ("Hot_Dog", 1),
        ("hot-dog", 1),
        ("golden retriever", 0),
        ("012.golden_retriever", 0),
        ("7-dog", 0),
        ("tinca tinca, tench", 2),
        ("tench, dog", 2),
        ("cat", -1),
        ("", -1),
        ("7", -1),
        ("???", -1),
    ],
)
def test_a_name_means_a_label_or_none(value: str, label: int) -> None:
    assert label_of(value) == label


def test_a_text_that_means_a_label_as_a_whole_goes_before_one_that_ends_in_it() -> None:
    assert ClassMapper(VOCABULARY).map([("big dog", "tench"), ("big dog", "cat"), ()]).tolist() == [2, 0, -1]


def test_integers_go_by_their_names() -> None:
    names = LabelVocabulary.from_names(["cat", "mutt", "dog"], synonyms={"mutt": ["dog breed", "retriever"]})
    assert [label_of(value, names) for value in (2, "2", 1, -1, "-1", "hot dog")] == [0, 0, 0, -1, -1, 1]
    with pytest.raises(ValueError, match="expected a class below 3, the number of class_names; got 3"):
        class_texts(3, names)
    with pytest.raises(ValueError, match="expected class_names for classes that are integers; got the class 3 without"):
        class_texts(3)


def test_the_labels_that_are_there_keep_their_ids_when_classes_join() -> None:
    classes = [class_texts(name) for name in ("Cats", "retriever", "cats", "big_dog", "", "???")]
    grown = with_classes(VOCABULARY, classes)
    assert grown.names == ("dog", "hot dog", "tench", "Cats", "big dog")
    assert ClassMapper(grown).map(classes).tolist() == [3, 0, 3, 4, -1, -1]
    assert with_classes(VOCABULARY, []) is VOCABULARY


@pytest.mark.parametrize("subset", ["1k", "21k"])
def test_every_wnid_of_a_vocabulary_of_imagenet_has_its_own_label(subset: str) -> None:
    pytest.importorskip("timm")
    from timm.data import ImageNetInfo

    wnids = ImageNetInfo("imagenet-1k" if subset == "1k" else "imagenet-21k-goog").label_names()
    vocabulary = LabelVocabulary.imagenet("1k" if subset == "1k" else "21k")
    labels = ClassMapper(vocabulary).map([class_texts(wnid) for wnid in wnids])
    np.testing.assert_array_equal(labels, np.arange(len(vocabulary)))


def test_wnids_have_a_name_each_in_a_mined_vocabulary() -> None:
    pytest.importorskip("timm")
    classes = [class_texts(wnid) for wnid in ("n02012849", "n03126707", "n99999999")]  # two cranes, and no class
    vocabulary = with_classes(LabelVocabulary.from_names([]), classes)
    assert len(vocabulary) == 3
    assert sorted(ClassMapper(vocabulary).map(classes).tolist()) == [0, 1, 2]


def test_given_labels_are_counted_with_those_of_captions() -> None:
    labeler = DenseLabeler(VOCABULARY)
    counts = labeler.count(["a dog", "", "a tench"], given=LabelSets.from_lists([[0], [1], [0]]))
    assert (counts.counts.tolist(), counts.num_captions) == ([2, 1, 1], 3)
    with pytest.raises(ValueError, match="expected sets of as many rows; got 1 and 2"):
        labeler.count(["a dog"], given=LabelSets.from_lists([[0], [1]]))
