"""`ClipTokenizer(clean="hf")` gives the ids of transformers' CLIPTokenizer."""

import gzip
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unicl.text import ClipTokenizer
from unicl.text.clip_files import CLIP_MERGES

from .corpora import every_corpus, read_captions

transformers = pytest.importorskip("transformers", reason="transformers is what the ids are compared with")
NAUGHTY = json.loads((Path(__file__).parents[1] / "golden" / "naughty_strings.json").read_text())

FRAGMENTS = ["a dog", "Don't", "'S", "THEY'LL", "''", "1233", "--", "&amp;", "<", ".<|startoftext|>", "<|endoftext|>"]
FRAGMENTS += [
    "<|ENDOFTEXT|>",
    "<|ENDOFTEXT|>:",
    "<start_of_text>",
    "\x00",
    "\x1c",
    "\t",
    "\r\n",
    " ",
    "\u201cquoted\u201d",
    "cafe\u0301",
]
FRAGMENTS += [
    "\ufb01",
    "\uff21",
    "it'\u017f",
    "\u03a3\u0391\u03a3",
    "\u0130",
    "\u65e5\u672c",
    "\u00bd",
    "\ufeff",
    "\u00a0",
]
# Unicode 15 and later is where the two know different characters.
known = st.characters(max_codepoint=0x52F) | st.characters(min_codepoint=0x2000, max_codepoint=0x2065)
any_text = st.lists(st.text(known, max_size=6) | st.sampled_from(FRAGMENTS)).map("".join)


@pytest.fixture(scope="module")
def theirs():
    """Their tokenizer over the vocabulary of the same merges file, as no download is needed for it."""
    pairs = [tuple(line.split()) for line in gzip.decompress(CLIP_MERGES.read_bytes()).decode().splitlines()[1:]]
    order = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = [chr(byte) for byte in order] + [chr(256 + rank) for rank in range(256 - len(order))]
    symbols = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in pairs)]
    symbols += ["<|startoftext|>", "<|endoftext|>"]
    return transformers.CLIPTokenizer(vocab={symbol: number for number, symbol in enumerate(symbols)}, merges=pairs)


@pytest.fixture(scope="module")
def ours():
    return ClipTokenizer(clean="hf", special_tokens="openai", pad_id=49407)


@settings(max_examples=2_000)
@given(any_text)
def test_every_caption_gives_the_ids_of_transformers(ours, theirs, caption):
    assert ours.encode(caption)[0].tolist() == theirs(caption).input_ids[1:-1]


@pytest.mark.parametrize("kind", NAUGHTY)
def test_naughty_strings_give_the_ids_of_transformers(ours, theirs, kind):
    for caption in NAUGHTY[kind]:
        assert ours.encode(caption)[0].tolist() == theirs(caption).input_ids[1:-1], ascii(caption)


@given(any_text, st.integers(2, 12))
def test_padded_and_cut_rows_are_those_of_transformers(ours, theirs, caption, length):
    row = theirs(caption, padding="max_length", truncation=True, max_length=length).input_ids
    assert ours(caption, context_length=length).tolist() == [row]


@every_corpus
def test_every_caption_of_a_corpus_gives_the_ids_of_transformers(ours, theirs, corpus):
    captions = read_captions(corpus)
    ids, offsets = ours.encode(captions)
    for caption, (start, end), row in zip(captions, pairwise(offsets), theirs(captions).input_ids, strict=True):
        assert ids[start:end].tolist() == row[1:-1], caption
