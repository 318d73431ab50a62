"""Every format gives the same rows and captions; what is malformed is named in one line."""

import bz2
import csv
import gzip
import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl.files import Reading, find_inputs, open_source, read_captions

DIRTY = ["a dog", 'a "quoted", dog', "", "two\u2028cats", "café 😀", "tab\there", "  spaces  ", "nul\x01", "007"]


def captions_of(path: Path, reading: Reading | None = None, **options: object) -> list[str]:
    reading = Reading() if reading is None else reading
    batches = read_captions(open_source(path, reading), reading, **options)  # type: ignore[arg-type]
    return [caption for batch in batches for caption in batch.captions.to_pylist()]


def rows_of(path: Path, reading: Reading | None = None) -> list[dict[str, object]]:
    reading = Reading() if reading is None else reading
    source = open_source(path, reading)
    return [row for batch in read_captions(source, reading) for row in batch.columns.to_pylist()]


def write_parquet(path: Path, captions: list[str]) -> None:
    pq.write_table(pa.table({"key": list(map(str, range(len(captions)))), "caption": captions}), path, row_group_size=3)


def write_arrow_file(path: Path, captions: list[str]) -> None:
    table = pa.table({"key": list(map(str, range(len(captions)))), "caption": captions})
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=4)


def write_arrow_stream(path: Path, captions: list[str]) -> None:
    table = pa.table({"key": list(map(str, range(len(captions)))), "caption": captions})
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=4)


def write_csv(path: Path, captions: list[str], delimiter: str = ",") -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["key", "caption"])
    writer.writerows(enumerate(captions))
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_tsv(path: Path, captions: list[str]) -> None:
    write_csv(path, captions, "\t")


def write_json_lines(path: Path, captions: list[str]) -> None:
    rows = [{"key": str(row), "caption": caption} for row, caption in enumerate(captions)]
    content = "".join(json.dumps(row, ensure_ascii=bool(number % 2)) + "\n" for number, row in enumerate(rows)).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_text(path: Path, captions: list[str]) -> None:
    content = "".join(f"{caption}\n" for caption in captions).encode()
    pack = {".gz": gzip.compress, ".bz2": bz2.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(content))


