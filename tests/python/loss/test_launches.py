"""What one step of the loss asks of a GPU, counted without one: benches/loss/launches.py says how."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

triton = pytest.importorskip("triton", reason="triton is not installed")

LAUNCHES = Path(__file__).parents[3] / "benches" / "loss" / "launches.py"
# The counts of 2026-11-27. Before the redesign of that day they were 154, 166 and 165 launches, and 205 to 227 calls.
# These bounds only ever fall.
MOST = {
    "pairs": {"triton": 10, "aten": 26, "launches": 13},
    "labels": {"triton": 11, "aten": 30, "launches": 14},
    "sets": {"triton": 14, "aten": 67, "launches": 43},
}


@pytest.fixture(scope="module")
def counts():
    """The counts of every kind of targets, from a process of its own: the loss may remember what card it saw."""
    command = [sys.executable, str(LAUNCHES), "--rows", "1024", "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.fixture(scope="module")
def launches():
    spec = importlib.util.spec_from_file_location("launches", LAUNCHES)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", MOST)
def test_a_step_of_1024_rows_asks_no_more_of_a_gpu_than_it_did(counts, kind):
    sys.stdout.write(f"{kind}: {counts[kind]}\n")
    assert counts[kind]["triton"] > 0, "the step did not take the path of a GPU"
    for name, most in MOST[kind].items():
        assert counts[kind][name] <= most, name


def test_sets_reach_the_kernels_as_sets(counts):
    # Three copies more than pairs for the labels, starts and weights of each side; not those of any other targets.
    assert counts["sets"]["device"] >= counts["pairs"]["device"] + 6


@triton.jit
def some_kernel(x_ptr):
    pass


def test_the_count_tells_launches_views_and_allocations_apart(launches):
    x = torch.empty(4, 3, device="meta", requires_grad=True)
    with launches.counted() as count:
        assert x.device == torch.device("cuda", 0)
        assert x.is_cuda
        assert not x.is_meta
        y = torch.empty(3, 4, device="cuda")
        z = (x * 2).t().double()
        some_kernel[(1,)](y)
        z.sum()
    assert count.triton == {"some_kernel": 1}
    assert count.empty == {"empty": 1}
    assert count.views == {"t": 1}
    assert count.device == {"mul": 1, "_to_copy": 1, "sum": 1}
    assert count.totals() == {"triton": 1, "aten": 5, "views": 1, "empty": 1, "device": 3, "launches": 4}


def test_the_count_sees_the_backward_pass_and_work_on_the_host(launches):
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(_, x):
            return x * 2

        @staticmethod
        def backward(_, grad):
            assert grad.is_cuda, "the pretence is off in the backward pass"
            some_kernel[(1,)](grad)
            return grad * torch.ones(3, device=grad.device)

    x = torch.empty(3, device="meta", requires_grad=True)
    with launches.counted() as count:
        launches.backward(Double.apply(x).sum() + torch.ones(()).to("cuda"))
        torch.ones(3) + 1
    assert count.triton == {"some_kernel": 1}
    # Two of the calls are on the host alone, and so is the making of a third.
    assert count.aten["ones"] == 3
    assert count.device["ones"] == 1
    assert count.device["mul"] == 2


def test_a_kernel_that_was_compiled_before_is_counted_when_it_is_launched(launches):
    with launches.counted() as count:
        compiled = some_kernel.warmup(torch.float32, grid=(1,))
        assert count.triton.total() == 0
        compiled[(1, 1, 1)](torch.empty(1, device="cuda"))
    assert count.triton == {"some_kernel": 1}


def test_a_value_of_the_device_cannot_be_read_while_counting(launches):
    with launches.counted(), pytest.raises((RuntimeError, NotImplementedError)):
        torch.ones(3, device="cuda").sum().item()


def test_the_pretence_ends_with_the_count(launches):
    with launches.counted():
        pass
    assert torch.empty(1, device="meta").device.type == "meta"
    assert torch.cuda.is_available() == (torch.cuda.device_count() > 0)
