"""`WordPieceTokenizer` gives the ids of transformers' BertTokenizer, cased and uncased, on everything.

The vocabularies are made here. UNICL_BERT_VOCABULARY names a ``vocab.txt`` of a real uncased model, whose ids are then
compared on real captions too.
"""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unicl.text import WordPieceTokenizer

from .corpora import every_corpus, read_captions

transformers = pytest.importorskip("transformers", reason="transformers is what the ids are compared with")
REAL = os.environ.get("UNICL_BERT_VOCABULARY")

CONTROL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
FRAGMENTS = ["a dog", "Don't", "DOGS", "running", "12ab", "--", "[CLS]", "[sep]", "[MASK].", "[UNK", "x[PAD]y", "##s"]
FRAGMENTS += ["\t", "\r\n", " ", "\x00", "\x01", "\x0b", "\x1c", "\x85", "\xa0", "\u200b", "\u200d", "\ufeff", "\ufffd"]
FRAGMENTS += [
    "é",
    "e\u0301",
    "\u0130",
    "\u017f",
    "\u03a3\u0391\u03a3",
    "\u00df",
    "\u212b",
    "\ufb01",
    "\uff21",
    "\u00ad",
]
FRAGMENTS += [
    "\u65e5\u672c",
    "\uf900",
    "\ud55c\uae00",
    "\u0e01\u0e33",
    "\u0915\u094d\u0937",
    "\u302e",
    "\u1b44",
    "\u034f",
]
FRAGMENTS += ["\u2026", "\u201c", "\u00bd", "\U0001f600", "\U0001d165", "\ue000", "\U00011938", "q" * 99, "\u00e9" * 60]
any_text = st.lists(st.text(max_size=6) | st.sampled_from(FRAGMENTS), max_size=12).map("".join)


@pytest.fixture(scope="module")
def tokens():
    """Every character but the rarest, as the start of a word and inside one, and words out of both."""
    codes = [*range(0x21, 0xD800), *range(0xE000, 0x32400)]
    letters = [chr(code) for code in codes if not chr(code).isspace()]
    words = ["dog", "##un", "run", "##ning", "don", "##og", "DO", "##GS", "\u65e5\u672c", "##12", "cafe"]
    return [*CONTROL, *words, *letters, *(f"##{letter}" for letter in letters)]


@pytest.fixture(scope="module", params=["uncased", "cased"])
def both(request, tokens):
    """Ours and theirs; names of control tokens in a text are the tokens, as is theirs' default."""
    lowercase = request.param == "uncased"
    theirs = transformers.BertTokenizer(
        vocab={token: number for number, token in enumerate(tokens)}, do_lower_case=lowercase
    )
    return WordPieceTokenizer(tokens, lowercase=lowercase, special_tokens="bert"), theirs


def rows_of(ids, offsets):
    return [ids[start:end].tolist() for start, end in pairwise(offsets)]


def ids_of(theirs, captions):
    return theirs(captions, add_special_tokens=False).input_ids


@settings(max_examples=2_000)
@given(caption=any_text)
def test_every_caption_gives_the_ids_of_transformers(both, caption):
    ours, theirs = both
    assert ours.encode(caption)[0].tolist() == ids_of(theirs, caption)


def test_every_character_alone_and_between_letters(both):
    ours, theirs = both
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    # Words do not touch, so many of them make one caption.
    some = [characters[start : start + 500] for start in range(0, len(characters), 500)]
    captions = [" ".join(f"{character} a{character}B" for character in part) for part in some]
    for caption, expected in zip(captions, ids_of(theirs, captions), strict=True):
        assert ours.encode(caption)[0].tolist() == expected, caption


def test_names_of_control_tokens_are_text_where_transformers_splits_them(tokens):
    vocabulary = {token: number for number, token in enumerate(tokens)}
    theirs = transformers.BertTokenizer(vocab=vocabulary, split_special_tokens=True)
    caption = "[CLS] a [MASK]dog [sep]"
    assert WordPieceTokenizer(tokens).encode(caption)[0].tolist() == ids_of(theirs, caption)


