"""`unicl meter` as it is typed."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl.cli import main


def test_what_label_writes_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"caption": ["a dog", "two dogs", "a dog", "a cat"]}), tmp_path / "captions.parquet")
    assert (
        main(["label", str(tmp_path / "captions.parquet"), "--vocabulary", "coco", "--out", str(tmp_path / "out")]) == 0
    )
    capsys.readouterr()
    assert main(["meter", str(tmp_path / "out"), "--batch-size", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["label"]["share_of_pairs"] == pytest.approx(3 / 6)
    assert found["caption"]["share_of_pairs"] == pytest.approx(1 / 6)
    assert found["either"]["per_row"] == pytest.approx(2 * 3 / 6)
    assert main(["meter", str(tmp_path / "out"), "--batch-size", "3"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "random batches of 3 of 4 rows; pairs of two rows that share"
    assert told[3].split() == ["label", "50", "1", "75"]


@pytest.mark.parametrize(
    ("rows", "size", "message"),
    [
        (2, "1", "expected --batch-size >= 2; got 1"),
        (1, "5", "expected 2 rows or more for batches of 5; got 1: name more files"),
        (0, "2", "expected 2 rows or more for batches of 2; got 0: name more files"),
    ],
)
def test_a_batch_size_out_of_range_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: int, size: str, message: str
) -> None:
    columns = {"caption": pa.array(["a"] * rows, pa.string()), "labels": pa.array([[0]] * rows, pa.list_(pa.int32()))}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    assert main(["meter", str(tmp_path / "x.parquet"), "--batch-size", size]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_fewer_rows_than_a_batch_are_measured_as_one_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"caption": ["a", "b", "c"], "labels": [[0], [0], [1]]}), tmp_path / "x.parquet")
    assert main(["meter", str(tmp_path / "x.parquet"), "--batch-size", "32", "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["batch_size"], found["label"]["share_of_pairs"]) == (3, pytest.approx(1 / 3))
    assert "warning: there are 3 rows, fewer than --batch-size 32: one batch of all rows is measured" in told.err


def test_rows_of_classes_alone_are_measured_without_captions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(pa.table({"class": ["dog", "dog", "cat"], "labels": [[0], [0], [1]]}), tmp_path / "x.parquet")
    assert main(["meter", str(tmp_path / "x.parquet"), "--batch-size", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["caption"]["share_of_pairs"], found["label"]["share_of_pairs"]) == (0, pytest.approx(1 / 3))
