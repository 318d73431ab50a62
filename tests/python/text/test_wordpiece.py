"""`WordPieceTokenizer`: what its rows are, that they equal the plain twin's, and that no call changes them."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unicl.text import WordPieceTokenizer

from .wordpiece_twin import WordPieceTwin

CONTROL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [
    "a",
    "dog",
    "##s",
    "##g",
    "do",
    "don",
    "t",
    "'",
    "cat",
    "play",
    "##ing",
    ".",
    ",",
    "-",
    "12",
    "##3",
    "cafe",
    "é",
]
WORDS += ["##é", "Dog", "\u65e5", "##\u0430", "\u0430", "i", "s", "##a", "##b", "[", "]"]
TOKENS = CONTROL + WORDS
# Of characters that came after Unicode 8 the twin's tables say something else than Hugging Face's.
known = st.characters(max_codepoint=0x4FF) | st.characters(min_codepoint=0x2010, max_codepoint=0x2027)
fragments = [
    "dog",
    "Dogs",
    "DON'T",
    "cafe\u0301",
    "\u65e5\u672c",
    "\u0430\u0430",
    "abababababababab",
    "a" * 101,
    "[CLS]",
]
fragments += [" ", "\t\n", "\x00", "\x0b", "\x1c", "\u00a0", "\u200d", "\u0130", "\u03a3\u03a3", "123", ".-,", "\ufffd"]
captions_of_all_kinds = st.lists(st.sampled_from(fragments) | st.text(known, max_size=6), max_size=12).map("".join)


@pytest.fixture(scope="module", params=[True, False], ids=["uncased", "cased"])
def both(request):
    return (
        WordPieceTokenizer(TOKENS, lowercase=request.param),
        WordPieceTwin(TOKENS, lowercase=request.param),
    )


@pytest.fixture(scope="module")
def tokenizer():
    return WordPieceTokenizer(TOKENS, context_length=8)


def ids(*tokens):
    return [TOKENS.index(token) for token in tokens]


def names(tokenizer, caption):
    return [TOKENS[number] for number in tokenizer.encode(caption)[0]]


def rows_of(ids, offsets):
    return [ids[start:end].tolist() for start, end in pairwise(offsets)]


@given(captions=st.lists(captions_of_all_kinds, max_size=4))
def test_ids_equal_the_twin(both, captions):
    tokenizer, twin = both
    assert rows_of(*tokenizer.encode(captions)) == [twin.encode(caption) for caption in captions]


@given(captions_of_all_kinds, st.integers(2, 40))
def test_a_row_is_class_text_separator_padding_and_a_cut_keeps_the_separator(caption, length):
    tokenizer = WordPieceTokenizer(TOKENS)
    text = tokenizer.encode(caption)[0].tolist()[: length - 2]
    row = [2, *text, 3]
    assert tokenizer(caption, context_length=length).tolist() == [row + [0] * (length - len(row))]


def test_a_batch_feeds_a_bert_model(tokenizer):
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    model = transformers.BertModel(transformers.BertConfig(vocab_size=tokenizer.vocab_size, **sizes)).eval()
    batch = tokenizer.batch_encode(["a dog", "cats"], ["play", "a a a a a"])
    with torch.no_grad():
        states = model(**{name: torch.from_numpy(rows) for name, rows in batch.items()}).last_hidden_state
    assert states.shape == (2, 8, 8)


def test_masks_and_types_say_where_each_text_is(tokenizer):
    batch = tokenizer.batch_encode(["dogs", "a"], ["a cat", ""], dtype="int32")
    assert batch["input_ids"].tolist() == [
        ids("[CLS]", "dog", "##s", "[SEP]", "a", "cat", "[SEP]", "[PAD]"),
        ids("[CLS]", "a", "[SEP]", "[SEP]", "[PAD]", "[PAD]", "[PAD]", "[PAD]"),
    ]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 0, 0, 0, 0]]
    assert batch["token_type_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 0, 0, 0, 0]]
    assert {rows.dtype.name for rows in batch.values()} == {"int32"}


def test_without_pairs_a_batch_has_one_type_and_the_rows_of_a_call(tokenizer):
    captions = ["dogs", "a dog. a cat. a dog"]
    batch = tokenizer.batch_encode(captions)
    np.testing.assert_array_equal(batch["input_ids"], tokenizer(captions))
    np.testing.assert_array_equal(batch["attention_mask"], batch["input_ids"] != 0)
    assert not batch["token_type_ids"].any()


def test_the_longer_of_a_pair_is_cut_first(tokenizer):
    kept = lambda first, second, length: [  # noqa: E731 - a line each below
        TOKENS[number]
        for number in tokenizer.batch_encode([first], [second], context_length=length)["input_ids"][0]
        if number > 4
    ]
    assert kept("a", "dog dog dog dog dog", 7) == ["a", "dog", "dog", "dog"]
    assert kept("dog dog dog dog dog", "a", 7) == ["dog", "dog", "dog", "a"]
    assert kept("a a a a", "dog dog dog dog", 7) == ["a", "a", "dog", "dog"]
    assert kept("a a a a", "dog dog dog dog", 3) == []


def test_names_of_control_tokens_are_text_unless_asked(tokenizer):
    assert names(tokenizer, "a [CLS]") == ["a", "[", "[UNK]", "]"]
    asked = WordPieceTokenizer(TOKENS, special_tokens="bert")
    assert names(asked, "a[CLS]dog[MASK][cls]") == ["a", "[CLS]", "dog", "[MASK]", "[", "[UNK]", "]"]


def test_added_tokens_follow_the_vocabulary_and_are_found_when_asked():
    tokenizer = WordPieceTokenizer(TOKENS, added_tokens=["[DEC]", "dog", "[DEC]s"], special_tokens="bert")
    assert tokenizer.vocab_size == len(TOKENS) + 2
    ids = tokenizer.encode("a [DEC] [DEC]s dogs")[0].tolist()
    assert ids == [5, len(TOKENS), len(TOKENS) + 1, TOKENS.index("dog"), TOKENS.index("s")]
    assert tokenizer.decode(ids) == "a [DEC] [DEC]s dog s"


def test_a_word_beyond_the_limit_is_unknown():
    assert names(WordPieceTokenizer(TOKENS, max_input_chars_per_word=4), "dogs dogss") == ["dog", "##s", "[UNK]"]


def test_defaults_and_the_ids_by_their_names():
    tokenizer = WordPieceTokenizer(TOKENS)
    assert tokenizer("a").shape == (1, 77)
    assert tokenizer("a").dtype == np.int64
    control = [tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id]
    assert control == [0, 1, 2, 3, 4]
    assert WordPieceTokenizer(CONTROL[:4]).mask_id is None
    assert repr(tokenizer) == (
        f"WordPieceTokenizer(lowercase=True, context_length=77, special_tokens='text', vocab_size={len(TOKENS)})"
    )


def test_empty_captions_and_batches(tokenizer):
    assert tokenizer(["", " \t\u3000", "\x00"], context_length=4).tolist() == [[2, 3, 0, 0]] * 3
    assert tokenizer([]).shape == (0, 8)
    assert tokenizer.batch_encode([], [])["token_type_ids"].shape == (0, 8)


@pytest.mark.parametrize("kind", [list, tuple, np.array, pa.array, lambda texts: pa.array(texts).dictionary_encode()])
def test_every_kind_of_batch_gives_the_same_rows(tokenizer, kind):
    texts = ["a dog", "", "caf\u00e9 \u65e5"]
    expected = np.concatenate([tokenizer(text) for text in texts])
    np.testing.assert_array_equal(tokenizer(kind(texts)), expected)
    pairs = tokenizer.batch_encode(texts, texts)
    for name, rows in tokenizer.batch_encode(kind(texts), kind(texts)).items():
        np.testing.assert_array_equal(rows, pairs[name])


def test_decoding_joins_pieces_and_leaves_control_tokens_out(tokenizer):
    row = tokenizer("Dogs don't zzz [MASK]", context_length=20)[0]
    assert tokenizer.decode(row) == "dogs don ' t [UNK] [ [UNK] ]"
    assert tokenizer.decode(torch.from_numpy(row)) == tokenizer.decode(row.tolist())
    assert tokenizer.decode([]) == ""


@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_out_is_filled_and_returned(tokenizer, dtype):
    captions = ["a dog", "caf\u00e9", ""]
    out = np.full((3, 9), -1, dtype)
    assert tokenizer(captions, context_length=9, out=out) is out
    np.testing.assert_array_equal(out, tokenizer(captions, context_length=9, dtype=dtype))


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros((2, 9)), TypeError, "numpy array of int64 or int32 with 2 dimensions; got float64 and 2 dimensions"),
        ([[0] * 9] * 2, TypeError, r"expected out to be a numpy array .* got <class 'list'>"),
        (np.zeros((2, 8), np.int32), ValueError, r"shape \(2, 9\); got shape \(2, 8\)"),
        (np.zeros((9, 2), np.int64).T, ValueError, r"got shape \(2, 9\), not C-contiguous"),
    ],
)
def test_an_out_that_cannot_hold_the_rows_is_refused_and_untouched(tokenizer, out, error, message):
    before = copy.deepcopy(out)
    with pytest.raises(error, match=message):
        tokenizer(["a", "b"], context_length=9, out=out)
    np.testing.assert_array_equal(out, before)


def test_text_that_does_not_fit_is_refused_if_it_must_not_be_cut(tokenizer):
    captions = ["a", "a dog, a cat, a dog", "a a a a a a a a a"]
    out = np.full((3, 8), -1)
    for call in [
        lambda: tokenizer(captions, truncate=False, out=out),
        lambda: tokenizer.batch_encode(captions, truncate=False),
    ]:
        with pytest.raises(
            ValueError, match=r"expected at most 8 tokens with start and end \(context_length\); row 1 has 10: "
        ):
            call()
    assert (out == -1).all()
    assert tokenizer(captions[:2], context_length=10, truncate=False)[1, -1] == 3
    with pytest.raises(ValueError, match=r"expected at most 8 tokens .*; row 0 has 9: "):
        tokenizer.batch_encode(["a a a"], ["a a a"], truncate=False)


@pytest.mark.parametrize(
    ("captions", "error", "message"),
    [
        (None, TypeError, "expected a str, a sequence of str, or an Arrow column of strings; got NoneType"),
        (["a", 3], TypeError, "row 1 is of type int"),
        (["a", None], TypeError, "row 1 is missing"),
        (pa.array(["a", None]), TypeError, "row 1 is missing"),
        (["a", "b\ud800"], ValueError, "row 1 has a lone surrogate"),
    ],
)
def test_captions_that_are_not_text_are_refused_with_their_row(tokenizer, captions, error, message):
    calls = [
        tokenizer,
        tokenizer.encode,
        tokenizer.batch_encode,
        lambda captions: tokenizer.batch_encode("a", captions),
    ]
    for call in calls[: 3 if captions is None else 4]:
        with pytest.raises(error, match=message):
            call(captions)


def test_pairs_must_be_as_many_as_captions(tokenizer):
    with pytest.raises(ValueError, match="expected one text in pairs for each of 2 captions; got 1"):
        tokenizer.batch_encode(["a", "b"], ["c"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"context_length": 1}, "expected context_length >= 2, for the control tokens; got 1"),
        ({"special_tokens": "yes"}, 'expected special_tokens to be "text" or "bert"; got "yes"'),
        (
            {"cls_token": "<s>"},
            r'expected the cls token "<s>" in the vocabulary; got none: name the .* own with cls_token',
        ),
        ({"added_tokens": [""]}, 'expected added_tokens to be names .*; got ""'),
        ({"max_input_chars_per_word": 0}, "expected max_input_chars_per_word >= 1; got 0"),
    ],
)
def test_an_unknown_setting_says_what_there_is(arguments, message):
    with pytest.raises(ValueError, match=message):
        WordPieceTokenizer(TOKENS, **arguments)


def test_a_call_checks_its_length_dtype_and_threads(tokenizer):
    with pytest.raises(ValueError, match="expected context_length >= 3, for the control tokens; got 2"):
        tokenizer.batch_encode("a", "b", context_length=2)
    for call in [tokenizer, tokenizer.batch_encode]:
        with pytest.raises(ValueError, match="expected context_length >= 2, for the control tokens; got 0"):
            call("a", context_length=0)
        with pytest.raises(ValueError, match='expected dtype to be "int64" or "int32"; got "int16"'):
            call("a", dtype="int16")
        with pytest.raises(ValueError, match="expected threads >= 1, or None for all cores; got 0"):
            call("a", threads=0)


def test_decode_names_what_it_cannot_take(tokenizer):
    with pytest.raises(ValueError, match=f"expected ids from 0 to {len(TOKENS) - 1}; got 99 at position 1"):
        tokenizer.decode([5, 99])
    with pytest.raises(ValueError, match=r"one row of ids, of shape \(length,\); got shape \(1, 8\)"):
        tokenizer.decode(tokenizer("a"))
    with pytest.raises(TypeError, match="expected ids as integers; got float64"):
        tokenizer.decode([5.0])


@settings(max_examples=20)
@given(captions=st.lists(captions_of_all_kinds, min_size=1, max_size=5), threads=st.integers(1, 9))
def test_every_thread_count_gives_the_same_ids(captions, threads):
    tokenizer = WordPieceTokenizer(TOKENS)
    captions = captions * 300
    one, many = (tokenizer.batch_encode(captions, captions, threads=count) for count in [1, threads])
    for name, rows in one.items():
        np.testing.assert_array_equal(many[name], rows)


def test_several_threads_may_share_a_tokenizer(tokenizer):
    captions = [f"caption number {number} of a dog" for number in range(2_000)]
    expected = tokenizer(captions, threads=1)
    with ThreadPoolExecutor(4) as pool:
        for rows in pool.map(lambda threads: tokenizer(captions, threads=threads), [1, 2, 3, None] * 4):
            np.testing.assert_array_equal(rows, expected)


def test_a_tokenizer_pickles_with_its_vocabulary_and_settings():
    tokenizer = WordPieceTokenizer(
        TOKENS, lowercase=False, context_length=6, special_tokens="bert", added_tokens=["[DEC]"], strip_accents=True
    )
    again = pickle.loads(pickle.dumps(tokenizer))  # noqa: S301 - our own
    assert repr(again) == repr(tokenizer)
    captions = ["Dog caf\u00e9 [DEC]", "dog [CLS]"]
    np.testing.assert_array_equal(again(captions), tokenizer(captions))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_worker_tokenizes_after_threads_ran_in_the_parent(tokenizer):
    captions = [f"caption number {number} of a dog" for number in range(5_000)]
    expected = tokenizer(captions, threads=4)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for rows in pool.map(tokenizer, [captions] * 4):
            np.testing.assert_array_equal(rows, expected)


def test_a_data_loader_with_workers_gives_the_same_batches(tokenizer):
    captions = [f"caption number {number} of a dog" for number in range(64)]
    expected = tokenizer(captions, threads=2)
    loader = torch.utils.data.DataLoader(captions, batch_size=16, num_workers=2, collate_fn=tokenizer)
    np.testing.assert_array_equal(np.concatenate(list(loader)), expected)


def test_a_caption_of_many_megabytes_takes_no_quadratic_time(tokenizer):
    caption = "a" * 5_000_000 + " " + "\u0430" * 5_000_000 + " dogs. \u65e5" * 500_000
    assert tokenizer.encode(caption)[0][:4].tolist() == ids("[UNK]", "[UNK]", "dog", "##s")


def test_importing_and_using_it_imports_no_torch():
    code = (
        "import sys; from unicl.text import WordPieceTokenizer as T; "
        "T(['[PAD]', '[UNK]', '[CLS]', '[SEP]'])('a'); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
