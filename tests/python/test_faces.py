"""Every package names its public things, and the list changes only on purpose."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ROOT / "tests" / "golden" / "public_names.txt"
PACKAGES = sorted(
    ".".join(stub.relative_to(ROOT / "python").parent.parts) for stub in (ROOT / "python").rglob("__init__.pyi")
)
WITHOUT_TORCH = ("unicl.files", "unicl.text", "unicl.phrases", "unicl.labels", "unicl.jobs")


def test_the_public_names_are_those_of_the_list() -> None:
    found = [f"{package}.{name}" for package in PACKAGES for name in importlib.import_module(package).__all__]
    assert sorted(found) == NAMES.read_text(encoding="utf-8").splitlines(), f"write the new list to {NAMES}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_loads_in_a_fresh_process(package: str) -> None:
    code = f"""
import importlib, sys, types
package = importlib.import_module({package!r})
for name in package.__all__:
    assert not isinstance(getattr(package, name), types.ModuleType), name
assert package.__doc__
print(sorted({{"torch", "triton"}} & set(sys.modules)))
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    if package in WITHOUT_TORCH:
        assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_takes_the_place_of_a_public_name(package: str) -> None:
    """A module that is imported becomes an attribute of its package, under its own name."""
    folder = Path(*importlib.import_module(package).__path__)
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not modules & {*importlib.import_module(package).__all__}


@pytest.mark.parametrize("module", ["unicl", "unicl.text", "unicl.labels", "unicl.loss"])
def test_import_loads_neither_torch_nor_triton(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'triton'}} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_docs_and_examples_import_from_the_faces_alone() -> None:
    import re

    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.py")]
    inner = [
        f"{page.name}: {match[0]}"
        for page in pages
        for match in re.finditer(r"(?:from|import) (unicl[\w.]*)", page.read_text(encoding="utf-8"))
        if match[1] not in PACKAGES
    ]
    assert not inner


def test_an_unknown_name_is_refused_and_the_known_ones_are_listed() -> None:
    import unicl

    with pytest.raises(AttributeError, match=r"no attribute 'fussed_loss'; it has ClipTokenizer.*fused_loss"):
        unicl.fussed_loss  # noqa: B018
    assert unicl.__version__
