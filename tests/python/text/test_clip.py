"""`ClipTokenizer`: what its rows are, that they equal the plain twin's, and that no way to call it changes them."""

import copy
import gzip
import importlib.util
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unicl import _native
from unicl.text import ClipTokenizer
from unicl.text.clip_files import CLIP_MERGES

from .byte_pair_twin import BytePairTwin

WORDS = [
    "dog",
    "Dogs",
    "don't",
    "THEY'RE",
    "it'll",
    "'",
    "''s",
    "skateboarding",
    "3",
    "1233",
    ".",
    "--",
    "<",
    "#tag",
    "_",
]
WORDS += ["floccinaucinihilipilification", "hippopotomonstrosesquippedaliophobia", "zqxjk" * 20, "\t", "\n", "  "]
MORE = [
    "é",
    "e\u0301",
    "\u017f",
    "it'\u017f",
    "\u03a3\u0391\u03a3",
    "日本語",
    "\u00a0",
    "…",
    "½",
    "\U0001f600",
    "İ",
    "\x1c",
    "\0",
]
ascii_captions = st.lists(
    st.sampled_from(WORDS) | st.text(st.characters(max_codepoint=126, min_codepoint=32)), max_size=12
)
any_captions = st.lists(st.sampled_from(WORDS + MORE) | st.text(max_size=8), max_size=12)


@pytest.fixture(scope="module")
def twin():
    return BytePairTwin(CLIP_MERGES)


@pytest.fixture(scope="module")
def tokenizer():
    return ClipTokenizer()


@pytest.fixture(scope="module")
def plain():
    return ClipTokenizer(clean="none")


@pytest.fixture
def small_merges(tmp_path):
    path = tmp_path / "merges.txt"
    path.write_text("#version: 0.2\nd o\ndo g</w>\n")
    return path


def rows_of(ids, offsets):
    return [ids[start:end].tolist() for start, end in pairwise(offsets)]


@given(st.lists(ascii_captions.map("".join), max_size=4))
def test_ascii_ids_equal_the_twin(tokenizer, twin, captions):
    captions = [caption.replace("&", "and") for caption in captions]
    assert rows_of(*tokenizer.encode(captions)) == [twin.encode(caption.lower()) for caption in captions]


@given(st.lists(any_captions.map("".join), max_size=4))
def test_ids_of_any_text_equal_the_twin_when_nothing_is_cleaned(plain, twin, captions):
    assert rows_of(*plain.encode(captions)) == [twin.encode(caption) for caption in captions]


@given(ascii_captions.map("".join), st.integers(2, 90))
def test_a_row_is_start_text_end_padding_and_a_cut_keeps_the_end(tokenizer, caption, length):
    ids, _ = tokenizer.encode(caption)
    row = [tokenizer.start_id, *ids[: length - 2], tokenizer.end_id]
    row += [0] * (length - len(row))
    assert tokenizer(caption, context_length=length).tolist() == [row]


def test_empty_and_blank_captions_are_start_and_end(tokenizer):
    rows = tokenizer(["", " \t\r\n\f ", "\u00a0\u3000"], context_length=4)
    assert rows.tolist() == [[49406, 49407, 0, 0]] * 3


def test_an_empty_batch_has_no_rows(tokenizer):
    assert tokenizer([]).shape == (0, 77)
    ids, offsets = tokenizer.encode([])
    assert (ids.tolist(), offsets.tolist()) == ([], [0])


def test_defaults_and_the_names_of_the_ids(tokenizer):
    assert (tokenizer.vocab_size, tokenizer.start_id, tokenizer.end_id) == (49408, 49406, 49407)
    assert tokenizer("a").shape == (1, 77)
    assert tokenizer("a").dtype == np.int64
    assert repr(tokenizer).startswith(
        "ClipTokenizer(clean='openai', context_length=77, pad_id=0, special_tokens='text'"
    )


def test_padding_is_the_id_that_was_asked_for():
    tokenizer = ClipTokenizer(pad_id=49407, context_length=5)
    assert tokenizer("a dog").tolist() == [[49406, 320, 1929, 49407, 49407]]


def test_names_of_control_tokens_are_text_unless_asked():
    names = "<start_of_text> a <end_of_text> <|startoftext|> <|endoftext|>"
    control = {49406, 49407}
    assert not control & set(ClipTokenizer().encode(names)[0])
    open_clip = ClipTokenizer(special_tokens="open_clip").encode(names)[0].tolist()
    assert open_clip[:3] == [49406, 320, 49407]
    assert not control & set(open_clip[3:])
    openai = ClipTokenizer(special_tokens="openai").encode(names)[0].tolist()
    assert openai[-2:] == [49406, 49407]
    assert not control & set(openai[:-2])


