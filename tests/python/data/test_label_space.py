"""Classes of several sources and labels of captions have one label space, and no class is lost in another."""

import pickle

import pytest

from unicl import DenseLabeler, LabelVocabulary
from unicl.data import LabelSpace
from unicl.labels import LabelFilters

VOCABULARY = LabelVocabulary.from_names(["dog", "ball"], synonyms={"dog": ["hound"]})


def test_a_class_has_the_label_that_means_it_as_a_whole() -> None:
    space = LabelSpace(["Dogs", "a_hound", "BALL"], vocabulary=VOCABULARY)
    assert space.ids == {"Dogs": 0, "a_hound": 0, "BALL": 1}
    assert space.unmapped == ()
    assert space.merged == (("Dogs", "a_hound"),)
    assert "Dogs = a_hound" in str(space)


def test_a_class_that_no_label_means_gets_its_own_after_the_others_and_is_reported() -> None:
    space = LabelSpace(["ball", "bull_dog", "tench, Tinca tinca"], vocabulary=VOCABULARY)
    assert space.vocabulary.names == ("dog", "ball", "bull dog", "tench")
    assert space.unmapped == ("bull_dog", "tench, Tinca tinca")
    assert [space.ids[name] for name in space.unmapped] == [2, 3]
    assert "2 classes with labels of their own: bull_dog, tench, Tinca tinca" in str(space)


def test_sources_share_labels_of_the_same_meaning_and_classes_of_one_source_stay_apart() -> None:
    space = LabelSpace(["crane", "cranes"], ["Crane", "dog"], ["dogs"])
    assert space.ids["crane"] != space.ids["cranes"]
    assert space.ids["Crane"] == space.ids["crane"]
    assert space.ids["dogs"] == space.ids["dog"]
    assert len(space) == 3


def test_the_user_names_classes_or_gives_them_no_label() -> None:
    names = {"c17": "hound", "junk": None, "c18": "golden retriever"}
    space = LabelSpace(["c17", "junk", "c18"], vocabulary=VOCABULARY, names=names)
    assert space.ids == {"c17": 0, "junk": -1, "c18": 2}
    assert (space.texts["c17"], space.texts["c18"]) == ("hound", "golden retriever")
    assert "1 classes without a label: junk" in str(space)


def test_captions_and_classes_share_the_labels_of_the_space() -> None:
    space = LabelSpace(["tench"], vocabulary=VOCABULARY)
    labeler = DenseLabeler(space.vocabulary, filters=LabelFilters())
    assert labeler(["a dog looks at a tench"]).to_list() == [[0, space.ids["tench"]]]


def test_a_space_pickles() -> None:
    space = LabelSpace(["tench", "Dogs"], vocabulary=VOCABULARY)
    again = pickle.loads(pickle.dumps(space))  # noqa: S301
    assert (again.ids, again.texts, again.vocabulary.names) == (space.ids, space.texts, space.vocabulary.names)


@pytest.mark.parametrize(
    ("classes", "options", "error", "message"),
    [
        ([], {}, ValueError, "expected class names or a vocabulary; got neither"),
        (["dog"], {}, TypeError, "got the string 'dog': put it into a list"),
        ([["dog", "--"]], {}, ValueError, "expected class names with a word; got '--'"),
        ([["dog", "%%"]], {}, ValueError, "expected class names with a word; got '%%'"),
        ([["dog"]], {"names": {"dgo": "dog"}}, ValueError, "got one for 'dgo': correct its spelling"),
        ([["dog"]], {"names": {"dog": " "}}, ValueError, "got ' ' for 'dog'"),
    ],
)
def test_a_space_that_cannot_be_made_is_refused(
    classes: list, options: dict, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        LabelSpace(*classes, **options)
