"""Filters remove the labels they are told to, and explain why."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unicl.labels import (
    DenseLabeler,
    DocumentFrequency,
    LabelFilters,
    LabelMapper,
    LabelSets,
    LabelVocabulary,
    RelevanceFilter,
)
from unicl.labels.filters import drawn_to_balance
from unicl.phrases import find_noun_phrases

VOCABULARY = LabelVocabulary.from_names(["dog", "ball", "man"], synonyms={"dog": ["puppy"]})
WORDS = ["a dog", "the puppy", "dogs", "a ball", "two men", "a cat", "and", "runs", ","]
captions = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=8)


@given(captions, st.integers(1, 3))
def test_a_label_stays_where_enough_noun_phrases_of_the_caption_mean_it(captions, least):
    mapper = LabelMapper(VOCABULARY)
    rows = [mapper.map(find_noun_phrases(caption)).ids.tolist() for caption in captions]
    expected = [sorted({label for label in row if label >= 0 and row.count(label) >= least}) for row in rows]
    assert DenseLabeler(VOCABULARY, filters=LabelFilters(min_count_in_caption=least))(captions).to_list() == expected


@pytest.mark.parametrize("mode", ["canonical", "argmax"])
@given(captions)
def test_filters_look_at_the_labels_that_the_labeler_gives_without_them(mode, captions):
    labeler = DenseLabeler(VOCABULARY, mode=mode)
    found, phrases = labeler.find(captions, phrases="lemma"), find_noun_phrases(captions)
    assert found.sets.to_list() == labeler(captions).to_list()
    assert found.phrase_offsets.tolist() == phrases.offsets.tolist()
    assert (found.phrases.texts.to_list(), found.phrases.spans.tolist()) == (
        phrases.phrases.to_list(),
        phrases.spans.tolist(),
    )
    mapping = labeler.mapper.map(phrases.phrases.to_list())
    for name in ("ids", "scores", "rules"):
        np.testing.assert_array_equal(getattr(found.phrases, name), getattr(mapping, name))
    of_captions = [mapping.ids[start:end].tolist() for start, end in itertools.pairwise(phrases.offsets)]
    counts = [
        row.count(label) for row, labels in zip(of_captions, found.sets.to_list(), strict=True) for label in labels
    ]
    assert found.counts.tolist() == counts


@given(captions, st.sampled_from(["count", "label", "text", "lemma"]))
def test_labels_do_not_depend_on_how_much_of_the_phrases_is_asked_for(captions, phrases):
    found, plain = (DenseLabeler(VOCABULARY).find(captions, phrases=detail) for detail in (phrases, "count"))
    assert found.sets.to_list() == plain.sets.to_list()
    assert found.phrase_offsets.tolist() == plain.phrase_offsets.tolist()
    assert plain.phrases is None
    assert (found.phrases is None) == (phrases == "count")
    if found.phrases is not None:
        assert (found.phrases.texts is None) == (phrases == "label")
        assert (found.phrases.lemmas is None) == (phrases != "lemma")


def test_an_unknown_detail_is_refused():
    with pytest.raises(ValueError, match='expected phrases "count", "label", "text" or "lemma"; got \'all\''):
        DenseLabeler(VOCABULARY).find(["a dog"], phrases="all")


def test_at_most_one_caption_is_a_limit_and_all_of_them_is_none():
    captions = ["a dog", "a dog", "a ball"]
    assert DenseLabeler(VOCABULARY, filters=LabelFilters(max_document_frequency=1))(captions).to_list() == [[], [], [1]]
    assert DenseLabeler(VOCABULARY, filters=LabelFilters(max_document_frequency=1.0))(captions).to_list() == [
        [0],
        [0],
        [1],
    ]


def test_a_scorer_in_place_of_a_relevance_filter_is_refused():
    with pytest.raises(TypeError, match=r"expected relevance as a RelevanceFilter\(scorer=\.\.\.\); got <function"):
        DenseLabeler(
            VOCABULARY, filters=LabelFilters(relevance=lambda _, phrases: [[1.0] * len(row) for row in phrases])
        )


def test_balance_keeps_about_as_many_captions_of_a_frequent_label_and_all_of_a_rare_one():
    labeler = DenseLabeler(VOCABULARY, filters=LabelFilters(balance=1000))
    sets = labeler([*["a dog"] * 20_000, *["a ball"] * 500])
    counts = sets.document_frequency(3)
    assert 900 < counts[0] < 1100  # three standard deviations of the binomial: 93
    assert counts[1] == 500


def test_draws_are_the_same_in_any_batches_and_other_with_another_seed():
    captions = ["a dog and a ball"] * 600
    first = DenseLabeler(VOCABULARY, filters=LabelFilters(balance=100))
    whole = first(captions)
    known = first.count(captions)
    labeler = DenseLabeler(VOCABULARY, filters=LabelFilters(balance=100), frequency_of=known)
    rows = range(600)
    parts = [labeler(captions[start : start + 7], row_ids=rows[start : start + 7]) for start in range(0, 600, 7)]
    assert [row for part in parts for row in part.to_list()] == whole.to_list()
    assert DenseLabeler(VOCABULARY, filters=LabelFilters(balance=100, seed=1))(captions).to_list() != whole.to_list()


def test_draws_of_two_labels_of_one_row_are_independent():
    rows, counts = np.arange(40_000), np.array([4, 4])
    both = [drawn_to_balance(np.full(40_000, label, np.int32), rows, counts, balance=2, seed=0) for label in (0, 1)]
    assert abs((both[0] & both[1]).mean() - 0.25) < 0.01


def test_limits_are_shares_of_the_captions_that_were_counted():
    known = DocumentFrequency(counts=np.array([50, 5, 0]), num_captions=100)
    labeler = DenseLabeler(VOCABULARY, filters=LabelFilters(min_document_frequency=0.1), frequency_of=known)
    assert labeler(["a dog and a ball"]).to_list() == [[0]]


@given(st.lists(st.sets(st.integers(0, 4)), max_size=10), st.integers(0, 10))
def test_counts_of_parts_add_up_to_those_of_the_whole(rows, cut):
    first, second, whole = (
        DocumentFrequency.of(LabelSets.from_lists(part), num_labels=5) for part in (rows[:cut], rows[cut:], rows)
    )
    both = first + second
    assert (both.counts.tolist(), both.num_captions) == (whole.counts.tolist(), whole.num_captions)


def test_explain_says_for_each_filter_why_a_phrase_was_left_out():
    known = DocumentFrequency(counts=np.array([100, 90, 1]), num_captions=100)
    labeler = DenseLabeler(
        VOCABULARY,
        filters=LabelFilters(min_document_frequency=2, balance=1, min_count_in_caption=2, seed=3),
        frequency_of=known,
    )
    caption = "a man and a dog"
    assert [row.dropped for row in labeler.explain(caption)] == [
        "the document frequency of 'man' is outside the limits",
        "'dog' occurs 1 time(s) in the caption, fewer than 2",
    ]
    assert (
        labeler.explain(caption, row_id=0)[1].dropped
        == "'dog' was not drawn for this row, to balance it down to 1 captions"
    )
    kept = labeler.explain("a dog, a puppy")
    assert [(row.count, row.label, row.dropped) for row in kept] == [(2, "dog", None)] * 2


@given(captions, st.integers(1, 2), st.integers(0, 2), st.integers(1, 4))
def test_explain_agrees_with_what_a_call_keeps(captions, least, rarest, balance):
    counter = DenseLabeler(VOCABULARY)
    labeler = DenseLabeler(
        VOCABULARY,
        filters=LabelFilters(min_document_frequency=rarest, balance=balance, min_count_in_caption=least),
        frequency_of=counter.count(captions),
    )
    explained = [
        sorted({phrase.label_id for phrase in labeler.explain(caption, row_id=row)} - {-1})
        for row, caption in enumerate(captions)
    ]
    assert labeler(captions).to_list() == explained


@pytest.mark.parametrize("share", [0.5, np.float32(0.5), np.float64(0.5)])
def test_a_share_is_one_in_any_type_of_float(share):
    labeler = DenseLabeler(VOCABULARY, filters=LabelFilters(min_document_frequency=share))
    assert labeler(["a dog", "a ball", "a dog", "it rains"]).to_list() == [[0], [], [0], []]


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64 + 5])
def test_a_seed_of_any_size_draws(seed):
    draws = [
        drawn_to_balance(np.zeros(100, np.int32), np.arange(100), np.array([100]), balance=50, seed=each).tolist()
        for each in (seed, seed % 2**64)
    ]
    assert draws[0] == draws[1]
    assert 25 < sum(draws[0]) < 75


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_document_frequency": "2"}, "expected min_document_frequency as an int or as a share in .*; got '2'"),
        ({"max_document_frequency": None}, "expected max_document_frequency as an int or as a share in .*; got None"),
        ({"balance": float("nan")}, "expected balance as an int; got nan"),
        ({"seed": 0.5}, "expected seed as an int; got 0.5"),
        ({"min_count_in_caption": 1.5}, "expected min_count_in_caption as an int; got 1.5"),
    ],
)
def test_settings_that_are_no_numbers_of_their_kind_are_refused(settings, message):
    with pytest.raises(TypeError, match=message):
        DenseLabeler(VOCABULARY, filters=LabelFilters(**settings))


@pytest.mark.parametrize(("least", "most"), [(3, 2), (0.5, 0.1)])
def test_limits_that_leave_no_label_are_refused(least, most):
    with pytest.raises(ValueError, match="expected min_document_frequency <= max_document_frequency; got"):
        DenseLabeler(VOCABULARY, filters=LabelFilters(min_document_frequency=least, max_document_frequency=most))


@pytest.mark.parametrize("counts", [[1, 2, 3], np.array([0.5, 1, 1]), np.ones((3, 1), np.int64)])
def test_counts_that_are_no_array_of_integers_are_refused(counts):
    with pytest.raises(TypeError, match=r"expected counts as a numpy array of integers \(number of labels,\); got"):
        DocumentFrequency(counts=counts, num_captions=3)


def test_filters_that_need_phrases_are_not_applied_to_labels_alone():
    found = DenseLabeler(VOCABULARY).find(["a dog"])
    with pytest.raises(
        TypeError, match=r"expected labels with their phrases.*; got LabelSets\(1 rows, 1 labels\) alone"
    ):
        DenseLabeler(VOCABULARY, filters=LabelFilters(min_count_in_caption=2)).apply_filters(found)
    relevance = RelevanceFilter(scorer=lambda images, phrases: [[1.0 for _ in row] for row in phrases])  # noqa: ARG005
    with pytest.raises(
        TypeError, match="expected an image for each caption, for the relevance filter; got none: pass images="
    ):
        DenseLabeler(VOCABULARY, filters=LabelFilters(relevance=relevance)).apply_filters(found)


@pytest.mark.parametrize("limit", [{"min_document_frequency": 1.0}, {"max_document_frequency": 0.0}])
def test_shares_of_captions_that_nobody_counted_are_refused(limit):
    vocabulary = LabelVocabulary.from_names(["dog"]).with_document_frequency([3])
    with pytest.raises(ValueError, match='limits as numbers of captions with frequency_of="vocabulary"; got the share'):
        DenseLabeler(vocabulary, filters=LabelFilters(**limit), frequency_of="vocabulary")


def test_settings_that_cannot_be_met_are_refused():
    with pytest.raises(ValueError, match="expected balance >= 1; got 0"):
        DenseLabeler(VOCABULARY, filters=LabelFilters(balance=0))
    with pytest.raises(ValueError, match="expected min_count_in_caption >= 1; got 0"):
        DenseLabeler(VOCABULARY, filters=LabelFilters(min_count_in_caption=0))
    with pytest.raises(ValueError, match="expected the counts of the vocabulary's 3 labels; got 2"):
        DenseLabeler(VOCABULARY, frequency_of=DocumentFrequency(counts=np.array([1, 1]), num_captions=1))
    with pytest.raises(ValueError, match="expected counts from 0 to the number of captions, 1; got 2"):
        DocumentFrequency(counts=np.array([2]), num_captions=1)
    with pytest.raises(ValueError, match="expected counts of one vocabulary; got 1 and 2 labels"):
        DocumentFrequency(counts=np.zeros(1, np.int64), num_captions=0) + DocumentFrequency(
            counts=np.zeros(2, np.int64), num_captions=0
        )


def test_row_ids_that_do_not_fit_are_refused():
    labeler = DenseLabeler(VOCABULARY, filters=LabelFilters(balance=1))
    with pytest.raises(ValueError, match=r"expected one row id for each of the 2 captions; got shape \(1,\)"):
        labeler(["a dog", "a dog"], row_ids=[0])
    with pytest.raises(TypeError, match="expected integer row_ids; got float64"):
        labeler(["a dog"], row_ids=[0.5])