def test_every_digit_is_its_own_piece(tokenizer):
    assert tokenizer.encode("1233")[0].tolist() == tokenizer.encode("12 33")[0].tolist()


def test_captions_that_ftfy_changes_are_repaired(tokenizer):
    pairs = [
        ("salt &amp; pepper", "salt & pepper"),
        ("&lt;3 &notit;", "<3 ¬it;"),
        ("sch\u00c3\u00b6n", "schön"),
        ("\u201cquoted\u201d", '"quoted"'),
        ("\x1b[31mred\x1b[0m", "red"),
        ("e\u0301", "é"),
        ("\ufb01sh", "fish"),
    ]
    broken, right = zip(*pairs, strict=True)
    np.testing.assert_array_equal(tokenizer(broken), tokenizer(right))


def test_a_repaired_row_stays_in_its_place(tokenizer):
    captions = ["a dog", "&eacute;t&eacute;", "two cats", "&", "a"]
    alone = np.concatenate([tokenizer(caption) for caption in captions])
    np.testing.assert_array_equal(tokenizer(captions), alone)
    assert rows_of(*tokenizer.encode(captions)) == [tokenizer.encode(caption)[0].tolist() for caption in captions]


def test_without_ftfy_a_caption_that_needs_it_is_refused(tokenizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "ftfy", None)
    assert tokenizer("plain").shape == (1, 77)
    with pytest.raises(
        ModuleNotFoundError,
        match=r"expected the ftfy package, .* captions such as 'a & b'; got none: pip install ftfy, or choose",
    ):
        tokenizer(["plain", "a & b"])
    assert ClipTokenizer(clean="hf")("a & b").shape == (1, 77)


def test_hf_composes_and_lowers_each_character(plain):
    hf = ClipTokenizer(clean="hf")
    np.testing.assert_array_equal(hf("CAFE\u0301 \u0391\u03a3"), plain("café \u03b1\u03c3"))
    np.testing.assert_array_equal(hf("a &amp; B"), plain("a &amp; b"))


def test_decoding_gives_the_text_before_the_end(tokenizer):
    row = tokenizer("Don't  look, café!")[0]
    assert tokenizer.decode(row) == "don 't look , café !"
    assert tokenizer.decode(torch.from_numpy(row)) == tokenizer.decode(row.tolist()) == "don 't look , café !"
    assert tokenizer.decode(row[row > 0][1:-1].astype(np.uint16)) == "don 't look , café !"
    assert tokenizer.decode([]) == ""
    assert tokenizer.decode([162, 320]) == "\ufffda"


@given(ascii_captions.map("".join))
def test_encoding_what_was_decoded_gives_the_ids_again(plain, caption):
    ids, _ = plain.encode("".join(character for character in caption if character.isalnum() or character == " "))
    assert plain.encode(plain.decode(ids))[0].tolist() == ids.tolist()


@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_a_mask_covers_start_text_and_end_even_where_padding_has_the_id_of_the_end(dtype):
    tokenizer = ClipTokenizer(pad_id=49407, context_length=5)
    captions = ["a dog", "", "a very long caption", "salt &amp; pepper"]
    batch = tokenizer.batch_encode(captions, dtype=dtype)
    assert list(batch) == ["input_ids", "attention_mask"]
    assert {array.dtype.name for array in batch.values()} == {dtype}
    np.testing.assert_array_equal(batch["input_ids"], tokenizer(captions))
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1] * 5, [1] * 5]


@pytest.fixture(scope="module")
def padded_with_the_end():
    return ClipTokenizer(clean="none", pad_id=49407)


@given(st.lists(any_captions.map("".join), max_size=6), st.integers(2, 20))
def test_a_mask_has_a_one_for_every_token(padded_with_the_end, captions, length):
    batch = padded_with_the_end.batch_encode(captions, context_length=length)
    np.testing.assert_array_equal(batch["input_ids"], padded_with_the_end(captions, context_length=length))
    _, offsets = padded_with_the_end.encode(captions)
    tokens = np.minimum(np.diff(offsets) + 2, length)
    np.testing.assert_array_equal(batch["attention_mask"], np.arange(length) < tokens[:, None])


def test_a_caption_that_does_not_fit_is_refused_on_request(tokenizer):
    captions = ["a dog"] * 300 + ["a dog on the beach", "two very long captions are here"]
    out = np.full((302, 6), -1)
    message = (
        r"expected at most 6 tokens with start and end \(context_length\); row 300 has 7: shorten it, "
        r"or let it be cut \(truncate\)"
    )
    with pytest.raises(ValueError, match=message):
        tokenizer(captions, context_length=6, truncate=False, out=out)
    assert (out == -1).all()
    with pytest.raises(ValueError, match=message):
        tokenizer.batch_encode(captions, context_length=6, truncate=False)
    np.testing.assert_array_equal(tokenizer(captions[:301], context_length=7, truncate=False)[300, -2:], [2117, 49407])