@settings(max_examples=500)
@given(captions=st.lists(st.tuples(any_text, any_text), min_size=1, max_size=3), length=st.integers(3, 24))
def test_padded_and_cut_pairs_are_those_of_transformers(both, captions, length):
    ours, theirs = both
    first, second = map(list, zip(*captions, strict=True))
    arguments = {"padding": "max_length", "truncation": True, "max_length": length, "return_tensors": "np"}
    for pairs in [None, second]:
        expected = theirs(first, pairs, **arguments)
        found = ours.batch_encode(first, pairs, context_length=length)
        assert found.keys() == expected.keys()
        for name, rows in found.items():
            np.testing.assert_array_equal(rows, expected[name], name)
    np.testing.assert_array_equal(ours(first, context_length=length), theirs(first, **arguments)["input_ids"])


@pytest.mark.parametrize("special_tokens", ["text", "bert"])
@pytest.mark.parametrize("settings", [{}, {"lowercase": False}, {"strip_accents": False}, {"added_tokens": ["[DEC]"]}])
def test_transformers_reads_what_save_wrote(tmp_path, special_tokens, settings):
    tokens = [*CONTROL, *"abcdé[]CLS\u65e5", *(f"##{letter}" for letter in "abcdeéo"), "de", "e"]
    ours = WordPieceTokenizer(tokens, special_tokens=special_tokens, context_length=9, **settings)
    ours.save(tmp_path)
    captions = ["abc [CLS] \u65e5c", "dé CA[MASK]", "[DEC]a", "zzz"]
    for theirs in [
        transformers.AutoTokenizer.from_pretrained(tmp_path),
        transformers.BertTokenizer.from_pretrained(tmp_path),
    ]:
        rows = theirs(captions, padding="max_length", truncation=True, return_tensors="np")
        np.testing.assert_array_equal(ours(captions), rows["input_ids"])
        assert len(theirs) == ours.vocab_size


def test_a_file_that_transformers_wrote_gives_its_ids(tmp_path, both):
    _, theirs = both
    theirs.save_pretrained(tmp_path)
    ours = WordPieceTokenizer.from_file(tmp_path / "tokenizer.json", special_tokens="bert")
    captions = ["Dogs don't RUN [MASK]", "caf\u00e9 \u65e5\u672c"]
    assert rows_of(*ours.encode(captions)) == ids_of(theirs, captions)


def test_truncation_and_padding_of_a_file_do_not_count(tmp_path):
    tokens = [*CONTROL, *"abcd"]
    theirs = transformers.BertTokenizer(vocab={token: number for number, token in enumerate(tokens)})
    theirs.backend_tokenizer.enable_truncation(3)
    theirs.backend_tokenizer.enable_padding(length=3, pad_id=5, pad_token="a")  # noqa: S106 - no password
    path = tmp_path / "tokenizer.json"
    theirs.backend_tokenizer.save(str(path))
    assert WordPieceTokenizer.from_file(path)("b c d", context_length=7).tolist() == [[2, 6, 7, 8, 3, 0, 0]]


@pytest.mark.skipif(REAL is None, reason="UNICL_BERT_VOCABULARY names the vocab.txt of an uncased model")
@every_corpus
def test_every_caption_gives_the_ids_of_a_real_model(corpus):
    captions = read_captions(corpus)
    lines = Path(REAL).read_text(encoding="utf-8").split("\n")[:-1]
    for lowercase in [True, False]:
        theirs = transformers.BertTokenizer(
            vocab={token: number for number, token in enumerate(lines)}, do_lower_case=lowercase
        )
        ours = WordPieceTokenizer(REAL, lowercase=lowercase, special_tokens="bert")
        rows = rows_of(*ours.encode(captions))
        for caption, row, expected in zip(captions, rows, ids_of(theirs, captions), strict=True):
            assert row == expected, caption
