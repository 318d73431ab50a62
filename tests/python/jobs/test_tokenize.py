"""`tokenize_files`: the ids of the tokenizer, beside the rows they belong to."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl import ClipTokenizer
from unicl.files import Reading
from unicl.jobs import TokenizeOptions, tokenize_files

TOKENIZER = ClipTokenizer()


def write(table: pa.Table, path: Path, **options: object) -> Path:
    pq.write_table(table, path, **options)
    return path


def test_ids_are_those_of_the_tokenizer_and_the_columns_stay(tmp_path: Path, table: pa.Table) -> None:
    source = write(table, tmp_path / "captions.parquet")
    stats = tokenize_files([source], tmp_path / "ids.parquet", TOKENIZER, TokenizeOptions(context_length=9))
    done = pq.read_table(tmp_path / "ids.parquet")
    assert done.select(table.column_names).equals(table)
    assert done.schema.field("ids").type == pa.list_(pa.int32(), 9)
    ids = done["ids"].combine_chunks().flatten().to_numpy().reshape(-1, 9)
    np.testing.assert_array_equal(ids, TOKENIZER(table["caption"], context_length=9))
    assert (stats.files, stats.captions) == (1, len(table))


def test_ragged_ids_are_those_of_encode(tmp_path: Path, table: pa.Table) -> None:
    source = write(table, tmp_path / "captions.parquet")
    stats = tokenize_files([source], tmp_path / "out", TOKENIZER, TokenizeOptions(ragged=True))
    done = pq.read_table(tmp_path / "out" / "captions.parquet")["ids"]
    ids, offsets = TOKENIZER.encode(table["caption"])
    assert done.to_pylist() == [row.tolist() for row in np.split(ids, offsets[1:-1])]
    assert (stats.tokens, stats.truncated) == (len(ids), 0)


@pytest.mark.parametrize("pad_id", [0, TOKENIZER.end_id])
def test_ids_and_cut_captions_are_counted_whatever_pads_them(tmp_path: Path, pad_id: int) -> None:
    # "!" is the id 0, which also pads; the second caption fits exactly, the third is one too long
    captions = ["a dog !", "a dog runs !!!!", "a dog runs here !!!!", "", "a dog"]
    tokenizer = ClipTokenizer(pad_id=pad_id, context_length=6)
    lengths = np.diff(tokenizer.encode(captions)[1])
    assert lengths.tolist() == [3, 4, 5, 0, 2]
    source = write(pa.table({"caption": captions}), tmp_path / "captions.parquet")
    stats = tokenize_files([source], tmp_path / "out", tokenizer)
    assert stats.truncated == 1
    assert stats.tokens == np.minimum(lengths, 4).sum() + 2 * len(captions)


def test_batches_and_row_groups_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captions = [f"caption {number} of a dog" for number in range(70_000)]
    source = write(pa.table({"text": captions}), tmp_path / "captions.parquet", row_group_size=7_777)
    monkeypatch.setattr("unicl.files.output.ROW_GROUP_ROWS", 40_000)
    tokenize_files([source], tmp_path / "out", TOKENIZER, TokenizeOptions(context_length=8))
    done = pq.ParquetFile(tmp_path / "out" / "captions.parquet")
    assert done.metadata.num_row_groups == 2
    ids = done.read()["ids"].combine_chunks().flatten().to_numpy().reshape(-1, 8)
    np.testing.assert_array_equal(ids, TOKENIZER(captions, context_length=8))


def test_without_the_columns_of_the_input_only_ids_are_written(tmp_path: Path, table: pa.Table) -> None:
    source = write(table, tmp_path / "captions.parquet")
    tokenize_files([source], tmp_path / "out", TOKENIZER, TokenizeOptions(copy_columns=False))
    assert pq.read_table(tmp_path / "out" / "captions.parquet").column_names == ["ids"]


def test_a_skipped_row_keeps_its_place_with_padding_and_is_counted(tmp_path: Path) -> None:
    column = pa.array([b"a dog", None, b"a c\xe9t", b"", b"two cats"], pa.binary()).view(pa.string())
    source = write(pa.table({"caption": column}), tmp_path / "captions.parquet")
    tokenizer = ClipTokenizer(pad_id=7, context_length=6)
    stats = tokenize_files([source], tmp_path / "out", tokenizer, reading=Reading(bad_rows="skip"))
    done = pq.read_table(tmp_path / "out" / "captions.parquet")
    expected = tokenizer(["a dog", "", "two cats"]).tolist()
    assert done["ids"].to_pylist() == [expected[0], [7] * 6, [7] * 6, *expected[1:]]
    assert done["caption"].to_pylist() == ["a dog", None, "a c\ufffdt", "", "two cats"]
    assert stats.skipped == {"null caption": 1, "not UTF-8": 1}
    assert (stats.captions, stats.tokens) == (5, 4 + 2 + 4)


@pytest.mark.parametrize(("bad", "message"), [(None, r"row 1: null caption"), (b"a c\xe9t", r"row 1: not UTF-8")])
def test_a_bad_row_is_named_and_nothing_is_left(tmp_path: Path, bad: bytes | None, message: str) -> None:
    column = pa.array([b"a dog", bad], pa.binary()).view(pa.string())
    source = write(pa.table({"caption": column}), tmp_path / "captions.parquet")
    with pytest.raises(ValueError, match=f'captions.parquet, {message}.*bad_rows="skip"'):
        tokenize_files([source], tmp_path / "out", TOKENIZER)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_every_kind_of_string_column_is_read(tmp_path: Path, captions: list[str], kind: pa.DataType) -> None:
    source = write(pa.table({"caption": pa.array(captions).cast(kind)}), tmp_path / "captions.parquet")
    tokenize_files([source], tmp_path / "out", TOKENIZER)
    done = pq.read_table(tmp_path / "out" / "captions.parquet")
    assert done["ids"].to_pylist() == TOKENIZER(captions).tolist()
    assert done.schema.field("caption").type == kind


def test_a_caption_that_does_not_fit_is_named_where_none_may_be_cut(tmp_path: Path) -> None:
    captions = ["a dog", None, "a dog runs", "a dog runs here"]
    source = write(pa.table({"caption": captions}), tmp_path / "captions.parquet")
    reading = Reading(bad_rows="skip")
    five, six = (TokenizeOptions(context_length=length, truncate=False) for length in (5, 6))
    with pytest.raises(ValueError, match=r"captions\.parquet, row 3: expected a caption of 5 ids or fewer; got 6"):
        tokenize_files([source], tmp_path / "out", TOKENIZER, five, reading=reading)
    assert tokenize_files([source], tmp_path / "out", TOKENIZER, six, reading=reading)
