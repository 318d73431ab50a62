"""mode="argmax" answers what a loop over rapidfuzz answers, ties and all."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Indel

from unicl.labels import DenseLabeler, LabelMapper, LabelVocabulary, Rule

# Few characters, so that many labels tie; some change with case, one into two (U+0130), one by its place (sigma); one
# is beyond 16 bits.
CHARACTERS = "abB \u00e9\u00c9\u0130\u03a3\U0001f436-"


def score(phrase, name):
    """The definition."""
    phrase, name = phrase.lower(), name.lower()
    words, others = set(phrase.split()), set(name.split())
    overlap = len(words & others) / len(words | others) if words | others else 0.0
    return Indel.normalized_similarity(phrase, name) + overlap


def loop(names, phrase):
    """The best label of a loop over all, the first of equals."""
    return max(range(len(names)), key=lambda label: score(phrase, names[label]))


def unlike(names):
    """Names that a vocabulary takes: told apart by a number where they would be the same."""
    return [f"{name}{number}" for number, name in enumerate(names)]


def assert_equal_to_the_loop(names, phrases):
    mapping = LabelMapper(LabelVocabulary.from_names(names), mode="argmax").map(phrases)
    expected = [loop(names, phrase) for phrase in phrases]
    assert mapping.ids.tolist() == expected
    scores = [score(phrase, names[label]) for phrase, label in zip(phrases, expected, strict=True)]
    np.testing.assert_array_equal(mapping.scores, np.array(scores, np.float32))


texts = st.text(st.sampled_from(CHARACTERS), max_size=9)


@given(st.lists(texts, min_size=1, max_size=300).map(unlike), st.lists(texts, max_size=20))
@settings(max_examples=200, deadline=None)
def test_the_label_is_that_of_a_loop_over_all(names, phrases):
    assert_equal_to_the_loop(names, phrases)


@given(
    st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=12, unique=True),
    st.lists(st.text("ab ", max_size=9), max_size=20),
)
@settings(max_examples=200, deadline=None)
def test_ties_go_to_the_smaller_id(names, phrases):
    names = [name for name in names if name != "a"] or ["b"]  # a determiner is no name
    assert_equal_to_the_loop(names, phrases)


@given(
    st.lists(st.text("abc d", max_size=200), min_size=1, max_size=20).map(unlike),
    st.lists(st.text("abc d", max_size=400), max_size=5),
)
@settings(max_examples=100, deadline=None)
def test_strings_longer_than_a_machine_word_are_compared_alike(names, phrases):
    assert_equal_to_the_loop(names, phrases)


# Characters that this Python does not know yet have no lower case here and may have one in Rust.
anything = st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=12)


@given(st.lists(anything, min_size=1, max_size=20).map(unlike), st.lists(anything, max_size=20))
@settings(max_examples=200, deadline=None)
def test_any_text_is_taken(names, phrases):
    assert_equal_to_the_loop(names, phrases)


def test_labels_that_look_alike_are_told_apart_by_their_words():
    # As strings both have 9 of 11 characters of "hot dog".
    assert_equal_to_the_loop(
        ["hotdogs xy", "hot dogger", "hot dog stand", "dog hot"], ["hot dog", "Hot  DOG", "dog\x1chot"]
    )


def test_more_labels_than_a_block_and_every_length_are_searched():
    names = [f"{'dog ' * (number % 40)}x{number}" for number in range(1000)]
    phrases = ["dog", "dog dog x7", "x999", "x 5 1 2", "d" * 70, "dog " * 30, "", " ", "\u00e9", "dog x1 x2 x3 x4"]
    assert_equal_to_the_loop(names, phrases)


def test_a_phrase_of_nothing_gets_the_first_label():
    mapping = LabelMapper(LabelVocabulary.from_names(["dog", "cat"]), mode="argmax").map(["", "\u2603"])
    assert (mapping.ids.tolist(), mapping.scores.tolist()) == ([0, 0], [0.0, 0.0])
    assert [Rule(rule) for rule in mapping.rules] == [Rule.ARGMAX] * 2


def test_an_empty_vocabulary_has_no_label_to_give():
    mapping = LabelMapper(LabelVocabulary.from_names([]), mode="argmax").map(["dog"])
    assert (mapping.ids.tolist(), mapping.rules.tolist()) == ([-1], [Rule.ABSTAIN])


def test_the_score_is_the_sum_that_is_defined():
    mapping = LabelMapper(LabelVocabulary.from_names(["hot dog"]), mode="argmax").map(["a hot dog", "Hot Dog"])
    assert mapping.scores.tolist() == [np.float32(Fraction(14, 16) + Fraction(2, 3)), 2.0]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_thread_counts_give_the_same_labels(threads):
    names = [f"label {number}" for number in range(700)]
    phrases = [f"the {number} labels" for number in range(3000)]
    mapper = LabelMapper(LabelVocabulary.from_names(names), mode="argmax")
    np.testing.assert_array_equal(mapper.map(phrases, threads=threads).ids, mapper.map(phrases).ids)


def test_the_labeler_gives_every_phrase_its_most_similar_label():
    labeler = DenseLabeler(LabelVocabulary.from_names(["menu", "clogs"]), mode="argmax")
    assert labeler(["two men and their dogs", "quickly"]).to_list() == [[0, 1], []]
    assert [(row.label, row.rule) for row in labeler.explain("two Men")] == [("menu", Rule.ARGMAX)]
