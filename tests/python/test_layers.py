"""The contracts of import-linter hold, and each of them is broken by the mistake that it forbids."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(folder / "python")}
    return subprocess.run(
        [command, "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "python", folder / "python", ignore=shutil.ignore_patterns("*.so", "__pycache__", "*.bin"))
    return folder


def test_the_package_keeps_its_contracts(copy: Path) -> None:
    answer = lint(copy)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("loss/tiled/tile.py", "import triton", "Only the kernels import triton"),
        ("loss/functional.py", "import triton.language", "Only the kernels import triton"),
        ("loss/problem.py", "import triton", "Only the kernels import triton"),
        ("files/rows.py", "from unicl.labels import LabelSets", "Imports point down"),
        ("jobs/run.py", "from unicl.evaluation import Report", "Imports point down"),
        ("labels/label_sets.py", "from unicl.labels.labeler import DenseLabeler", "No circle of files"),
        ("labels/mapper.py", "import torch", "need no torch"),
        (
            "data/batch.py",
            "from unicl.labels.label_sets import LabelSets",
            "unicl.labels are imported through its face",
        ),
    ],
)
@pytest.mark.parametrize("typing_only", [False, True], ids=["at run time", "for typing"])
def test_a_forbidden_import_breaks_its_contract(
    copy: Path, module: str, line: str, contract: str, *, typing_only: bool
) -> None:
    path = copy / "python" / "unicl" / module
    before = path.read_text(encoding="utf-8")
    added = f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {line}\n" if typing_only else f"{line}\n"
    try:
        path.write_text(f"{before}\n{added}", encoding="utf-8")
        answer = lint(copy)
    finally:
        path.write_text(before, encoding="utf-8")
    assert answer.returncode == 1
    broken = [found for found in answer.stdout.splitlines() if found.endswith("BROKEN")]
    assert any(contract in found for found in broken), answer.stdout