def test_what_cleaning_makes_of_a_caption_is_what_has_to_fit(tokenizer):
    assert (
        tokenizer("&lt;" * 3, context_length=3, truncate=False).tolist() == tokenizer("<<<", context_length=3).tolist()
    )


@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_out_is_filled_and_returned(tokenizer, dtype):
    captions = ["a dog", "café", ""]
    out = np.full((3, 9), -1, dtype)
    assert tokenizer(captions, context_length=9, out=out) is out
    np.testing.assert_array_equal(out, tokenizer(captions, context_length=9, dtype=dtype))


def test_rows_become_a_tensor_without_a_copy(tokenizer):
    rows = tokenizer(["a dog", "a cat"])
    assert torch.from_numpy(rows).data_ptr() == rows.ctypes.data


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros((2, 9)), TypeError, r"numpy array of int64 or int32 with 2 dimensions; got float64 and 2 dimensions"),
        (np.zeros((2, 9), np.dtype(np.int64).newbyteorder()), TypeError, r"got [<>]i8 and 2 dimensions"),
        (np.zeros(18, np.int64), TypeError, r"got int64 and 1 dimensions"),
        ([[0] * 9] * 2, TypeError, r"expected out to be a numpy array .* got <class 'list'>"),
        (np.zeros((3, 9), np.int64), ValueError, r"shape \(2, 9\); got shape \(3, 9\)"),
        (np.zeros((2, 8), np.int32), ValueError, r"shape \(2, 9\); got shape \(2, 8\)"),
        (np.zeros((9, 2), np.int64).T, ValueError, r"got shape \(2, 9\), not C-contiguous"),
        (np.zeros((2, 18), np.int64)[:, ::2], ValueError, r"not C-contiguous"),
    ],
)
def test_an_out_that_cannot_hold_the_rows_is_refused_and_untouched(tokenizer, out, error, message):
    before = copy.deepcopy(out)
    with pytest.raises(error, match=message):
        tokenizer(["a", "b"], context_length=9, out=out)
    np.testing.assert_array_equal(out, before)


def test_a_read_only_out_is_refused(tokenizer):
    out = np.zeros((1, 77), np.int64)
    out.setflags(write=False)
    with pytest.raises(ValueError, match="expected an out that can be written; got"):
        tokenizer("a", out=out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clean": "openclip"}, 'expected clean to be "openai", "hf" or "none"; got "openclip"'),
        ({"special_tokens": "yes"}, 'expected special_tokens to be "text", "open_clip" or "openai"; got "yes"'),
        ({"context_length": 1}, "expected context_length >= 2, for the control tokens; got 1"),
        ({"pad_id": -1}, "expected pad_id from 0 to 49407, an id of the vocabulary; got -1"),
        ({"pad_id": 49408}, "from 0 to 49407, an id of the vocabulary; got 49408"),
    ],
)
def test_an_unknown_setting_names_those_there_are(arguments, message):
    with pytest.raises(ValueError, match=message):
        ClipTokenizer(**arguments)


def test_a_call_checks_its_length_dtype_and_threads(tokenizer):
    with pytest.raises(ValueError, match="expected context_length >= 2, for the control tokens; got 0"):
        tokenizer("a", context_length=0)
    with pytest.raises(ValueError, match='expected dtype to be "int64" or "int32"; got "int16"'):
        tokenizer("a", dtype="int16")
    for count in [0, -2]:
        with pytest.raises(ValueError, match=f"expected threads >= 1, or None for all cores; got {count}"):
            tokenizer("a", threads=count)


def test_rows_that_no_memory_holds_are_an_ordinary_error(tokenizer):
    for encode in [tokenizer, tokenizer.batch_encode]:
        with pytest.raises(MemoryError, match=r"shape \(1, 100000000000000\)"):
            encode("a", context_length=10**14)
        with pytest.raises(ValueError, match="array is too big"):
            encode("a", context_length=2**62)


def test_decode_names_what_it_cannot_take(tokenizer):
    with pytest.raises(ValueError, match="expected ids from 0 to 49407; got 49408 at position 1"):
        tokenizer.decode([320, 49408])
    with pytest.raises(ValueError, match=r"one row of ids, of shape \(length,\); got shape \(1, 77\)"):
        tokenizer.decode(tokenizer("a"))
    with pytest.raises(TypeError, match="expected ids as integers; got float64"):
        tokenizer.decode([320.0])


