"""A noun phrase lies within one sentence, and between two marks such as "|" and "#"."""

import pytest

from unicl.phrases import PosTagger, find_noun_phrases

SEVERAL_SENTENCES = [
    ("There is a bird. Horses graze.", ["a bird", "horses graze"]),
    ("a man on a horse. a woman on a bench.", ["a man", "a horse", "a woman", "a bench"]),
    ("A white van. Children play.", ["a white van", "children"]),
    ("Boats lie in the harbor. Gulls fly over it.", ["boats", "the harbor", "gulls"]),
    ("horse. sheep. cow.", ["horse", "sheep", "cow"]),
    ("Horse.Sheep", ["horse", "sheep"]),
    ("A red kite\nTwo children", ["a red kite", "children"]),
    ("a blue bus\r\na green tree", ["a blue bus", "a green tree"]),
    ("a lamp\u2028a desk", ["a lamp", "a desk"]),
    ("a train... the station", ["a train", "the station"]),
    ("a train\u2026 the station", ["a train", "the station"]),
    ("Is that a zebra? Giraffes eat! Birds sing.", ["a zebra", "giraffes", "birds"]),
    ('A boy said "a bus." A woman sits.', ["a boy", "a bus", "a woman"]),
    ("a boat (white). a pier", ["a boat", "a pier"]),
    ("In the U.S. a man surfs. A dog sits.", ["the u.s", "a man", "a dog"]),
    ("Dr. Hall and Mrs. Jones sit. A waiter stands.", ["dr. hall", "mrs. jones", "a waiter"]),
    ("cups, plates, etc. Guests eat.", ["cups", "plates", "guests"]),
    ("Wine from Mt. Hood. a glass", ["wine", "mt. hood", "a glass"]),
    ("1. a fork 2. a knife", ["a fork", "a knife"]),
    ("\u201cA red door.\u201d A man knocks.", ["a red door", "a man"]),
]


@pytest.mark.parametrize(("caption", "phrases"), SEVERAL_SENTENCES)
def test_a_phrase_ends_with_its_sentence(caption, phrases):
    assert find_noun_phrases(caption) == phrases


@pytest.mark.parametrize(
    ("caption", "phrase"),
    [
        ("a st. bernard puppy", "a st. bernard puppy"),
        ("the u.s. army truck", "the u.s. army truck"),
        ("a j. r. tolkien book", "a j. r. tolkien book"),
        ("a 5 lb. bag", "lb. bag"),
        ("the Amazon.Com logo", "the amazon.com logo"),
        ("an abc.org page", "an abc.org page"),
        ("Sammy Davis Jr. Day", "sammy davis jr. day"),
    ],
)
def test_a_period_within_a_sentence_stays_in_its_phrase(caption, phrase):
    assert find_noun_phrases(caption) == [phrase]


@pytest.mark.parametrize(
    "mark", [" | ", " \u2022 ", " \u2013 ", " - ", ": ", "; ", " / ", " #", " \u00b7 ", " * ", " \U0001f436 "]
)
def test_a_mark_separates_phrases(mark):
    assert find_noun_phrases(f"Horse saddle{mark}Leather shop") == ["horse saddle", "leather shop"]
    assert find_noun_phrases(f"{mark}horse{mark}sheep{mark}") == ["horse", "sheep"]


def test_spans_count_characters_of_the_whole_caption():
    captions = ["\U0001f40e A  horse. The \u0130stanbul bridge\u2026 Two\n\ncats.", "a cat. a dog."]
    found = find_noun_phrases(captions)
    rows = [0] * int(found.offsets[1]) + [1] * int(found.offsets[2] - found.offsets[1])
    cut = [captions[row][start:end] for row, (start, end) in zip(rows, found.spans.tolist(), strict=True)]
    assert cut == ["A  horse", "The \u0130stanbul bridge", "cats", "a cat", "a dog"]


def test_the_tagger_splits_no_sentences():
    assert [word for word, _ in PosTagger().tag("A cat. A dog.")] == ["A", "cat.", "A", "dog", "."]