def write_shard(path: Path, captions: list[str], *, pretty: bool = False) -> None:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for row, caption in enumerate(captions):
            metadata = json.dumps({"key": str(row), "caption": caption}, indent=2 if pretty else None)
            members = {"jpg": b"\xff\xd8 no image", "json": metadata.encode(), "txt": caption.encode()}
            for extension, content in members.items():
                member = tarfile.TarInfo(f"00000/{row:09d}.{extension}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


WRITERS: dict[str, Callable[[Path, list[str]], None]] = {
    "x.parquet": write_parquet,
    "x.arrow": write_arrow_file,
    "x.feather": write_arrow_stream,
    "x.csv": write_csv,
    "x.csv.gz": write_csv,
    "x.tsv": write_tsv,
    "x.jsonl": write_json_lines,
    "x.jsonl.gz": write_json_lines,
    "x.txt": write_text,
    "x.txt.gz": write_text,
    "x.txt.bz2": write_text,
    "x.tar": write_shard,
    "x.tar.gz": write_shard,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("batch_rows", [2, 32_768])
def test_every_format_gives_the_captions_and_the_columns(tmp_path: Path, name: str, batch_rows: int) -> None:
    WRITERS[name](tmp_path / name, DIRTY)
    reading = Reading(batch_rows=batch_rows, quotes=True)
    assert captions_of(tmp_path / name, reading) == DIRTY
    assert captions_of(tmp_path / name, reading, only_captions=True) == DIRTY
    rows = rows_of(tmp_path / name, reading)
    assert [row["caption"] for row in rows] == DIRTY
    if "txt" not in name:
        assert [row["key"] for row in rows] == list(map(str, range(len(DIRTY))))


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.tsv"])
def test_a_quoted_value_may_have_line_ends(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, ["two\nlines", "three\r\n\r\nlines", "one"])
    assert captions_of(tmp_path / name, Reading(quotes=True)) == ["two\nlines", "three\r\n\r\nlines", "one"]


def test_without_quotes_and_header_a_file_is_read_as_conceptual_captions_are(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text('"a dog\thttp://a\na "cat\thttp://b\n')
    reading = Reading(quotes=False, header=False, column="f0")
    assert rows_of(tmp_path / "x.tsv", reading) == [
        {"f0": '"a dog', "f1": "http://a"},
        {"f0": 'a "cat', "f1": "http://b"},
    ]


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
def test_batches_of_large_rows_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("unicl.files.rows.BATCH_BYTES", 1 << 16)
    table = pa.table({"image": [bytes([row]) * 10_000 for row in range(50)], "caption": ["a dog"] * 50})
    if name == "x.parquet":
        pq.write_table(table, tmp_path / name, compression="none", use_dictionary=False)
    else:
        with pa.ipc.new_file(tmp_path / name, table.schema) as writer:
            writer.write_table(table)
    sizes = [raw.columns.num_rows for raw in open_source(tmp_path / name).batches()]
    assert sum(sizes) == 50
    assert max(sizes) <= 6


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_without_rows_gives_no_batch_with_rows(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, [])
    source = open_source(tmp_path / name)
    assert sum(raw.columns.num_rows for raw in source.batches()) == 0


def test_text_lines_end_in_a_line_feed_with_or_without_a_return(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbfa\r\n\r\nb\x85c\rd\ne")
    assert captions_of(tmp_path / "x.txt", Reading(bad_rows="skip")) == ["a", "", "", "e"]
    (tmp_path / "x.txt").write_bytes("\ufeffa\r\n\r\nb\x85c\rd\ne\r".encode())
    assert captions_of(tmp_path / "x.txt") == ["a", "", "b\x85c\rd", "e"]


def test_an_empty_text_file_has_no_captions(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"")
    assert captions_of(tmp_path / "x.txt") == []


def test_lines_longer_than_a_block_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unicl.files.text_lines.BLOCK_BYTES", 7)
    lines = ["a" * 50, "", "b", "c" * 13, "", "d" * 7, "e" * 6]
    (tmp_path / "x.txt").write_text("\n".join(lines))
    assert captions_of(tmp_path / "x.txt") == lines
    write_json_lines(tmp_path / "x.jsonl", lines)
    assert captions_of(tmp_path / "x.jsonl") == lines


def test_json_fields_may_be_missing_and_change_from_whole_numbers_to_fractions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unicl.files.text_lines.BLOCK_BYTES", 16)
    rows = [
        {"caption": "a dog"},
        {"caption": "b", "n": None, "t": "2024-01-01"},
        {"n": 1, "t": "x"},
        {"caption": "c", "n": 0.5},
    ]
    (tmp_path / "x.jsonl").write_text("\n\n".join(map(json.dumps, rows)) + "\n  \n")
    read = rows_of(tmp_path / "x.jsonl", Reading(bad_rows="skip"))
    assert read == [{"caption": None, "n": None, "t": None} | row for row in rows]


def test_a_pretty_printed_member_is_one_sample(tmp_path: Path) -> None:
    write_shard(tmp_path / "x.tar", ["a dog", "two\ncats"], pretty=True)
    rows = rows_of(tmp_path / "x.tar")
    assert [row["caption"] for row in rows] == ["a dog", "two\ncats"]
    assert [row["__key__"] for row in rows] == ["00000/000000000", "00000/000000001"]


def test_a_shard_without_json_has_the_text_member(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name, content in {"a.txt": b"a dog\n", "a.jpg": b"", "b.jpg": b"", "c.txt": b"a c\xe9t"}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    skipped: Counter[str] = Counter()
    assert captions_of(tmp_path / "x.tar", Reading(bad_rows="skip"), skipped=skipped) == ["a dog", "", ""]
    assert skipped == {"null caption": 1, "not UTF-8": 1}
    with pytest.raises(ValueError, match=r"x\.tar, sample b: null caption"):
        captions_of(tmp_path / "x.tar")


def test_in_a_folder_the_parquet_file_beside_a_shard_is_read(tmp_path: Path) -> None:
    for name in ("00000.tar", "00000.parquet", "00000_stats.json", "00001.tar", "notes.md"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in find_inputs([tmp_path])] == ["00000.parquet", "00001.tar"]


BAD_TEXT = {
    "x.csv": (b"caption,n\na dog,1\na c\xe9t,2\na cat,3\xff\n", "row 3"),
    "x.tsv": (b"n\tcaption\n1\ta dog\n2\ta c\xe9t\n3\xff\ta cat\n", "row 3"),
    "x.jsonl": (b'{"caption":"a dog"}\n\n{"caption":"a c\xe9t"}\n{"caption":"a cat", "n":"\xff"}\n', "line 3"),
    "x.txt": (b"a dog\na c\xe9t\n\xff\n", "line 2"),
}


@pytest.mark.parametrize("name", BAD_TEXT)
def test_a_row_that_is_not_utf8_is_named_or_counted(tmp_path: Path, name: str) -> None:
    content, place = BAD_TEXT[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}, {place}: not UTF-8: set bad_rows=\"skip\" to count such rows"):
        captions_of(tmp_path / name)
    skipped: Counter[str] = Counter()
    assert captions_of(tmp_path / name, Reading(bad_rows="skip"), skipped=skipped) == ["a dog", "", ""]
    assert skipped == {"not UTF-8": 2}
    assert rows_of(tmp_path / name, Reading(bad_rows="skip"))[1]["caption"] == "a c\ufffdt"


MALFORMED = [
    ("x.parquet", b"PAR1 no", r"x\.parquet is not Parquet, or is damaged: "),
    ("x.parquet", b"", r"x\.parquet is not Parquet, or is damaged: "),
    ("x.arrow", b"ARROW1 no", r"x\.arrow is not Arrow IPC, or is damaged: "),
    ("x.arrow", b"not arrow", r"x\.arrow is not Arrow IPC, or is damaged: "),
    ("x.csv", b"caption,n\na,1\nb,2,3\n", r"x\.csv, row 3: expected 2 values; got 3 in 'b,2,3': set bad_rows="),
    ("x.csv", b"caption,n\na,1\nb\n", r"x\.csv, row 3: expected 2 values; got 1 in 'b': set bad_rows="),
    ("x.tsv", b'caption\tn\n"a\nb"\t1\n', r"x\.tsv, row 2: expected 2 .*, or read values in quotes with quotes=True"),
    ("x.csv", b'caption,n\na,1\n"b,2\nc,3\n', r"x\.csv, line 3: expected a quote that closes the value; got none to "),
    ("x.csv", b"sep=;\r\ncaption;n\r\na;1\r\n", r"x\.csv: expected a header or a row; got Excel's b'sep=;': remove"),
    ("x.csv", b"capt\xffon,n\na,1\n", r"x\.csv is not CSV, or is damaged: .*utf-8"),
    ("x.csv", b"caption,caption\na,1\n", r"x\.csv: expected one column 'caption'; got several: rename all but one"),
    ("x.csv.gz", b"caption,n\n", r"x\.csv\.gz is not CSV, or is damaged: "),
    ("x.csv.gz", gzip.compress(b"caption,n\na,1\n")[:-9], r"x\.csv\.gz is not CSV, or is damaged: .*[Tt]runcated"),
    ("x.txt.gz", gzip.compress(b"a dog\n")[:-9], r"x\.txt\.gz is not a text file, or is damaged: .*[Tt]runcated"),
    ("x.jsonl", b'{"caption":"a"}\n\n{"caption":\n', r"x\.jsonl, line 3: expected JSON; got '\{\"caption\":' \("),
    ("x.jsonl", b'{"caption":"a"}\n["b"]\n', r"x\.jsonl, line 2: expected a JSON object; got '\[\"b\"\]'"),
    ("x.jsonl", b"null\n", r"x\.jsonl, line 1: expected a JSON object; got 'null'"),
    ("x.jsonl", b'{"caption":"a"} {"caption":"b"}\n', r"x\.jsonl, line 1: expected JSON; got .* \(Extra data"),
    ("x.jsonl", b'{"caption":"\\ud800"}\n', r"x\.jsonl, line 1: .*surrogate"),
    ("x.jsonl", b'{"n":' + b"[" * 99_999 + b"\n", r"x\.jsonl, line 1: expected JSON; got"),
    ("x.jsonl", b"{}null\n", r"x\.jsonl, line 1: expected JSON; got"),
    ("x.jsonl", b'{"caption":"a","caption":"b"}\n', r"x\.jsonl, line 1: .*specified twice"),
    ("x.tar", b"not a tar", r"x\.tar is not a tar file, or is damaged: "),
]


@pytest.mark.parametrize(("name", "content", "message"), MALFORMED)
def test_what_is_malformed_is_named_in_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as raised:
        captions_of(tmp_path / name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-32"])
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tsv", "a.jsonl", "a.txt.gz"])
def test_utf16_is_named_when_a_file_is_opened(tmp_path: Path, name: str, encoding: str) -> None:
    content = '{"caption": "a dog"}\n'.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(
        ValueError, match=f"{name}: expected UTF-8; got {encoding}: convert it with `iconv -f {encoding}"
    ):
        open_source(tmp_path / name, Reading(bad_rows="skip"))


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.tar"])
def test_a_file_cut_in_the_middle_is_damaged(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, ["a dog" * 500] * 100)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"x\.\w+ is not .*, or is damaged: "):
        captions_of(tmp_path / name)


@pytest.mark.parametrize("blocks", [2.5, 4.01, 6.99])
def test_a_shard_cut_in_a_header_is_damaged_and_not_short(tmp_path: Path, blocks: float) -> None:
    write_shard(tmp_path / "x.tar", ["a dog", "a cat"])  # a block for each header, a block for what it heads
    content = (tmp_path / "x.tar").read_bytes()
    (tmp_path / "x.tar").write_bytes(content[: int(blocks * tarfile.BLOCKSIZE)])
    with pytest.raises(ValueError, match=r"x\.tar is not a tar file, or is damaged: it ends in the middle of a header"):
        open_source(tmp_path / "x.tar")


def test_a_compressed_shard_that_is_cut_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path / "x.tar", ["a dog", "a cat"])
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress((tmp_path / "x.tar").read_bytes())[:-20])
    with pytest.raises(ValueError, match=r"x\.tar\.gz is not a tar file, or is damaged: "):
        open_source(tmp_path / "x.tar.gz")


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.feather"])
def test_a_file_that_got_other_columns_since_it_was_opened_is_named(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, ["a dog"])
    source = open_source(tmp_path / name)
    other = pa.table({"caption": ["a dog"], "key": ["0"]})  # in another order
    new_writer = {"x.parquet": pq.ParquetWriter, "x.arrow": pa.ipc.new_file, "x.feather": pa.ipc.new_stream}[name]
    with new_writer(tmp_path / name, other.schema) as writer:
        writer.write_table(other)
    with pytest.raises(ValueError, match=f"{name}: expected the columns that it had when it was opened; got others"):
        list(source.batches())


def test_a_sample_that_is_not_json_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name, content in {"a.json": b'{"caption":"a"}', "b.json": b'{"caption":'}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    with pytest.raises(ValueError, match=r"x\.tar, sample b: expected JSON; got"):
        captions_of(tmp_path / "x.tar")


def test_without_a_caption_column_the_columns_are_listed(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["x"], "title": ["a dog"]}), tmp_path / "x.parquet")
    with pytest.raises(
        ValueError, match=r"expected a column named 'caption', 'text', 'txt' or 'TEXT'; got 'url', 'title': name"
    ):
        captions_of(tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"expected a column 'heading'; got 'url', 'title': name one with column=NAME"):
        captions_of(tmp_path / "x.parquet", Reading(column="heading"))
    assert captions_of(tmp_path / "x.parquet", Reading(column="title")) == ["a dog"]