def test_a_merges_file_is_read_plain_and_gzip(small_merges, tmp_path):
    packed = tmp_path / "merges.txt.gz"
    packed.write_bytes(gzip.compress(small_merges.read_bytes()))
    for path in [small_merges, packed, str(packed)]:
        tokenizer = ClipTokenizer(path, context_length=5)
        assert tokenizer.vocab_size == 516
        assert tokenizer("dog Dog").tolist() == [[514, 513, 513, 515, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#version: 0.2\nd o\nd o g\n", 'line 3 of the merges file: expected two symbols .* got "d o g"'),
        ("d o\ndo\n", 'line 2 of the merges file: expected two symbols .* got "do"'),
        ("d o\ndog g</w>\n", 'line 2 of the merges file: expected a byte or a symbol of an earlier line; got "dog"'),
        ("d o\nd o\n", 'line 2 of the merges file: expected a new symbol; got "do", which is already id 512'),
        ("", 'expected a merges file with lines of two symbols, such as "t h"; got no merges'),
    ],
)
def test_a_bad_merges_file_is_refused_with_its_line(tmp_path, text, message):
    path = tmp_path / "merges.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        ClipTokenizer(path)


def test_a_missing_or_broken_merges_file_names_its_path(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected a merges file that can be read; got .*nowhere\.txt: "):
        ClipTokenizer(tmp_path / "nowhere.txt")
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(b"d o\n" * 100)[:-12])
    with pytest.raises(OSError, match=r"expected a merges file that can be read; got .*broken\.gz: "):
        ClipTokenizer(broken)


def test_the_merges_that_ship_are_those_of_open_clip():
    spec = importlib.util.find_spec("open_clip")
    theirs = Path(spec.origin).parent / "bpe_simple_vocab_16e6.txt.gz"
    assert _native.read_merges(CLIP_MERGES) == _native.read_merges(theirs)


@settings(max_examples=20)
@given(st.lists(any_captions.map("".join), min_size=1, max_size=5), st.integers(1, 9))
def test_every_thread_count_gives_the_same_ids(plain, captions, threads):
    captions = captions * 300
    np.testing.assert_array_equal(plain(captions, threads=threads), plain(captions, threads=1))
    np.testing.assert_array_equal(plain.encode(captions, threads=threads)[0], plain.encode(captions, threads=1)[0])


def test_several_threads_may_share_a_tokenizer(tokenizer):
    captions = [f"caption number {number} of a dog" for number in range(2_000)]
    expected = tokenizer(captions, threads=1)
    with ThreadPoolExecutor(4) as pool:
        for rows in pool.map(lambda threads: tokenizer(captions, threads=threads), [1, 2, 3, None] * 4):
            np.testing.assert_array_equal(rows, expected)


def test_a_tokenizer_pickles_with_its_vocabulary(small_merges):
    tokenizer = ClipTokenizer(small_merges, context_length=6, pad_id=3, special_tokens="open_clip")
    pickled = pickle.dumps(tokenizer)
    small_merges.unlink()
    again = pickle.loads(pickled)  # noqa: S301 - our own
    assert repr(again) == repr(tokenizer)
    np.testing.assert_array_equal(again("dogs <end_of_text>"), tokenizer("dogs <end_of_text>"))
    np.testing.assert_array_equal(copy.deepcopy(tokenizer)("dog"), tokenizer("dog"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_worker_tokenizes_after_threads_ran_in_the_parent(tokenizer):
    captions = [f"caption number {number} of a dog" for number in range(5_000)]
    expected = tokenizer(captions, threads=4)
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        for rows in pool.imap(_tokenize_here(tokenizer, captions), [None, 1, 3]):
            np.testing.assert_array_equal(rows, expected)


class _tokenize_here:  # noqa: N801 - a function with data, which pickles
    def __init__(self, tokenizer, captions):
        self.tokenizer, self.captions = tokenizer, captions

    def __call__(self, threads):
        return self.tokenizer(self.captions, threads=threads)


def test_a_data_loader_with_workers_gives_the_same_batches(tokenizer):
    captions = [f"caption number {number} of a dog" for number in range(64)]
    expected = tokenizer(captions, threads=2)
    loader = torch.utils.data.DataLoader(captions, batch_size=16, num_workers=2, collate_fn=tokenizer)
    np.testing.assert_array_equal(np.concatenate(list(loader)), expected)


def test_a_panic_in_rust_is_an_ordinary_exception(small_merges):
    native = _native.ClipTokenizer(_native.read_merges(small_merges), "openai", "text")
    arguments = {"out": None, "repair": list, "threads": 1, "truncate": True}
    with pytest.raises(RuntimeError, match=r"bug in unicl: rows of 1 ids .*; please report it"):
        native.encode_padded(["dog"], 1, 0, "int64", **arguments)
    assert native.encode_padded(["dog"], 3, 0, "int64", **arguments).tolist() == [[514, 513, 515]]


def test_importing_and_using_it_imports_no_torch():
    code = (
        "import sys; from unicl.text import ClipTokenizer; ClipTokenizer()('a dog'); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
