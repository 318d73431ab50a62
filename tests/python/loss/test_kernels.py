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
from unicl.loss.kernels.tiles import TILES

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


ALLOWED = {"float32": 3e-6, "float16": 3e-3, "bfloat16": 2e-2}


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("kind", ["pairs", "labels", "cosine", "any"])
@pytest.mark.parametrize("kernels", ["exact", "fast"])
def test_interpreted_kernels_give_the_loss_and_gradients_of_the_equation(interpreted, kernels, dtype, kind):
    if kernels == "fast" and dtype == "float32":
        # They multiply on tensor cores, which would round float32.
        assert not [name for name in interpreted["fast"] if name.startswith("float32")]
        return
    cases = {name: errors for name, errors in interpreted[kernels].items() if name.startswith(f"{dtype} {kind} ")}
    assert len(cases) == 8
    for name, errors in cases.items():
        assert errors["loss"] < 3e-6, name
        assert max(errors.values()) < ALLOWED[dtype], name


def test_the_fast_cases_went_through_the_fast_kernels(interpreted):
    # All but those that exclude the own pair; with a chunk size of 7, several times; with extra texts, twice.
    assert interpreted["fast calls"]["shared_sums"] >= 2 * 4 * 7
    assert interpreted["fast calls"]["shared_gradient"] >= 2 * 4 * 7


@pytest.mark.parametrize("features", ["opposed", "too long", "far rows"])
def test_the_exact_kernels_take_over_where_the_shift_does_not_hold(interpreted, features):
    for kind, errors in interpreted["hard"][features].items():
        # A loss near 0 is a difference of logits near 100; 3e-4 of the 0.01 that errors are relative to.
        assert errors["loss"] < 3e-4, kind
        # Texts that nearly are one leave a small difference of rounded numbers.
        assert max(errors.values()) < 2 * ALLOWED["bfloat16"], kind


def test_the_flag_is_raised_for_such_features_and_for_no_others(interpreted):
    assert interpreted["flags"]["opposed"] == [1, 1]
    assert interpreted["flags"]["far rows"] == [1, 1]
    assert interpreted["flags"]["ordinary"] == [0, 0]


@pytest.mark.parametrize("kind", ["pairs", "labels"])
def test_weights_and_a_scaled_loss_reach_the_gradients(interpreted, kind):
    assert interpreted["weighted"][kind] < 3e-6


@pytest.mark.parametrize("kind", ["pairs", "labels", "cosine"])
def test_second_derivatives_are_those_of_the_equation(interpreted, kind):
    assert interpreted["second"][kind] < 1e-5


def test_results_are_the_same_from_run_to_run(interpreted):
    assert interpreted["rounds"] == 1


def test_images_of_one_rank_meet_their_own_texts_among_all(interpreted):
    assert interpreted["part"].keys() == {"pairs", "labels", "cosine", "any"}
    assert max(interpreted["part"].values()) < 3e-6


def test_the_call_with_the_kernels_compiles_into_one_graph(interpreted):
    assert interpreted["compiled"].keys() == {"pairs", "labels"}
    # The plain call computes the mean of the losses in a kernel, and the compiled one in torch.
    assert max(interpreted["compiled"].values()) < 2e-6


@pytest.mark.parametrize("capability", [80, 90, 100])
def test_compiled_kernels_pass_the_gates(capability):
    command = [sys.executable, str(AOT), "--few", "--json", "--capability", str(capability)]
    kernels = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    with_tiles = {kernel for kernel, _ in TILES}
    fast = {"shared_sums_kernel", "shared_gradient_kernel"}
    assert {row["kernel"] for row in kernels} >= with_tiles - (fast if capability < 90 else set())
    for row in kernels:
        assert row["shared"] <= {80: 166_912, 90: 232_448, 100: 232_448}[capability], row
        assert row["stack"] == 0, row
        assert row["atomics"] == 0, row
        # Tensor cores would round float32 to 11 bits.
        assert (row["tensor_core"] > 0) is (row["kernel"] in with_tiles and row["dtype"] != "fp32"), row
        assert (row["tma"] > 0) is (row["kernel"] in fast), row
