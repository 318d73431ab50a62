"""Damaged files of all formats are read, or refused in one line with status 2. 500 of each are tried by hand."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[3] / "tools" / "damage_files.py"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the tool forks, and limits the memory of a child")


def test_damaged_files_of_every_reader_are_read_or_refused() -> None:
    done = subprocess.run([sys.executable, TOOL, "--files", "20", "--seed", "1"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(line.endswith(", 0 wrong") for line in done.stdout.splitlines())
    assert len(done.stdout.splitlines()) >= 21


ENDS = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import damage_files

def tell(lines):
    os.write(2, lines)
    return 2

for end in (
    lambda: 0, lambda: tell(b"unicl label: no\\n"), lambda: os.kill(os.getpid(), 11), lambda: 1 / 0,
    lambda: 2, lambda: 1, lambda: tell(b"unicl label: no\\nmore\\n"),
):
    damage_files.status_of = lambda words: end()
    print(damage_files.ending(["label"], Path(sys.argv[2])).split(":")[0])
"""


def test_the_tool_sees_every_wrong_end(tmp_path: Path) -> None:
    words = [sys.executable, "-c", ENDS, str(TOOL.parent), str(tmp_path / "told")]
    ends = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert ends == ["ok", "refused", "status -11", "status 1", "0 lines", "status 1", "1 lines"]
