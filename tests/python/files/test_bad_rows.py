"""A row that cannot be read keeps its place and is counted; a value is never changed, nor a row lost, in silence."""

import io
import json
import random
import tarfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from unicl.files import Reading, open_source, read_captions

SKIP = Reading(bad_rows="skip")


def read(path: Path, reading: Reading = SKIP) -> tuple[list[dict[str, object]], list[str], Counter[str]]:
    """The rows, the captions and the bad rows by reason."""
    skipped: Counter[str] = Counter()
    batches = list(read_captions(open_source(path, reading), reading, skipped=skipped))
    rows = [row for batch in batches for row in batch.columns.to_pylist()]
    return rows, [caption for batch in batches for caption in batch.captions.to_pylist()], skipped


def write_lines(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


BAD_LINES = {
    '{"caption": "a c': "not a JSON object",
    '{"caption":': "not a JSON object",
    '["a cat"]': "not a JSON object",
    '"a cat"': "not a JSON object",
    '{"caption": "a cat"} {"caption": "a cow"}': "not a JSON object",
    '{"caption": "a cat", "caption": "a cow"}': "not a JSON object",
    '{"caption": ' + "[" * 100_000: "not a JSON object",
    '{"caption": "a cat \\ud83d"}': "half of a surrogate pair",
    '{"caption": "\\ude00 a cat"}': "half of a surrogate pair",
    '{"caption": 5}': "a caption that is no text",
    '{"caption": ["a cat"]}': "a caption that is no text",
    '{"caption": null}': "null caption",
    '{"other": 1}': "null caption",
}


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: line[:24])
@pytest.mark.parametrize("name", ["x.jsonl", "x.tar"])
def test_whatever_is_wrong_with_a_row_of_json_the_others_are_read(tmp_path: Path, name: str, line: str) -> None:
    lines = ['{"caption": "a dog"}', line, '{"caption": "a bird \\ud83d\\ude00"}']
    if name == "x.tar":
        write_tar(tmp_path / name, {f"{row}.json": text.encode() for row, text in enumerate(lines)})
    else:
        write_lines(tmp_path / name, *lines)
    _, captions, skipped = read(tmp_path / name)
    assert captions == ["a dog", "", "a bird \U0001f600"]
    assert skipped == {BAD_LINES[line]: 1}
    with pytest.raises(ValueError, match='bad_rows="skip"'):
        read(tmp_path / name, Reading())


def test_rows_of_too_few_or_too_many_values_keep_their_places(tmp_path: Path) -> None:
    rows = ["caption,n", "a,b,c", "a dog,1", "", "a cat, sitting,2", "x", "a bird,3", "y", "z"]
    for batch_rows in (1, 2, 100):
        reading = Reading(bad_rows="skip", batch_rows=batch_rows)
        read_rows, captions, skipped = read(write_lines(tmp_path / "x.csv", *rows), reading)
        assert captions == ["", "a dog", "", "", "a bird", "", ""]
        assert [row["n"] for row in read_rows] == [None, "1", None, None, "3", None, None]
        assert skipped == {"too few or too many values": 5}
    with pytest.raises(ValueError, match=r"x\.csv, row 2: expected 2 values; got 3 in 'a,b,c': set bad_rows="):
        read(tmp_path / "x.csv", Reading())


def test_many_ragged_rows_are_found_where_they_are(tmp_path: Path) -> None:
    draw = random.Random(0)  # noqa: S311
    rows = [draw.choice(["{0},{0}", "{0}", "{0},{0},{0}"]).format(row) for row in range(5000)]
    _, captions, skipped = read(write_lines(tmp_path / "x.csv", "caption,n", *rows))
    assert captions == [row.split(",")[0] if row.count(",") == 1 else "" for row in rows]
    assert skipped.total() == captions.count("")


MIXED = [
    ([1, "x", 2.5, True, None], ["1", "x", "2.5", "true", None]),
    ([1, "1"], ["1", "1"]),
    ([{}, {}], ["{}", "{}"]),
    ([{"a": 1}, {"a": "x"}], ['{"a": 1}', '{"a": "x"}']),
    ([[1], {"a": 1}], ["[1]", '{"a": 1}']),
    ([[{}], None], ["[{}]", None]),
    ([2**53 + 1, 2**64 - 1], ["9007199254740993", "18446744073709551615"]),
    ([2**53 + 1, 0.5], ["9007199254740993", "0.5"]),
    ([[2**63], [1]], ["[9223372036854775808]", "[1]"]),
    ([2**53 + 1, -(2**63)], [2**53 + 1, -(2**63)]),
    ([2**53, 0.5], [2.0**53, 0.5]),
    ([1e300, 1], [1e300, 1.0]),
    ([[[]], [[1]]], [[[]], [[1]]]),
    ([{"a": 1}, {"b": "x"}], [{"a": 1, "b": None}, {"a": None, "b": "x"}]),
]


