"""`unicl` on the command line: its words, its exit status, its one-line errors."""

import subprocess
import sys
from pathlib import Path

import pytest

from unicl.cli import main


def unicl(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "unicl.cli", *map(str, arguments)], capture_output=True, text=True)


def test_help_lists_the_commands_and_imports_no_torch(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "demo" in capsys.readouterr().out
    code = "import sys; from unicl.cli import main; main(['--help']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_demo_runs_prints_the_table_and_says_where_the_report_is(tmp_path: Path) -> None:
    options = [
        "--steps",
        1,
        "--batch-size",
        16,
        "--image-size",
        16,
        "--objectives",
        "ce",
        "--cache",
        tmp_path / "cache",
    ]
    done = unicl("demo", "--out", tmp_path / "run", *options)
    assert done.returncode == 0, done.stderr
    assert "objective, %" in done.stdout
    assert f"report: {tmp_path / 'run' / 'report.html'}" in done.stdout
    assert "training ce: 1 of 1" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "unicl: unknown command 'train': choose one of demo"),
        (["demo", "--objectives", "siglip"], "got 'siglip'"),
        (["demo", "--steps", "0"], "expected steps >= 1; got 0"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: list[str], message: str) -> None:
    done = unicl(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            "No module named 'tqdm'",
            "No module named 'tqdm'; pip install 'unicl-rs[label]' brings what the command needs",
        ),
        ("timm is not installed: pip install timm", "timm is not installed: pip install timm"),
    ],
)
def test_a_missing_package_is_told_with_one_remedy(
    error: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: list[str]) -> int:
        raise ModuleNotFoundError(error)

    monkeypatch.setattr("unicl.cli.vocab.run", run)
    assert main(["vocab"]) == 2
    assert capsys.readouterr().err == f"unicl vocab: {message}\n"


def test_an_existing_run_folder_is_refused(tmp_path: Path) -> None:
    done = unicl("demo", "--out", tmp_path)
    assert done.returncode == 2
    assert f"the run folder {tmp_path} exists" in done.stderr
