"""Captions from the standard input, in the place of a file."""

import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from unicl.cli import main


@pytest.fixture(autouse=True)
def stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("two dogs\na café and a cat\n".encode())))


@pytest.mark.parametrize("words", [["label", "--min-document-frequency", "1"], ["tokenize"]])
def test_a_hyphen_is_a_file_with_a_caption_a_line(tmp_path: Path, words: list[str]) -> None:
    assert main([words[0], "-", "--out", str(tmp_path / "out"), *words[1:]]) == 0
    done = pq.read_table(tmp_path / "out" / "stdin.parquet")
    assert done["caption"].to_pylist() == ["two dogs", "a café and a cat"]


def test_explain_takes_captions_from_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "-"]) == 0
    told = capsys.readouterr().out
    assert "labels: dog (16)\n\na café and a cat" in told
    assert told.endswith("labels: cat (15)\n")
