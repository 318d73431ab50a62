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
    ("size", "message"), [("1", "expected --batch-size >= 2; got 1"), ("5", "from 2 to the number")]
)
def test_a_batch_size_out_of_range_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: str, message: str
) -> None:
    pq.write_table(pa.table({"caption": ["a", "b"], "labels": [[0], [1]]}), tmp_path / "x.parquet")
    assert main(["meter", str(tmp_path / "x.parquet"), "--batch-size", size]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
