"""The words of a caption are those of NLTK's word tokenizer, which needs no data and is the twin here."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nltk.tokenize import NLTKWordTokenizer

from unicl.phrases import PosTagger

TAGGER = PosTagger()
NLTK = NLTKWordTokenizer()

PIECES = [
    *(
        "a dog",
        "The",
        "cannot",
        "gonna",
        "wanna",
        "more'n",
        "d'ye",
        "'tis",
        "'twas",
        "gimme!",
        "n't",
        "can't",
        "I'll",
        "dogs'",
    ),
    *(
        "'s",
        "'S",
        "'em",
        "''",
        '"',
        "``",
        "`",
        "--",
        "-",
        "...",
        "..",
        ".",
        ".)",
        '."',
        ",",
        ",,",
        ":",
        "3,36",
        "10:30",
        "$5",
    ),
    *(
        "1990",
        "x@y.z",
        "#1",
        "50%",
        "a&b",
        "?!",
        "*",
        "(",
        ")",
        "[x]",
        "{",
        "}",
        "<b>",
        "/",
        ";",
        " ",
        "  ",
        "\n",
        "\t",
        "\u00a0",
    ),
    *(
        "\u201cquoted\u201d",
        "\u2018",
        "\u2019s",
        "\u00ab",
        "\u2014",
        "café",
        "\U0001f436",
        "\u0130",
        "\u0131",
        "\u017f",
        "gim\u0131",
        "me",
        "\u00b2",
        "\u24d0",
        "e\u0301",
        "\u200d",
        "\u203f",
        "\x1c",
        "\x1f",
        "\u03a3\u039f\u03a3",
        "\u65e5\u672c",
    ),
]
captions = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.lists(
    st.sampled_from(PIECES), max_size=9
).map(" ".join)


@given(captions)
@settings(max_examples=600, deadline=None)
@example('She said "I can\'t," twice.')
@example("x.' ")
def test_words_equal_those_of_nltk(caption):
    assert [word for word, _ in TAGGER.tag(caption)] == NLTK.tokenize(caption)


@given(captions)
@settings(deadline=None)
def test_spans_cut_the_words_out_of_the_caption(caption):
    tagged = TAGGER.tag([caption])
    cut = [caption[start:end] for start, end in tagged.spans.tolist()]
    # The tokenizer writes straight quotes as `` and ''.
    quotes = {'"': {"``", "''"}, "''": {"``", "''"}}
    for found, word in zip(cut, tagged.words.to_list(), strict=True):
        assert word == found or word in quotes[found]


def test_spans_count_characters_beyond_the_basic_plane():
    assert TAGGER.tag(["\U0001f436\U0001f436 dog"]).spans.tolist() == [[0, 2], [3, 6]]


@pytest.mark.parametrize("caption", ["", " ", "\n\t\u00a0"])
def test_a_blank_caption_has_no_word(caption):
    assert TAGGER.tag(caption) == []


def test_a_huge_caption_takes_time_in_proportion():
    words = 'a dog\'s ball (in "quotes"), ' * 20_000
    assert len(TAGGER.tag([words]).tags) == 12 * 20_000 - 20_000
