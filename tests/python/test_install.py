"""What the package needs: numpy and pyarrow for text, labels and jobs, without torch; and what it says of the rest."""

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NUMPY_AND_PYARROW = ("numpy", "numpy.libs", "pyarrow", "pyarrow.libs")
FOR_THE_COMMANDS = ("tyro", "typeguard", "docstring_parser", "typing_extensions.py", "ftfy", "wcwidth")


def packages(folder: Path, *names: str) -> Path:
    """Makes a folder of installed packages that has unicl and these alone."""
    folder.mkdir()
    (folder / "unicl").symlink_to(ROOT / "python" / "unicl")
    site = Path(sys.modules["pytest"].__file__ or "").resolve().parents[1]
    for name in names:
        if (site / name).exists():
            (folder / name).symlink_to(site / name)
    return folder


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with the packages of that folder and of no other place."""
    code = f"import sys, runpy; sys.path.insert(0, {str(folder)!r}); sys.argv[:] = {['unicl', *arguments[1:]]!r}\n"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code + arguments[0]], cwd=folder, capture_output=True, text=True
    )


COMMAND = "runpy.run_module('unicl', run_name='__main__')"


def test_text_labels_and_jobs_need_numpy_and_pyarrow_alone(tmp_path: Path) -> None:
    folder = packages(tmp_path / "site", *NUMPY_AND_PYARROW)
    (folder / "captions.txt").write_text("a black dog\ntwo dogs\n")
    done = python(
        folder,
        """
from pathlib import Path
import unicl
from unicl.jobs import label_files, tokenize_files
tokenizer = unicl.ClipTokenizer()
assert tokenizer("a dog").shape == (1, 77)
assert unicl.find_noun_phrases("a dog") == ["a dog"]
coco = unicl.LabelVocabulary.coco()
assert unicl.DenseLabeler(coco)(["a dog"]).to_list() == [[coco.names.index("dog")]]
label_files([Path("captions.txt")], Path("labels"), coco)
tokenize_files([Path("captions.txt")], Path("ids"), tokenizer)
""",
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "labels" / "captions.parquet").exists()
    assert (folder / "ids" / "captions.parquet").exists()


@pytest.mark.parametrize("name", ["fused_loss", "row_losses", "UniCLLoss"])
def test_without_torch_the_loss_tells_what_to_install(tmp_path: Path, name: str) -> None:
    done = python(packages(tmp_path / "site", *NUMPY_AND_PYARROW), f"import unicl; unicl.{name}")
    told = done.stderr.splitlines()[-1]
    assert told.startswith("ModuleNotFoundError: expected the ")
    assert told.endswith(f"which unicl.{name} needs; got none: pip install torch jaxtyping")


def test_the_commands_over_files_run_without_torch_and_tqdm(tmp_path: Path) -> None:
    folder = packages(tmp_path / "site", *NUMPY_AND_PYARROW, *FOR_THE_COMMANDS)
    (folder / "captions.txt").write_text("a black dog &amp; a cat\ntwo dogs\n")
    for words in (
        ["label", "captions.txt", "--vocabulary", "coco", "--out", "labels"],
        ["tokenize", "captions.txt", "--out", "ids"],
        ["vocab", "build", "captions.txt", "--out", "words.json", "--min-document-frequency", "1"],
        ["meter", "labels", "--batch-size", "2"],
        ["explain", "a black dog"],
    ):
        done = python(folder, COMMAND, *words)
        assert done.returncode == 0, (words, done.stderr)


@pytest.mark.parametrize(
    ("missing", "words", "message"),
    [
        ("tyro", ["explain", "a dog"], "unicl explain: No module named 'tyro'; pip install tyro installs"),
        ("pyarrow", ["label", "a.txt", "--out", "b"], "got none: pip install pyarrow"),
        ("ftfy", ["tokenize", "a.txt", "--out", "b"], "got none: pip install ftfy, or choose --clean hf or"),
    ],
)
def test_a_package_that_is_missing_is_named_before_the_work(
    tmp_path: Path, missing: str, words: list[str], message: str
) -> None:
    names = [name for name in (*NUMPY_AND_PYARROW, *FOR_THE_COMMANDS) if not name.startswith(missing)]
    folder = packages(tmp_path / "site", *names)
    (folder / "a.txt").write_text("two dogs\n")
    done = python(folder, COMMAND, *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_label_extra_brings_all_that_the_commands_over_files_need() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {"ftfy", "pyarrow", "tyro"} <= {requirement.partition(">")[0] for requirement in extras["label"]}


@pytest.mark.parametrize("words", [["-m", "unicl"], ["-m", "unicl.cli"]])
def test_the_version_is_told(words: list[str]) -> None:
    done = subprocess.run([sys.executable, *words, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"unicl {importlib.metadata.version('unicl-rs')}\n")
