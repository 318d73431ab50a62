"""Labels stay that the caption says often or that are to be seen in the image."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unicl.labels import DenseLabeler, LabelFilters, LabelMapper, LabelVocabulary, RelevanceFilter
from unicl.phrases import find_noun_phrases

VOCABULARY = LabelVocabulary.from_names(["dog", "ball", "man"], synonyms={"dog": ["puppy"]})
WORDS = ["a dog", "the puppy", "dogs", "a ball", "two men", "a cat", "and", "runs"]
captions = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" , ".join), max_size=6)


def score_of(image: int, phrase: str) -> float:
    """Some fixed score in [0, 1] for every image and phrase."""
    return (image * 31 + sum(map(ord, phrase)) * 7) % 101 / 100


def scorer(images, phrases):
    return [[score_of(image, phrase) for phrase in row] for image, row in zip(images, phrases, strict=True)]


def labeler_with(scorer, **options):
    return DenseLabeler(VOCABULARY, filters=LabelFilters(relevance=RelevanceFilter(scorer=scorer, **options)))


@given(captions, st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.sampled_from([None, 0, 1, 2]), st.booleans())
def test_labels_and_weights_equal_those_of_a_plain_loop(captions, score_above, count_above, weigh):
    mapper, expected, expected_weights = LabelMapper(VOCABULARY), [], []
    for image, caption in enumerate(captions):
        phrases = find_noun_phrases(caption)
        labels = mapper.map(phrases).ids.tolist()
        best = {}
        for phrase, label in zip(phrases, labels, strict=True):
            best[label] = max(best.get(label, 0.0), score_of(image, phrase))
        kept = [
            label
            for label in sorted(best.keys() - {-1})
            if best[label] > score_above or (count_above is not None and labels.count(label) > count_above)
        ]
        expected.append(kept)
        expected_weights += [best[label] for label in kept]
    labeler = labeler_with(scorer, score_above=score_above, count_above=count_above, weigh=weigh)
    sets = labeler(captions, images=range(len(captions)))
    assert sets.to_list() == expected
    if weigh:
        np.testing.assert_allclose(sets.weights, expected_weights, rtol=1e-6)
    else:
        assert sets.weights is None


def test_by_default_a_label_stays_that_occurs_twice_or_scores_above_one_half():
    scores = {"a dog": 0.5, "a ball": 0.51, "a man": 0.1, "the man": 0.1}
    labeler = labeler_with(lambda _, phrases: [[scores[phrase] for phrase in row] for row in phrases])
    sets = labeler(["a dog, a ball, a man and the man"], images=["image"])
    assert [VOCABULARY.names[label] for label in sets[0]] == ["ball", "man"]


def test_the_scorer_is_asked_once_for_each_phrase_whose_label_hangs_on_it():
    calls = []

    def remember(images, phrases):
        calls.append((list(images), phrases))
        return [[1.0] * len(row) for row in phrases]

    labeler_with(remember)(["a dog, a puppy and a ball", "nothing", "a cat, a dog"], images="abc")
    assert calls == [(["a", "b", "c"], [["a ball"], [], ["a dog"]])]
    calls.clear()
    labeler_with(remember, weigh=True)(["a dog, a dog and a puppy"], images="a")
    assert calls == [(["a"], [["a dog", "a puppy"]])]


def test_where_no_label_hangs_on_it_the_scorer_is_not_called():
    labeler = labeler_with(lambda *_: pytest.fail("called"))
    assert labeler(["a cat", "a dog, the dog"], images="ab").to_list() == [[], [0]]
    assert labeler([], images=[]).to_list() == []


def test_a_label_that_another_filter_leaves_out_costs_the_scorer_nothing():
    asked = []

    def remember(_, phrases):
        asked.extend(phrases)
        return [[1.0] * len(row) for row in phrases]

    labeler = DenseLabeler(
        VOCABULARY, filters=LabelFilters(min_document_frequency=2, relevance=RelevanceFilter(scorer=remember))
    )
    assert labeler(["a dog and a ball", "a dog"], images="ab").to_list() == [[0], [0]]
    assert asked == [["a dog"], ["a dog"]]


def test_explain_shows_scores_and_what_they_led_to():
    labeler = labeler_with(
        lambda _, phrases: [[0.25 if "dog" in phrase else 0.75 for phrase in row] for row in phrases]
    )
    rows = labeler.explain("a dog, a ball", image="image")
    assert [(row.label, row.relevance, row.dropped) for row in rows] == [
        (None, 0.25, "'dog' scores 0.25 for the image, not above 0.5"),
        ("ball", 0.75, None),
    ]
    assert [(row.label, row.relevance) for row in labeler.explain("a dog")] == [("dog", None)]


@given(captions)
def test_explain_agrees_with_what_a_call_keeps(captions):
    labeler = labeler_with(scorer)
    explained = [
        sorted({phrase.label_id for phrase in labeler.explain(caption, image=image)} - {-1})
        for image, caption in enumerate(captions)
    ]
    assert labeler(captions, images=range(len(captions))).to_list() == explained


@pytest.mark.parametrize(
    ("given_scores", "error", "message"),
    [
        (None, TypeError, "expected a list of scores for each image from the relevance scorer; got NoneType"),
        ([0.5, 0.5], TypeError, "expected a list of scores for image 0 from the relevance scorer; got float"),
        ([], ValueError, "expected a row of scores for each of 2 images from the relevance scorer; got 0 rows"),
        ([[0.5], []], ValueError, "expected 1 scores for the phrases of image 1 from the relevance scorer; got 0"),
        ([[0.5], [math.nan]], ValueError, r"expected a number in \[0, 1\] .*for image 1, phrase 'a ball'; got nan"),
        ([[math.inf], [0.5]], ValueError, "for image 0, phrase 'a dog'; got inf"),
        ([[0.5], [1.5]], ValueError, "for image 1, phrase 'a ball'; got 1.5"),
        ([[-0.1], [0.5]], ValueError, "for image 0, phrase 'a dog'; got -0.1"),
        ([[None], [0.5]], TypeError, "for image 0, phrase 'a dog'; got NoneType"),
    ],
)
def test_scores_that_are_none_are_refused_with_image_and_phrase(given_scores, error, message):
    with pytest.raises(error, match=message):
        labeler_with(lambda *_: given_scores)(["a dog", "a ball"], images="ab")


def test_images_must_fit_the_captions_and_the_labeler():
    labeler = labeler_with(scorer)
    with pytest.raises(
        TypeError, match="expected an image for each caption, for the relevance filter; got none: pass images="
    ):
        labeler(["a dog"])
    with pytest.raises(TypeError, match="give the labeler one with filters=LabelFilters"):
        DenseLabeler(VOCABULARY)(["a dog"], images=[0])
    with pytest.raises(ValueError, match="expected an image for each of the 2 captions; got 1"):
        labeler(["a dog", "a ball"], images=[0])
    with pytest.raises(TypeError, match="expected images with a length, one for each caption; got generator"):
        labeler(["a dog"], images=(n for n in range(1)))


def test_policies_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match=r"expected score_above in \[0, 1\]; got 50"):
        RelevanceFilter(scorer=scorer, score_above=50)
    with pytest.raises(ValueError, match="expected count_above >= 0, or None for the score alone; got -1"):
        RelevanceFilter(scorer=scorer, count_above=-1)
    with pytest.raises(TypeError, match="expected a scorer to call with images and phrases; got float"):
        RelevanceFilter(scorer=0.5)
