"""Captions get the labels of their noun phrases and of the names in their words, no more and no fewer."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unicl.labels import DenseLabeler, LabelFilters, LabelVocabulary, Rule

from .lexicon_twin import labels_of

EMOJI = [
    "woman health worker: dark skin tone",
    "man health worker: light skin tone",
    "flag: Germany",
    "flag: France",
    "dog face",
]
NAMES, SYNONYMS = ["dog", "hot dog", "man", "ball"], {"dog": ["puppy"]}
VOCABULARY = LabelVocabulary.from_names(NAMES, synonyms=SYNONYMS)
WORDS = ["a", "the", "big", "dog", "dogs", "hot", "puppy", "men", "balls", "and", ",", "runs", "cat", "\u00e9"]
captions = st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), max_size=12)


@given(captions, st.integers(0, 3), st.integers(3, 12), st.integers(1, 3))
@settings(deadline=None)
def test_labels_equal_those_found_step_by_step(captions, least, most, threads):
    rows = [labels_of(caption, NAMES, SYNONYMS) for caption in captions]
    counts = [sum(label in row for row in rows) for label in range(4)]
    expected = [sorted(label for label in row if least <= counts[label] <= most) for row in rows]
    labeler = DenseLabeler(VOCABULARY, filters=LabelFilters(min_document_frequency=least, max_document_frequency=most))
    assert labeler(captions, threads=threads).to_list() == expected


def test_emoji_names_get_the_labels_mined_from_them():
    vocabulary = LabelVocabulary.mine(EMOJI, min_document_frequency=2)
    assert set(vocabulary.names) == {"flag", "worker", "health worker", "skin tone", "tone"}
    sets = DenseLabeler(vocabulary)(EMOJI)
    named = [{vocabulary.names[label] for label in row} for row in sets.to_list()]
    assert named == [{"health worker", "skin tone"}, {"health worker", "skin tone"}, {"flag"}, {"flag"}, set()]


def test_thread_counts_and_kinds_of_batches_give_the_same_sets():
    captions = [f"a dog{'s' * (n % 2)} and {'a ball' * (n % 3)}" for n in range(5000)]
    labeler = DenseLabeler(VOCABULARY)
    one = labeler(captions, threads=1)
    for other in (labeler(captions, threads=4), labeler(pa.array(captions))):
        np.testing.assert_array_equal(one.indices, other.indices)
        np.testing.assert_array_equal(one.offsets, other.offsets)


def test_an_empty_batch_has_no_rows_and_a_caption_without_nouns_no_labels():
    assert DenseLabeler(VOCABULARY)([]).to_list() == []
    assert DenseLabeler(VOCABULARY)(["", "quickly", ":"]).to_list() == [[], [], []]


def test_an_empty_vocabulary_labels_nothing():
    assert DenseLabeler(LabelVocabulary.from_names([]))(["a dog"]).to_list() == [[]]


def test_limits_can_count_the_captions_the_vocabulary_came_from():
    vocabulary = LabelVocabulary.mine(["a dog", "a dog", "a cat"], min_document_frequency=1)
    labeler = DenseLabeler(vocabulary, filters=LabelFilters(min_document_frequency=2), frequency_of="vocabulary")
    assert labeler(["a cat", "a cat", "a cat", "a dog"]).to_list() == [[], [], [], [vocabulary.id("dog")]]
    [row] = labeler.explain("a cat")
    assert (row.label, row.label_id, row.dropped) == (None, -1, "the document frequency of 'cat' is outside the limits")


def test_rare_labels_can_give_way_to_their_parents():
    parents = {"poodle": "dog", "beagle": "dog"}
    vocabulary = LabelVocabulary.from_names(["dog", "poodle", "beagle", "cat"], parents=parents)
    captions = ["a poodle", "two poodles", "a beagle", "a cat"]
    kept = DenseLabeler(vocabulary).count(captions).counts >= 2
    kept[vocabulary.id("dog")] = True
    labeler = DenseLabeler(vocabulary, kept=kept)
    assert labeler(captions).to_list() == [[1], [1], [0], []]
    [row] = labeler.explain("a beagle")
    assert (row.label, row.rule) == ("dog", Rule.PARENT)
    assert labeler.explain("a cat")[0].dropped == "its head noun means no label that is kept"


def test_misspelt_words_are_corrected_on_request():
    vocabulary = LabelVocabulary.from_names(["giraffe"])
    assert DenseLabeler(vocabulary)(["a tall girafe"]).to_list() == [[]]
    assert DenseLabeler(vocabulary, fuzzy_threshold=0.8)(["a tall girafe"]).to_list() == [[0]]


def test_explain_shows_each_phrase_and_what_became_of_it():
    caption = "\U0001f436 A big Hot Dog, a puppy and the cats"
    rows = DenseLabeler(VOCABULARY).explain(caption)
    assert [(caption[row.start : row.end], row.lemma, row.rule, row.label, row.dropped) for row in rows] == [
        ("A big Hot Dog", "big hot dog", Rule.SUB_PHRASE, "hot dog", None),
        ("a puppy", "puppy", Rule.SYNONYM, "dog", None),
        ("the cats", "cat", Rule.ABSTAIN, None, "its head noun means no label"),
    ]
    assert rows[0].score == pytest.approx(2 / 3)


def test_settings_that_cannot_be_met_are_refused():
    with pytest.raises(ValueError, match='expected mode "canonical" or "argmax"; got \'fuzzy\''):
        DenseLabeler(VOCABULARY, mode="fuzzy")
    with pytest.raises(ValueError, match="expected min_document_frequency >= 0; got -1"):
        DenseLabeler(VOCABULARY, filters=LabelFilters(min_document_frequency=-1))
    with pytest.raises(ValueError, match="or a DocumentFrequency; got 'both'"):
        DenseLabeler(VOCABULARY, frequency_of="both")
    with pytest.raises(
        ValueError, match=r"expected a vocabulary with counts .*; got one without: take one of LabelVocabulary\.mine"
    ):
        DenseLabeler(VOCABULARY, frequency_of="vocabulary")
    with pytest.raises(ValueError, match="has no rule"):
        DenseLabeler(VOCABULARY, grammar="")


def test_a_bad_batch_is_refused_with_the_row():
    with pytest.raises(TypeError, match="expected a batch of captions; got one str"):
        DenseLabeler(VOCABULARY)("a dog")
    with pytest.raises(TypeError, match="row 1 is missing"):
        DenseLabeler(VOCABULARY)(["a dog", None])


def test_a_blocked_phrase_is_explained_as_one():
    labeler = DenseLabeler(LabelVocabulary.from_names(["car"], blocked=["toy car"]))
    [row] = labeler.explain("a red toy car")
    assert (row.label, row.dropped) == (None, "it ends in 'toy car', which means no label")
