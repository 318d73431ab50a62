"""Rare labels roll up to their ancestors, or every label brings them along."""

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
from unicl.labels.hierarchy import lineage
from unicl.phrases import find_noun_phrases

PARENTS = {"collie": "dog", "poodle": "dog", "dog": "animal", "cat": "animal", "toy": "thing", "ball": "toy"}
NAMES = ["collie", "animal", "dog", "poodle", "cat", "ball", "toy", "thing", "rain"]
VOCABULARY = LabelVocabulary.from_names(NAMES, parents=PARENTS)
DOG, COLLIE, ANIMAL = (VOCABULARY.id(name) for name in ("dog", "collie", "animal"))
phrases = st.sampled_from([*(f"a {name}" for name in NAMES), "two collies", "the poodles", "a sofa"])
captions = st.lists(st.lists(phrases, max_size=5).map(" , ".join), max_size=12)
limits = st.sampled_from([(2, 1.0), (1, 3), (3, 5), (0.25, 1.0), (2, 0.5), (4, 4)])


def said_by(caption):
    """The labels of the noun phrases of a caption, in order, as names."""
    ids = LabelMapper(VOCABULARY).map(find_noun_phrases(caption)).ids.tolist()
    return [NAMES[label] for label in ids if label >= 0]


def ancestors_of(name):
    return [PARENTS[name], *ancestors_of(PARENTS[name])] if name in PARENTS else []


def counted(rows, limit, total):
    counts = {name: sum(name in row for row in rows) for name in NAMES}
    return counts, *(round(bound * total) if isinstance(bound, float) else bound for bound in limit)


def names_of(sets):
    return [sorted(NAMES[label] for label in row) for row in sets.to_list()]


@given(captions, limits, st.integers(1, 2))
def test_rare_labels_become_their_nearest_ancestor_within_the_limits_as_a_plain_loop_has_it(captions, limit, repeats):
    rows = [said_by(caption) for caption in captions]
    counts, least, most = counted(rows, limit, len(captions))
    expected = []
    for row in rows:
        became = []
        for name in row:
            heirs = [name, *(above for above in ancestors_of(name) if least <= counts[above] <= most)]
            became.append(heirs[1] if counts[name] < least and len(heirs) > 1 else name)
        within = {name for name in became if least <= counts[name] <= most}
        expected.append(sorted(name for name in within if became.count(name) >= repeats))
    filters = LabelFilters(
        min_count_in_caption=repeats, min_document_frequency=limit[0], max_document_frequency=limit[1]
    )
    labeler = DenseLabeler(VOCABULARY, filters=filters, ancestors="roll_up")
    assert names_of(labeler(captions)) == expected
    counts = DenseLabeler(VOCABULARY).count(captions)
    known = DenseLabeler(VOCABULARY, filters=filters, ancestors="roll_up", frequency_of=counts)
    assert [names_of(known([caption]))[0] for caption in captions] == expected
    explained = [[(p.label, p.dropped, p.rolled_up) for p in known.explain(caption)] for caption in captions]
    assert [sorted({label for label, _, _ in row if label}) for row in explained] == expected


@given(captions, st.integers(1, 4))
def test_rolling_up_loses_no_label_that_stays_without_and_leaves_none_that_is_rare(captions, least):
    without = DenseLabeler(VOCABULARY, filters=LabelFilters(min_document_frequency=least))(captions)
    rolled = DenseLabeler(VOCABULARY, filters=LabelFilters(min_document_frequency=least), ancestors="roll_up")(captions)
    assert all({*before} <= {*after} for before, after in zip(without.to_list(), rolled.to_list(), strict=True))
    assert {*without.indices.tolist()} == {*rolled.indices.tolist()}
    assert all(count >= least for count in rolled.document_frequency(len(NAMES)).tolist() if count)


@given(captions, st.integers(1, 4))
def test_rolling_up_gives_what_two_passes_with_kept_give(captions, least):
    kept = DenseLabeler(VOCABULARY).count(captions).counts >= least
    rolled = DenseLabeler(VOCABULARY, filters=LabelFilters(min_document_frequency=least), ancestors="roll_up")(captions)
    assert rolled.to_list() == DenseLabeler(VOCABULARY, kept=kept)(captions).to_list()


@given(captions, limits, st.integers(1, 2))
def test_added_ancestors_are_counted_and_filtered_like_what_captions_say(captions, limit, repeats):
    said = [[above for name in said_by(caption) for above in (name, *ancestors_of(name))] for caption in captions]
    counts, least, most = counted(said, limit, len(captions))
    expected = [
        sorted({name for name in row if least <= counts[name] <= most and row.count(name) >= repeats}) for row in said
    ]
    filters = LabelFilters(
        min_count_in_caption=repeats, min_document_frequency=limit[0], max_document_frequency=limit[1]
    )
    labeler = DenseLabeler(VOCABULARY, filters=filters, ancestors="add")
    assert names_of(labeler(captions)) == expected
    known = labeler.count(captions)
    assert known.counts.tolist() == [counts[name] for name in NAMES]
    explainer = DenseLabeler(VOCABULARY, filters=filters, ancestors="add", frequency_of=known)
    explained = [
        {name for p in explainer.explain(caption) for name in (p.label, *p.ancestors) if name} for caption in captions
    ]
    assert [sorted(row) for row in explained] == expected


