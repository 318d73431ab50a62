"""`unicl` on the command line: its words, its exit status, its one-line errors."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from unicl.cli import COMMANDS, main


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
    assert "training ce: 1 steps in" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "unicl: expected a command; got 'train': choose one of demo"),
        (["labels"], "got 'labels': did you mean label? Or choose one of demo, label"),
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
            "No module named 'tqdm'; pip install 'unicl-rs[label]' installs what the command needs",
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
    assert (
        f"got {tmp_path}, which exists: name another one with --out FOLDER, or replace it with --overwrite"
        in done.stderr
    )


HELP = [
    ["data"],
    ["demo"],
    ["explain"],
    ["index"],
    ["label"],
    ["meter"],
    ["tokenize"],
    ["vocab"],
    *(["vocab", command] for command in ("build", "stats", "diff", "merge")),
]


def test_help_of_every_command_is_tested() -> None:
    assert {words[0] for words in HELP} == {*COMMANDS}


@pytest.mark.parametrize("words", HELP, ids=" ".join)
def test_help_is_plain_text_without_markup_or_words_of_python(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert f"usage: unicl {' '.join(words)}" in told
    for markup in ("``", ":class:", ":func:", ":mod:", ":meth:", ":data:", "Raises:", "Args:", "Attributes:"):
        assert markup not in told
    assert not re.search(r"\bNone\b|\w_\w+=|\broll_up\b", told)


def test_messages_name_options_as_they_are_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad_rows.csv").write_text("caption,ids\na dog,1\n")
    assert main(["tokenize", str(tmp_path / "bad_rows.csv"), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert f"unicl tokenize: {tmp_path / 'bad_rows.csv'}: expected no column 'ids'" in told, "paths stay as they are"
    assert told.endswith("copy no columns with --no-copy-columns\n")


def test_explain_loads_neither_pyarrow_nor_the_jobs() -> None:
    code = """
import sys
from unicl.cli import main
assert main(["explain", "a black dog"]) == 0
sys.exit([name for name in ("pyarrow", "unicl.jobs", "tqdm", "torch") if name in sys.modules] or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
