"""The commands in docs/cli.md run as they stand, from top to bottom."""

import re
import shlex
from pathlib import Path

import pytest

from unicl.cli import COMMANDS, main

PAGE = Path(__file__).resolve().parents[3] / "docs" / "cli.md"
CAPTIONS = ["A black dog chases two balls.", "two dogs on the grass", "it rains", "the man with a black dog", "grass"]


def test_the_commands_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("captions.txt").write_text("".join(f"{caption}\n" for caption in CAPTIONS))
    Path("kinds.tsv").write_text("name\tparent\nanimal\t\ndog\tanimal\nblack dog\tdog\nball\t\n")
    lines = re.findall(r"^\$ unicl (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {line.split()[0] for line in lines} == {*COMMANDS} - {"demo"}
    for line in lines:
        assert main(shlex.split(line)) == 0, line
    for name in (
        "ids.parquet",
        "tokens.json",
        "mined/captions.parquet",
        "labelled/vocabulary.json",
        "merged.json",
        "rolled/captions.parquet",
    ):
        assert Path(name).exists()
