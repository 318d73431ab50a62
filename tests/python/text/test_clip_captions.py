"""What the text functions take as captions, shown with `ClipTokenizer`."""

import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from unicl.text import ClipTokenizer

CAPTIONS = ["a dog", "", "Two cats' toys", "café &amp; bar", "a dog", "\U0001f600"]


@pytest.fixture(scope="module")
def tokenizer():
    return ClipTokenizer(context_length=12)


@pytest.fixture(scope="module")
def expected(tokenizer):
    return np.concatenate([tokenizer(caption) for caption in CAPTIONS])


@pytest.mark.parametrize(
    "captions",
    [
        pytest.param(CAPTIONS, id="list"),
        pytest.param(tuple(CAPTIONS), id="tuple"),
        pytest.param(np.array(CAPTIONS), id="numpy-str"),
        pytest.param(np.array(CAPTIONS, object), id="numpy-object"),
        pytest.param(pa.array(CAPTIONS, pa.string()), id="utf8"),
        pytest.param(pa.array(CAPTIONS, pa.large_string()), id="large-utf8"),
        pytest.param(pa.array(CAPTIONS, pa.string_view()), id="utf8-view"),
        pytest.param(pa.array(CAPTIONS).dictionary_encode(), id="dictionary"),
        pytest.param(pa.array(["x", *CAPTIONS, None])[1:-1], id="sliced"),
        pytest.param(pa.chunked_array([CAPTIONS[:1], [], CAPTIONS[1:]], pa.string()), id="chunked"),
        pytest.param(pa.table({"caption": CAPTIONS})["caption"], id="table-column"),
        pytest.param(
            pa.DictionaryArray.from_arrays(
                pa.array([0, 2, 3, 4, 0, 5], pa.uint8()), [CAPTIONS[0], None, *CAPTIONS[1:4], CAPTIONS[5]]
            ),
            id="dictionary-with-an-unused-null",
        ),
    ],
)
def test_every_kind_of_batch_gives_the_same_rows(tokenizer, expected, captions):
    np.testing.assert_array_equal(tokenizer(captions), expected)


def test_one_str_is_a_batch_of_one(tokenizer, expected):
    np.testing.assert_array_equal(tokenizer(CAPTIONS[2]), expected[2:3])


def test_a_subclass_of_str_is_a_str(tokenizer, expected):
    caption = type("Caption", (str,), {})(CAPTIONS[0])
    np.testing.assert_array_equal(tokenizer([caption]), expected[:1])


def column(offsets, text):
    """A column that nobody has checked."""
    buffers = pa.py_buffer(np.array(offsets, np.int32)), pa.py_buffer(text.encode())
    return pa.StringArray.from_buffers(len(offsets) - 1, *buffers)


@pytest.mark.parametrize(
    ("captions", "error", "message"),
    [
        (None, TypeError, "expected a str, a sequence of str, or an Arrow column of strings; got NoneType"),
        (3, TypeError, "got int"),
        ({"a"}, TypeError, "got set"),
        ((caption for caption in "ab"), TypeError, "got generator"),
        (b"a dog", TypeError, "got bytes"),
        (["a", 3], TypeError, "expected a str in every row; row 1 is of type int"),
        (["a", "b", b"c"], TypeError, "row 2 is of type bytes"),
        (
            ["a", None],
            TypeError,
            r'expected a str in every row; row 1 is missing \(None, null or NaN\): drop it or put "" in its place',
        ),
        (["a", float("nan")], TypeError, "row 1 is missing"),
        (["a", pd.NA], TypeError, "row 1 is missing"),
        (["a", 1.5], TypeError, "expected a str in every row; row 1 is of type float"),
        (["a", "b\ud800"], ValueError, "row 1 has a lone surrogate"),
        ("\udfff", ValueError, "row 0 has a lone surrogate"),
        (pa.array(["a", None]), TypeError, "row 1 is missing"),
        (pa.chunked_array([["a", "b"], ["c", None]]), TypeError, "row 3 is missing"),
        (pa.DictionaryArray.from_arrays([1], ["a", None]), TypeError, "row 0 is missing"),
        (pa.array([1]), TypeError, r"expected an Arrow column of strings .* got Int64"),
        (pa.table({"a": ["x"]}), TypeError, "got Struct.*: pass the caption column of a table or data frame"),
        (pa.array([b"a\xff"]).view(pa.string()), ValueError, "expected a well-formed Arrow column; got .* utf-8"),
        (
            column([0, 1, 2], "\u00e9"),
            ValueError,
            "expected a well-formed Arrow column; got a row that begins within a character",
        ),
        (column([0, 2, 1], "ab"), ValueError, "expected a well-formed Arrow column; got offsets that fall"),
    ],
)
def test_captions_that_are_not_text_are_refused_with_their_row(tokenizer, captions, error, message):
    with pytest.raises(error, match=message):
        tokenizer(captions)
    with pytest.raises(error, match=message):
        tokenizer.encode(captions)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_a_slice_of_a_column_is_read_alone(tokenizer, kind):
    column = pa.array(["\u00e9t\u00e9 \u00e0 la plage"] * 1_000_000 + ["a dog", "\u00e9"], kind)
    end = column.slice(1_000_000)
    np.testing.assert_array_equal(tokenizer(end), tokenizer(["a dog", "\u00e9"]))
    start = time.perf_counter()
    for _ in range(100):
        tokenizer(end, threads=1)
    assert time.perf_counter() - start < 0.5  # 2 s where the million before it are read as well