@pytest.mark.parametrize(("values", "expected"), MIXED)
@pytest.mark.parametrize("block_bytes", [8, 4 << 20])
def test_a_field_keeps_every_value_and_is_text_if_no_type_has_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: list[object], expected: list[object], block_bytes: int
) -> None:
    monkeypatch.setattr("unicl.files.text_lines.BLOCK_BYTES", block_bytes)
    lines = [json.dumps({"caption": "a dog", "n": value}) for value in values]
    rows, captions, skipped = read(write_lines(tmp_path / "x.jsonl", *lines), Reading())
    assert [row["n"] for row in rows] == expected
    assert captions == ["a dog"] * len(values)
    assert not skipped


@pytest.mark.parametrize("depth", [40, 300, 20_000])
@pytest.mark.parametrize("brackets", ["[]", '{"a":}'])
def test_deep_json_is_text_or_a_bad_row(tmp_path: Path, depth: int, brackets: str) -> None:
    deep = brackets[:-1] * depth + "1" + brackets[-1] * depth
    path = write_lines(tmp_path / "x.jsonl", '{"caption": "a dog", "n": [1]}', f'{{"caption": "a cat", "n": {deep}}}')
    rows, captions, skipped = read(path)
    if skipped:
        assert depth == 20_000
        with pytest.raises(ValueError, match=r"x\.jsonl, line 2: expected JSON; .* \(too many brackets in brackets\)"):
            read(path, Reading())
    else:
        assert captions == ["a dog", "a cat"]
        assert str(rows[1]["n"]).replace(" ", "") == deep
        assert rows[0]["n"] == "[1]"


def test_brackets_in_strings_are_no_depth(tmp_path: Path) -> None:
    caption = 'a "[' + "[{" * 500
    rows, captions, _ = read(write_lines(tmp_path / "x.jsonl", json.dumps({"caption": caption, "n": [1]})))
    assert captions == [caption]
    assert rows[0]["n"] == [1]


def test_half_an_emoji_in_another_field_is_no_bad_row(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", '{"caption": "a dog", "title": "\\ud83d", "n": [{"\\udead": 1}]}')
    rows, captions, skipped = read(path, Reading())
    assert captions == ["a dog"]
    assert rows[0] == {"caption": "a dog", "title": "\ufffd", "n": [{"\ufffd": 1}]}
    assert not skipped


QUOTES = {
    "opens_and_never_closes": 'caption,n\n"a dog,1\n' + "a cat,2\n" * 9,
    "opens_at_the_end": 'caption,n\na dog,1\na cat,"',
    "goes_on": 'caption,n\n"the dog" by a painter,1\n',
    "closes_in_another_row": 'caption,n\n"a dog,1\n"a cat",2\n',
    "escaped_by_a_backslash": 'caption,n\n"a \\"big\\" dog",1\n',
    "header": 'caption,"n\na dog,1\n',
}


@pytest.mark.parametrize("kind", QUOTES)
@pytest.mark.parametrize("reading", [Reading(), SKIP], ids=["error", "skip"])
def test_quotes_that_no_rule_closes_are_an_error(tmp_path: Path, kind: str, reading: Reading) -> None:
    (tmp_path / "x.csv").write_text(QUOTES[kind])
    line = {"opens_at_the_end": 3, "header": 1}.get(kind, 2)
    with pytest.raises(ValueError, match=rf"x\.csv, line {line}: expected .*quote.* with quotes=False"):
        read(tmp_path / "x.csv", reading)
    if "header" not in kind:
        read(tmp_path / "x.csv", Reading(quotes=False, bad_rows="skip"))
    if "backslash" in kind:
        with pytest.raises(ValueError, match="Spark writes a backslash before a quote"):
            read(tmp_path / "x.csv", reading)


GOOD_QUOTES = [
    ('"a ""big"" dog"', 'a "big" dog'),
    ('""', ""),
    ('""""', '"'),
    ('"a, b"', "a, b"),
    ('"a\nb\r\nc"', "a\nb\r\nc"),
    ('5" nail', '5" nail'),
    ('="007"', '="007"'),
    ('a "', 'a "'),
    ('"\n"""', '\n"'),
]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_quotes_by_the_rules_are_read_wherever_the_file_is_cut_into_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line_end: str
) -> None:
    written = [(f'{number},"x",{value}', read_as) for number, (value, read_as) in enumerate(GOOD_QUOTES * 3)]
    (tmp_path / "x.csv").write_bytes(line_end.join(["n,x,caption", *(row for row, _ in written)]).encode())
    for block in range(1, 60):
        monkeypatch.setattr("unicl.files.delimited_text.BLOCK_BYTES", block)
        assert read(tmp_path / "x.csv", Reading())[1] == [read_as for _, read_as in written]


