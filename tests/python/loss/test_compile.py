"""The whole call compiles into one graph, with every backend (that of the kernels is in test_kernels.py)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "compiled_calls.py"
BACKENDS = [
    f"{backend}, {kind}, changing sizes" for backend in ("auto", "tiled", "reference") for kind in ("pairs", "labels")
]
MODES = [
    "label_smoothing=0.1",
    "direction=image_to_text",
    "exclude_self=True",
    "normalize=True",
    "chunk_size=2",
    "deterministic=False",
]


@pytest.fixture(scope="module")
def failures():
    """The failure of every case, or None, from a process without the checks of shapes."""
    done = subprocess.run([sys.executable, str(SCRIPT)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", [*BACKENDS, *MODES, "row losses", "module", "model"])
def test_the_call_compiles_into_one_graph_and_gives_the_same(failures, case):
    assert failures[case] is None, failures[case]


def test_every_case_is_asked_for(failures):
    assert failures.keys() == {*BACKENDS, *MODES, "row losses", "module", "model"}
