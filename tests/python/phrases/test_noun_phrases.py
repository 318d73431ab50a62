"""Noun phrases equal those of the recipe that GLIP's descendants copy, under any grammar."""

import json

import nltk
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from nltk.tokenize import NLTKWordTokenizer

from unicl.phrases import DEFAULT_GRAMMAR, PosTagger, find_noun_phrases

TAGS = ["CD", "DT", "IN", "JJ", "JJR", "NN", "NNS", "PRP$", "VBG"]


@pytest.fixture(scope="module")
def tag_words(tmp_path_factory):
    """A tagger for which every tag's name, in small letters, is a word of that tag."""
    folder = tmp_path_factory.mktemp("nltk")
    for name, value in (("weights", {}), ("tagdict", {tag.lower(): tag for tag in TAGS}), ("classes", TAGS)):
        (folder / f"tagger.{name}.json").write_text(json.dumps(value))
    return PosTagger.from_nltk(folder)


def chunk_with_nltk(tagged, grammar):
    """The recipe's last step."""
    if not tagged:
        return []
    tree = nltk.RegexpParser(grammar).parse(tagged)
    return [" ".join(word for word, _ in chunk.leaves()) for chunk in tree.subtrees() if chunk.label() == "NP"]


one_tag = st.sampled_from(["<DT>", "<NN.*>", "<JJ.*>", "<NN|NNS>", "<.*>", "<N+S?>", "<(CD|DT)>", "<PRP\\$>", "<V.G>"])
quantifier = st.sampled_from(["", "", "*", "+", "?", "+?", "{2}", "{1,2}", "{2,}"])
patterns = st.recursive(
    st.builds(str.__add__, one_tag, quantifier),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("({}|{}){}".format, inner, inner, quantifier),
        st.builds("({}){}".format, inner, quantifier),
    ),
    max_leaves=5,
)
grammars = st.lists(patterns, min_size=1, max_size=2).map(
    lambda rules: "NP:\n" + "\n".join(f"  {{{rule}}}" for rule in rules)
)


@given(grammars | st.just(DEFAULT_GRAMMAR), st.lists(st.sampled_from([*TAGS[:3], *TAGS[3:7] * 2, "VBG"]), max_size=9))
@settings(max_examples=400, deadline=None)
def test_chunks_equal_those_of_nltk_under_any_grammar(tag_words, grammar, tags):
    caption = " ".join(tag.lower() for tag in tags if tag != "PRP$")
    tagged = [(tag.lower(), tag) for tag in tags if tag != "PRP$"]
    try:
        found = find_noun_phrases(caption, tagger=tag_words, grammar=grammar)
    except ValueError as error:
        assert "the inside of a repetition to match at least one tag" in str(error)  # noqa: PT017 (then there is nothing to compare)
        reject()
    assert found == chunk_with_nltk(tagged, grammar)


@given(
    st.lists(st.sampled_from(["A", "black", "Dog", "runs", "the 2", "cats'", ",", ":", '"', ".", "\u0130"]), max_size=9)
)
@settings(deadline=None)
def test_phrases_are_those_of_the_recipe_step_by_step(words):
    caption = " ".join(words)
    tokens = NLTKWordTokenizer().tokenize(caption.lower())
    [tags] = PosTagger().tag_words([tokens])
    assert find_noun_phrases(caption) == chunk_with_nltk(list(zip(tokens, tags, strict=True)), DEFAULT_GRAMMAR)


@pytest.mark.parametrize(
    ("caption", "phrases"),
    [
        ("grinning face with big eyes", ["face", "big eyes"]),
        ("flag: Germany", ["flag", "germany"]),
        ("woman health worker: dark skin tone", ["woman health worker", "dark skin tone"]),
        ("A black Honda motorcycle parked in front of a garage.", ["a black honda motorcycle", "front", "a garage"]),
        ("Two dogs, a cat and the red ball", ["dogs", "a cat", "the red ball"]),
        ("running quickly", []),
        ("", []),
    ],
)
def test_phrases_of_real_captions(caption, phrases):
    assert find_noun_phrases(caption) == phrases


def test_spans_cut_the_phrase_out_of_the_caption():
    captions = ["A  Black\tDog", "\U0001f436 the café, \u0130stanbul", ""]
    found = find_noun_phrases(captions)
    rows = np.repeat(np.arange(len(found)), np.diff(found.offsets))
    cut = [captions[row][start:end] for row, (start, end) in zip(rows, found.spans.tolist(), strict=True)]
    assert [" ".join(text.lower().split()) for text in cut] == found.phrases.to_list()


def test_thread_counts_and_kinds_of_batches_give_the_same_columns():
    captions = [f"a dog, {n} cats and the big b{n}" for n in range(3000)]
    one = find_noun_phrases(captions, threads=1)
    for other in (find_noun_phrases(captions, threads=4), find_noun_phrases(pa.array(captions))):
        assert other.to_list() == one.to_list()
        np.testing.assert_array_equal(other.spans, one.spans)


def test_a_phrase_out_of_range_is_refused():
    phrases = find_noun_phrases(["a dog and the \u00e9t\u00e9"]).phrases
    assert [phrases[index] for index in range(len(phrases))] == phrases.to_list() == ["a dog", "the \u00e9t\u00e9"]
    with pytest.raises(IndexError, match="expected an index from 0 to 1; got 2"):
        phrases[2]


def test_an_empty_batch_has_no_phrase():
    assert find_noun_phrases([]).to_list() == []


@pytest.mark.parametrize(
    ("grammar", "message"),
    [
        ("", "has no rule"),
        ("{<NN>}", "expected a label and a colon"),
        ("NP: }<NN>{", "strip, split and merge rules are not supported"),
        ("NP: {<PRP$>}", r"expected a valid tag pattern; got '\$' at character 3 of \"PRP\$\": write \\ before it"),
        (
            "NP: {(<DT>*<JJ>*)+<NN>}",
            "expected the inside of a repetition to match at least one tag; got one that can match none",
        ),
        ("NP: {<NN}", "expected a partner for every '<'; got"),
        ("NP: {<NN>}\nVP: {<VB>}", 'expected rules of one label; got "NP" and "VP"'),
    ],
)
def test_a_grammar_that_cannot_be_read_says_why(grammar, message):
    with pytest.raises(ValueError, match=message):
        find_noun_phrases("a dog", grammar=grammar)
