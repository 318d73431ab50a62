"""The choice of a backend, and the modes that the operators carry."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace

import pytest
import torch

from unicl.loss import operators
from unicl.loss.backends import backend_named
from unicl.loss.modes import LossModes
from unicl.loss.operators import MODES, flatten, modes_of
from unicl.loss.over_ranks import operators as over_ranks
from unicl.loss.problem import Problem
from unicl.loss.targets.match import match_pairs
from unicl.loss.tiled import passes


@pytest.mark.parametrize("backend", ["auto", "tiled", "reference"])
def test_the_kernels_are_not_imported_unless_they_are_asked_for(backend):
    code = f"""
import sys, torch, unicl
unicl.fused_loss(torch.eye(3), torch.eye(3), backend={backend!r})
print([name for name in sys.modules if name.startswith("unicl.loss.kernels")])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_the_tiles_are_the_backend_of_their_name_and_of_auto():
    assert backend_named("tiled") is backend_named("auto") is passes


def test_the_kernels_are_the_backend_of_their_name():
    kernels = pytest.importorskip("unicl.loss.kernels.passes", reason="triton is not installed")
    assert backend_named("triton") is kernels


OTHER = {
    "label_smoothing": 0.25,
    "overlap": "any",
    "direction": "text_to_image",
    "exclude_self": True,
    "backend": "tiled",
    "chunk_size": 3,
    "deterministic": False,
}


@pytest.mark.parametrize("name", [field.name for field in fields(LossModes)])
def test_every_mode_travels_through_the_operators_unchanged(name):
    modes = replace(LossModes(), **{name: OTHER[name]})
    targets = match_pairs(3, device=torch.device("cpu"))
    problem = Problem(image=torch.eye(3), text=torch.eye(3), scale=torch.tensor(1.0), targets=targets, modes=modes)
    assert modes != LossModes()
    assert modes_of(flatten(problem)[-len(MODES) - 1 : -1]) == modes


@pytest.mark.parametrize("module", [operators, over_ranks], ids=["one process", "over ranks"])
@pytest.mark.parametrize("operator", ["_losses", "_gradients"])
def test_the_schemas_have_every_mode(module, operator):
    names = [argument.name for argument in getattr(module, operator)._opoverload._schema.arguments]
    first = names.index(MODES[0])
    assert names[first : first + len(MODES)] == list(MODES)
