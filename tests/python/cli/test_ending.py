"""How `unicl` ends: after signals, without a reader of its output, and where --stats would replace a file."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unicl.cli import main

UNICL = [sys.executable, "-m", "unicl.cli"]


@pytest.fixture
def captions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a dog\n")
    (tmp_path / "b.txt").write_text("a cat\n")
    return tmp_path


@pytest.mark.parametrize("command", [["label", "--vocabulary", "coco"], ["tokenize"]])
def test_without_a_reader_of_stderr_and_stdout_all_files_are_written(captions: Path, command: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = [*UNICL, *command, "a.txt", "b.txt", "--out", "out", "--stats", "stats.json"]
    done = subprocess.run(words, stdout=writer, stderr=writer)
    os.close(writer)
    assert done.returncode == 0
    assert {"a.parquet", "b.parquet"} <= {path.name for path in (captions / "out").iterdir()}
    assert json.loads((captions / "stats.json").read_text())["captions"] == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
@pytest.mark.parametrize("words", [["--help"], ["explain", "a dog"]])
def test_results_that_cannot_be_written_are_an_error_of_one_line(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*UNICL, *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "No space left" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such shell")
def test_closed_streams_take_no_file(captions: Path) -> None:
    words = " ".join([*UNICL, "label", "a.txt", "--vocabulary", "coco", "--out", "out"])
    assert subprocess.run(["sh", "-c", f"{words} <&- >&- 2>&-"]).returncode == 0
    assert (captions / "out" / "a.parquet").read_bytes().endswith(b"PAR1")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_no_partial_file_stays_after_a_signal(captions: Path, name: str) -> None:
    (captions / "a.txt").write_text("a dog and a cat on a beach\n" * 3_000_000)
    words = [*UNICL, "label", "a.txt", "--vocabulary", "coco", "--out", "out", "--threads", "1"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as run:
        while not list(captions.glob("out/.*.partial")):
            assert run.poll() is None
            time.sleep(0.01)
        run.send_signal(getattr(signal, name))
        _, told = run.communicate()
    assert run.returncode == 128 + getattr(signal, name)
    assert told.splitlines()[-1] == f"unicl: ended by {name}"
    assert list((captions / "out").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_signal_that_is_ignored_stays_ignored() -> None:
    code = """
import os, signal, sys
from unicl.cli import label, main
signal.signal(signal.SIGHUP, signal.SIG_IGN)
label.run = lambda _: os.kill(os.getpid(), signal.SIGHUP) or 0
assert main(["label"]) == 0
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
@pytest.mark.parametrize("name", ["mine.json", "thesis.json", "out/vocabulary.json", "out.json"])
def test_counts_replace_no_other_file(
    captions: Path, capsys: pytest.CaptureFixture[str], name: str, overwrite: list[str]
) -> None:
    (captions / "thesis.json").write_text("precious")
    (captions / "mine.json").write_text('["dog"]')
    out = "out.json" if name == "out.json" else "out"
    words = ["label", "a.txt", "--vocabulary", "mine.json", "--out", out, "--stats", name, *overwrite]
    assert main(words) == 2
    assert name in capsys.readouterr().err
    assert not (captions / out).exists()
    assert (captions / "thesis.json").read_text() == "precious"
    assert (captions / "mine.json").read_text() == '["dog"]'


def test_counts_replace_earlier_counts_on_request(captions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tokenize", "a.txt", "b.txt", "--out", "out", "--stats", "stats.json"]
    assert main(words) == 0
    assert main([*words[:1], *words[2:4], "other", *words[5:]]) == 2
    assert "stats.json exists: name another place, or replace it with --overwrite" in capsys.readouterr().err
    assert main([*words[:1], *words[2:], "--overwrite"]) == 0
    assert json.loads((captions / "stats.json").read_text())["files"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["label", "a.txt", "--threads", "9" * 22], f"got {'9' * 22}"),
        (["tokenize", "a.txt", "--threads", "9" * 22], f"got {'9' * 22}"),
        (["tokenize", "a.txt", "--context-length", "9" * 10], "expected --context-length < 2147483648"),
        (["tokenize", "a.txt", "--context-length", "9" * 22], f"got {'9' * 22}"),
    ],
)
@pytest.mark.usefixtures("captions")
def test_numbers_out_of_range_are_named(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert main([*words, "--out", "out"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert message in told[0]
    assert "Python" not in told[0]


def test_a_defect_is_told_in_one_line_that_tells_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: list[str]) -> int:
        raise LookupError("two\nlines")

    monkeypatch.setattr("unicl.cli.vocab.run", run)
    assert main(["vocab"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("unicl vocab: LookupError: two lines (test_ending.py, line ")
    assert told.count("\n") == 1
