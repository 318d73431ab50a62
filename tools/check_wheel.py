"""Checks a wheel, ``python tools/check_wheel.py WHEEL``: its content, and docs/cli.md's installation without torch.

A new virtual environment gets the wheel without its dependencies, then numpy and pyarrow, then what the commands need.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "python" / "unicl"
NATIVE = "unicl/_native.abi3.so"
MOST_BYTES = 8 << 20
WITH_NUMPY_AND_PYARROW = """
import pathlib, unicl
from unicl.jobs import label_files, tokenize_files
coco = unicl.LabelVocabulary.coco()
pathlib.Path("captions.txt").write_text("a black dog\\ntwo cats on a sofa\\n")
label_files([pathlib.Path("captions.txt")], pathlib.Path("labels"), coco)
tokenize_files([pathlib.Path("captions.txt")], pathlib.Path("ids"), unicl.ClipTokenizer())
assert unicl.find_noun_phrases("a black dog") == ["a black dog"]
assert unicl.DenseLabeler(coco)(["a black dog"]).to_list() == [[coco.names.index("dog")]]
try:
    unicl.fused_loss
except ModuleNotFoundError as error:
    assert str(error).endswith("pip install torch jaxtyping"), error
else:
    raise AssertionError("fused_loss without torch")
"""
COMMANDS = (
    ("--version",),
    ("label", "captions.txt", "--vocabulary", "coco", "--out", "by_command"),
    ("tokenize", "captions.txt", "--out", "ids_by_command"),
    ("explain", "two cats on a sofa"),
)


def check_content(wheel: Path) -> None:
    """Compares the files of the wheel with those of the package: all of them, and no others."""
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {
        f"unicl/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".so"}
    }
    if unlike := sorted(inside ^ (wanted | {NATIVE})):
        raise SystemExit(f"expected the files of {PACKAGE} in {wheel.name}; missing or beyond them: {unlike}")
    if (size := wheel.stat().st_size) > MOST_BYTES:
        raise SystemExit(f"expected at most {MOST_BYTES:,} bytes; {wheel.name} has {size:,}")


def main() -> None:
    """Checks the wheel that the first argument names."""
    wheel = Path(sys.argv[1]).resolve()
    check_content(wheel)
    with tempfile.TemporaryDirectory() as folder:
        venv.create(Path(folder) / "venv", with_pip=True)
        programs = Path(folder) / "venv" / "bin"

        def run(program: str, *words: str) -> None:
            subprocess.run([programs / program, *words], cwd=folder, check=True)  # noqa: S603 - our own words

        run("pip", "install", "--quiet", "--no-deps", str(wheel))
        run("pip", "install", "--quiet", "numpy", "pyarrow")
        run("python", "-I", "-c", WITH_NUMPY_AND_PYARROW)
        run("pip", "install", "--quiet", "tyro", "tqdm", "ftfy")
        for words in COMMANDS:
            run("unicl", *words)


if __name__ == "__main__":
    main()
