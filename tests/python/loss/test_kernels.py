"""The Triton kernels without a GPU: interpreted against float64, and compiled ahead of time behind gates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import unicl

pytest.importorskip("triton", reason="triton is not installed")
from unicl.loss.kernels.autotune import TILES

HERE = Path(__file__).parent
AOT = HERE.parents[2] / "benches" / "loss" / "aot.py"


def test_the_backend_on_a_cpu_says_what_to_do():
    with pytest.raises(
        ValueError, match=r"expected features on a CUDA device .*; got cpu: use backend='tiled' or 'auto'"
    ):
        unicl.fused_loss(torch.eye(3), torch.eye(3), backend="triton")


def test_float64_is_refused():
    eye = torch.eye(3).double()
    with pytest.raises(TypeError, match=r"expected features of at most 32 bits .*; got float64: use backend='tiled'"):
        unicl.fused_loss(eye, eye, backend="triton")


@pytest.fixture(scope="module")
def interpreted():
    """Errors of every interpreted case, from a process of its own: triton reads its switch when it is imported."""
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / "interpreted_kernels.py")]
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("kind", ["pairs", "labels", "cosine", "any"])
def test_interpreted_kernels_give_the_loss_and_gradients_of_the_equation(interpreted, dtype, kind):
    cases = {name: errors for name, errors in interpreted["modes"].items() if name.startswith(f"{dtype} {kind} ")}
    assert len(cases) == 8
    allowed = {"float32": 3e-6, "float16": 3e-3, "bfloat16": 2e-2}[dtype]
    for name, errors in cases.items():
        assert errors["loss"] < 3e-6, name
        assert max(errors.values()) < allowed, name


@pytest.mark.parametrize("kind", ["labels", "cosine"])
def test_every_tile_gives_the_loss_and_gradients_of_a_ragged_problem(interpreted, kind):
    tiles = max(len(tiles) for (_, sets, _), tiles in TILES.items() if sets == (kind == "cosine"))
    cases = {name: errors for name, errors in interpreted["tiles"].items() if name.startswith(f"{kind} ")}
    assert len(cases) == tiles
    for name, errors in cases.items():
        assert max(errors.values()) < 3e-6, name


def test_images_of_one_rank_meet_their_own_texts_among_all(interpreted):
    assert interpreted["part"].keys() == {"pairs", "labels", "cosine", "any"}
    assert max(interpreted["part"].values()) < 3e-6


def test_the_call_with_the_kernels_compiles_into_one_graph(interpreted):
    assert interpreted["compiled"].keys() == {"pairs", "labels"}
    assert max(interpreted["compiled"].values()) == 0


def test_waived_determinism_reaches_both_kernels_and_times_nothing_on_the_interpreter(interpreted):
    assert interpreted["waived"] == [["sums_kernel", False], ["gradient_kernel", False]]


@pytest.mark.parametrize("capability", [80, 90, 100])
def test_compiled_kernels_pass_the_gates(capability):
    command = [sys.executable, str(AOT), "--few", "--json", "--capability", str(capability)]
    kernels = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert {(row["kernel"], row["overlap"] != "none", row["dtype"] == "fp32") for row in kernels} == TILES.keys()
    assert {row["overlap"] for row in kernels} == {"none", "cosine", "any"}
    assert {row["dtype"] for row in kernels} == {"bf16", "fp16", "fp32"}
    for row in kernels:
        assert row["shared"] <= {80: 166_912, 90: 232_448, 100: 232_448}[capability], row
        assert row["stack"] == 0, row
        assert row["atomics"] == 0, row
        # Tensor cores would round float32 to 11 bits.
        assert (row["tensor_core"] > 0) is (row["dtype"] != "fp32"), row