@given(st.lists(st.integers(0, 8), max_size=8).map(lambda above: [min(a, n) - 1 for n, a in enumerate(above)]))
def test_a_lineage_is_a_label_and_all_above_it(parents):
    def upwards(label):
        return [label, *upwards(parents[label])] if label >= 0 else []

    rows = lineage(np.array(parents, np.int32)).to_list()
    assert rows == [sorted(upwards(label)) for label in range(len(parents))]


def test_explain_says_what_rolled_up_and_why():
    counts = DenseLabeler(VOCABULARY).count(["a dog"] * 6 + ["a collie"] * 3 + ["a ball"])
    labeler = DenseLabeler(
        VOCABULARY, filters=LabelFilters(min_document_frequency=5), ancestors="roll_up", frequency_of=counts
    )
    rows = labeler.explain("a collie, a dog with a ball")
    assert [(row.phrase, row.label, row.count, row.rolled_up) for row in rows] == [
        ("a collie", "dog", 2, "'collie' is in 3 captions, fewer than 5"),
        ("a dog", "dog", 2, None),
        ("a ball", None, 1, None),
    ]
    assert rows[2].dropped == "the document frequency of 'ball' is outside the limits"


def test_explain_names_the_ancestors_that_come_along():
    row = DenseLabeler(VOCABULARY, ancestors="add").explain("two collies")[0]
    assert (row.label, row.ancestors) == ("collie", ("dog", "animal"))


def test_an_ancestor_is_as_relevant_as_the_most_relevant_phrase_below_it():
    asked = []

    def scorer(_, phrases):
        asked.extend(phrases)
        return [[{"a collie": 0.75, "a poodle": 0.25}[phrase] for phrase in row] for row in phrases]

    relevance = RelevanceFilter(scorer=scorer, count_above=None, weigh=True)
    sets = DenseLabeler(VOCABULARY, filters=LabelFilters(relevance=relevance), ancestors="add")(
        ["a collie, a poodle"], images=[0]
    )
    assert names_of(sets) == [["animal", "collie", "dog"]]
    assert sets.weights.tolist() == [0.75] * 3
    assert asked == [["a collie", "a poodle"]]


def test_a_label_that_may_not_be_given_is_no_heir():
    kept = np.array([name != "dog" for name in NAMES])
    captions = ["a collie", "a dog", "a dog", "an animal", "an animal"]
    labeler = DenseLabeler(VOCABULARY, filters=LabelFilters(min_document_frequency=2), kept=kept, ancestors="roll_up")
    assert names_of(labeler(captions)) == [["animal"]] * 5


def test_a_label_that_may_not_be_given_does_not_come_along():
    kept = np.array([name != "dog" for name in NAMES])
    labeler = DenseLabeler(VOCABULARY, kept=kept, ancestors="add")
    assert names_of(labeler(["a collie", "a dog"])) == [["animal", "collie"], ["animal"]]
    assert labeler.explain("a collie")[0].ancestors == ("animal",)


def test_settings_without_effect_are_refused():
    with pytest.raises(ValueError, match=r'expected ancestors "roll_up", "add" or None; got \'up\''):
        DenseLabeler(VOCABULARY, ancestors="up")
    with pytest.raises(
        ValueError, match='a vocabulary with parents for ancestors="add"; got one whose labels have none'
    ):
        DenseLabeler(LabelVocabulary.from_names(["dog"]), ancestors="add")
    with pytest.raises(ValueError, match=r'expected min_document_frequency > 0 for ancestors="roll_up"; got 0'):
        DenseLabeler(VOCABULARY, ancestors="roll_up")


def test_rarity_is_the_logarithm_of_the_share_of_captions():
    counts = DenseLabeler(VOCABULARY).count(["a dog and a cat", "a dog", "a dog", "it rains"])
    assert counts.rarity()[[DOG, VOCABULARY.id("cat"), COLLIE]] == pytest.approx(np.log([4 / 3, 4, 4]))
    assert DocumentFrequency(counts=np.zeros(1, np.int64), num_captions=0).rarity().tolist() == [0.0]


def test_weighted_sets_are_not_replaced():
    with pytest.raises(ValueError, match=r"expected sets without weights .*; got weighted sets: weigh them afterwards"):
        LabelSets.from_lists([[0]], weights=[[0.5]]).replaced(LabelSets.from_lists([[0]]))