KINDS = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.dictionary(pa.int8(), pa.string()),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_string_column_is_read_nulls_included(tmp_path: Path, kind: pa.DataType) -> None:
    values = ["a dog", None, "café 😀", "a dog"]
    column = pa.array(values).dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else pa.array(values, kind)
    table = pa.table({"caption": column})
    with pa.ipc.new_file(tmp_path / "x.arrow", table.schema) as writer:
        writer.write_table(table)
    reading = Reading(bad_rows="skip")
    assert captions_of(tmp_path / "x.arrow", reading) == ["a dog", "", "café 😀", "a dog"]
    source = open_source(tmp_path / "x.arrow")
    assert [batch.columns.schema for batch in read_captions(source, reading)] == [table.schema]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_column_of_nulls_is_skipped_row_by_row(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({"caption": pa.nulls(2, kind)})
    with pa.ipc.new_file(tmp_path / "x.arrow", table.schema) as writer:
        writer.write_table(table)
    assert captions_of(tmp_path / "x.arrow", Reading(bad_rows="skip")) == ["", ""]


def test_a_caption_column_that_is_not_text_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"caption": [["a", "b"]]}), tmp_path / "x.parquet")
    with pytest.raises(
        ValueError, match=r"expected strings in the column 'caption'; got list<.*>: make a row of each caption"
    ):
        captions_of(tmp_path / "x.parquet")


@pytest.mark.parametrize("text", ['{"annotations": []}', "[]", '[{"caption": "a dog"}]', '{"caption": "a dog"}'])
def test_json_that_is_not_cocos_is_refused_and_lines_are_asked_for(tmp_path: Path, text: str) -> None:
    (tmp_path / "captions_val2017.json").write_text(text)
    with pytest.raises(ValueError, match=r"captions_val2017\.json.*write other JSON as lines, an object a caption"):
        open_source(*find_inputs([tmp_path / "captions_val2017.json"]))


@pytest.mark.parametrize("name", ["x.xml", "x.md", "x"])
def test_an_unknown_format_is_refused_and_the_known_ones_listed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(ValueError, match=r"expected a file whose name ends in one of \.parquet, .*\.tar"):
        find_inputs([tmp_path / name])
    with pytest.raises(ValueError, match=r"expected a file in .* whose name ends in one of \.parquet, .*; got none"):
        find_inputs([tmp_path])


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"expected a file or folder; got .*nowhere\.parquet, which does not exist"
    ):
        find_inputs([tmp_path / "nowhere.parquet"])
    with pytest.raises(ValueError, match="expected an input; got none: name files or folders"):
        find_inputs([])