def test_a_tsv_has_no_quotes_unless_asked(tmp_path: Path) -> None:
    lines = ['"a dog\t1', "a cat\t2", '" a bird\t3', '"the dog" by a painter\t4']
    rows, captions, _ = read(write_lines(tmp_path / "x.tsv", "caption\tn", *lines), Reading())
    assert captions == [line.split("\t")[0] for line in lines]
    assert [row["n"] for row in rows] == ["1", "2", "3", "4"]
    with pytest.raises(ValueError, match="with quotes=False"):
        read(tmp_path / "x.tsv", Reading(quotes=True))


def test_carriage_returns_alone_end_rows_of_csv_and_are_refused_in_text(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"caption,n\ra dog,1\ra cat,2\r")
    assert read(tmp_path / "x.csv", Reading())[1] == ["a dog", "a cat"]
    for name, content in ("x.txt", b"a dog\ra cat\r"), ("x.jsonl", b'{"caption":"a"}\r{"caption":"b"}\r'):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name}: expected lines that end in a line feed; got carriage returns"):
            read(tmp_path / name)


@pytest.mark.parametrize("name", ["x.txt", "x.csv", "x.tsv", "x.jsonl", "x.tar"])
def test_a_file_without_rows_has_an_empty_column_of_captions(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(bytes(10_240) if name == "x.tar" else b"")
    assert read(tmp_path / name, Reading()) == ([], [], {})
    if name != "x.txt":
        assert open_source(tmp_path / name, Reading(column="title")).schema.names == ["title"]


COLUMNS = {
    "dictionary of views": pa.DictionaryArray.from_arrays(
        pa.array([0, 1, None], pa.uint32()), pa.array(["a", "b"], pa.string_view())
    ),
    "dictionary of lists": pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array([["a"], ["b"]])),
    "runs": pa.RunEndEncodedArray.from_arrays([2, 3], ["a", "b"]),
    "objects without fields": pa.array([{}, None, {}], pa.struct([])),
    "lists of them": pa.array([[{}], None, []], pa.list_(pa.struct([]))),
    "intervals": pa.array([(1, 2, 3), None, None], pa.month_day_nano_interval()),
    "unions": pa.UnionArray.from_sparse(
        pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]
    ),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_of_types_that_parquet_has_not_stop_nothing(tmp_path: Path, kind: str) -> None:
    table = pa.table({"caption": ["a dog", "a cat", "a cow"], "other": COLUMNS[kind]})
    with pa.ipc.new_file(tmp_path / "x.arrow", table.schema) as writer:
        writer.write_table(table)
    source = open_source(tmp_path / "x.arrow")
    batches = [batch.columns for batch in read_captions(source, Reading())]
    assert [batch.schema for batch in batches] == [source.schema]
    pa.parquet.write_table(pa.Table.from_batches(batches), tmp_path / "y.parquet")
    values = pa.parquet.read_table(tmp_path / "y.parquet")["other"].to_pylist()
    is_text = kind in ("objects without fields", "lists of them", "intervals", "unions")
    before = [json.dumps(value) if is_text and value is not None else value for value in table["other"].to_pylist()]
    assert values == before


def test_a_category_of_views_is_a_caption(tmp_path: Path) -> None:
    table = pa.table({"caption": COLUMNS["dictionary of views"]})
    with pa.ipc.new_file(tmp_path / "x.arrow", table.schema) as writer:
        writer.write_table(table)
    assert read(tmp_path / "x.arrow")[1:] == (["a", "b", ""], {"null caption": 1})
