"""`import unicl` is light, and its public names lead where they say."""

import subprocess
import sys

import pytest

import unicl


@pytest.mark.parametrize("module", ["unicl", "unicl.text", "unicl.labels"])
def test_import_loads_neither_torch_nor_triton(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'triton'}} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_every_public_name_can_be_loaded() -> None:
    for name in unicl.__all__:
        assert getattr(unicl, name).__name__ == name
    assert unicl.__version__


def test_an_unknown_name_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'fussed_loss'; it has ClipTokenizer.*fused_loss"):
        unicl.fussed_loss  # noqa: B018
