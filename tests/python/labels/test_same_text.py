"""The same text in other bytes is the same text, and no row takes more than linear time."""

import string
import time
import unicodedata

import pytest

from unicl.labels import LabelMapper, LabelVocabulary


def found(names, phrases, **more):
    vocabulary = LabelVocabulary.from_names(names, **more)
    return [vocabulary.names[label] if label >= 0 else None for label in LabelMapper(vocabulary).map(phrases).ids]


@pytest.mark.parametrize("word", ["jalape\u00f1o", "\u00c5ngstr\u00f6m", "\u1ec7", "\ud55c\uae00", "\u0439od"])
def test_composed_and_decomposed_letters_are_the_same(word):
    forms = [unicodedata.normalize(form, word) for form in ("NFC", "NFD")]
    for name in forms:
        assert found([name], forms) == [name] * 2
    with pytest.raises(ValueError, match="expected names that differ in more than case"):
        LabelVocabulary.from_names(forms)


def test_compatible_letters_are_the_same():
    phrases = ["a \uff44\uff4f\uff47", "the o\ufb03ce"]
    assert found(["dog", "office"], phrases) == ["dog", "office"]


@pytest.mark.parametrize("mark", ["-", "\u2010", "\u2011", "\u2013", "\u00ad", "_", " "])
def test_a_hyphen_between_the_words_of_a_name_is_a_space(mark):
    phrases = [f"parking{mark}meter", f"a red parking{mark}meters"]
    for name in ("parking meter", "parking-meter", "parking_meter", "Parking\u2011Meter"):
        assert found([name], phrases) == [name] * 2
    assert found(["v neck", "x-ray"], [f"a v{mark}neck", f"x{mark}rays"]) == ["v neck", "x-ray"]


def test_a_compound_with_hyphens_is_not_cut():
    names = ["hop", "ray", "old", "up", "it", "the art", "tie"]
    phrases = [
        "hip-hop",
        "an x-ray",
        "a five-year-old",
        "a close\u2011up",
        "a post-it",
        "state-of-the-art",
        "a bow-tie",
    ]
    assert found(names, phrases) == [None] * len(phrases)
    assert found(names, ["a hip hop", "bow tie"]) == ["hop", "tie"]


def test_apostrophes_are_the_same():
    names = ["men's shoe", "men"]
    assert found(names, ["Men\u2019s shoes", "men\u02bcs shoe", "men 's shoes", "men\u2019s"]) == [
        *["men's shoe"] * 3,
        None,
    ]


def test_each_side_of_a_slash_can_be_the_head():
    names = ["tv/monitor", "cat", "sofa"]
    assert found(names, ["a TV / monitor", "tv/monitors"]) == ["tv/monitor"] * 2
    assert found(names, ["a couch/sofa", "a big sofa/couch", "a dog/cat", "cat/sofa"]) == [
        "sofa",
        "sofa",
        "cat",
        "sofa",
    ]
    assert found(names, ["tv monitor", "a cat/dog house", "sofa-cat"]) == [None] * 3


def test_articles_can_be_names_but_are_no_heads_of_other_phrases():
    names = [*string.ascii_uppercase, "no", "this"]
    assert found(names, ["a", "The A", "I", "no", "a letter b", "this"]) == ["A", "A", "I", "no", "B", "this"]
    assert found(["A", "no", "this", "dog"], ["a dog", "no dog", "this cat", "a cat"]) == ["dog", "dog", None, None]
    with pytest.raises(ValueError, match=r'differ in more than .* got "A" \(label 0\) and "the a" \(label 1\)'):
        LabelVocabulary.from_names(["A", "the a"])


LONG = {
    "adjectives": "blue ",
    "verbs": "sitting ",
    "misspelt words": "girafffe ",
    "a long word": "girafffe",
    "parts of a compound": "dog-",
    "alternatives": "girl/",
    "articles": "the ",
    "prepositions": "of ",
}


@pytest.mark.parametrize("kind", LONG)
@pytest.mark.parametrize("options", [{}, {"fuzzy_threshold": 0.8}, {"mode": "argmax"}])
def test_a_megabyte_in_one_phrase_takes_less_than_a_second(kind, options):
    vocabulary = LabelVocabulary.from_names(["dog", "giraffe", *(f"giraffe number {number}" for number in range(5000))])
    phrase = LONG[kind] * (1_000_000 // len(LONG[kind]))
    start = time.perf_counter()
    LabelMapper(vocabulary, **options).map([phrase])
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("word", ["red ", "dog ", "dog-", "dogs/"])
def test_long_phrases_and_long_names_are_made_and_mined_in_linear_time(word):
    text = word * 5_000
    start = time.perf_counter()
    names = LabelVocabulary.mine([f"a {text}dog"] * 2).names
    LabelVocabulary.from_names([text + "dog"], synonyms={text + "dog": [text + "cat"]}, blocked=[text + "house"])
    assert time.perf_counter() - start < 2
    assert max((len(name.split()) for name in names), default=0) <= 8
