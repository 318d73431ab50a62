"""The Triton path never makes the host wait for the device, shown with tensors that say cuda and hold nothing.

A fake tensor has no values: what asks for one (``item``, ``tolist``, ``int``, an ``if``) or for a shape that depends on
one (``nonzero``, ``unique``) raises. Copies are watched here: to the host, and from it by a blocking copy.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

import unicl
from unicl.loss import functional, row_losses
from unicl.loss.targets import overlap
from unicl.loss.tiled import passes as tiled

pytest.importorskip("triton", reason="triton is not installed")
from triton.runtime.jit import JITFunction

from unicl.loss.kernels import mean, passes
from unicl.loss.kernels.card import Card
from unicl.loss.kernels.vectors import LossGradients

SETS = SimpleNamespace(
    indices=np.array([3, 1, 1, 7, 2, 2**40]),
    offsets=np.array([0, 2, 2, 3, 5, 6]),
    weights=np.array([1, 2, 1, 0, 1, 3.0]),
)


class WaitError(Exception):
    """A copy for which the host waits."""


class NoWait(TorchDispatchMode):
    """Refuses copies for which the host waits."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default):
            source = args[-1 if func is torch.ops.aten._to_copy.default else 1].device.type
            is_blocking = not (kwargs or {}).get("non_blocking", False) and (len(args) < 3 or not args[2])
            if source != out.device.type and (out.device.type == "cpu" or is_blocking):
                raise WaitError(f"a copy from {source} to {out.device.type}")
        return out


@pytest.fixture
def no_wait(monkeypatch):
    """Tensors are fake and copies watched; pinned memory, which needs a driver, is ordinary memory."""
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    with FakeTensorMode(allow_non_fake_inputs=True), NoWait():
        yield


def refuse_no_shape(_):
    """Says that a fake tensor is more than a shape, as a real one is: sets of labels are then read."""
    return False


@pytest.fixture
def launched(monkeypatch):
    """The names of the kernels that were launched, which are counted and not run.

    The losses go through them forward and back, without autograd: it needs a driver.
    """
    found = []

    def run(kernel, *_, grid, **__):
        assert all(isinstance(size, int) for size in grid)
        found.append(kernel.fn.__name__)

    def differentiate(problem, lse, counts, gradients):
        for wants in ({"wants_image": True, "wants_text": False}, {"wants_image": True, "wants_text": True}):
            passes.differentiate(problem, lse, counts, gradients, **wants)

    def kernel_mean(problem, *weights):
        done = passes.compute(problem, weights=weights)
        gradients = LossGradients(grad=done.mean, shares=done.shares, rows=weights[0], columns=weights[1])
        differentiate(problem, done.lse, done.counts, gradients)
        return done.mean, done.counts

    def losses(problem):
        done = passes.compute(problem)
        b = problem.image.shape[0]
        parts = (done.losses[:b], done.losses[b:])
        gradients = LossGradients(grad=None, shares=None, rows=parts[0], columns=parts[1])
        differentiate(problem, done.lse, done.counts, gradients)
        return *parts, done.counts[:b] > 0, done.counts[b:] > 0

    monkeypatch.setattr(JITFunction, "run", run)
    monkeypatch.setattr(passes, "card_of", lambda _: Card(capability=90, processors=132))
    for name in ("gradient", "shared_gradient", "shared_sums", "targets", "tiles"):
        monkeypatch.setattr(f"unicl.loss.kernels.{name}.card_of", lambda _: Card(capability=90, processors=132))
    monkeypatch.setattr(mean, "kernel_mean", kernel_mean)
    monkeypatch.setattr(functional, "contrastive_losses", losses)
    monkeypatch.setattr(functional, "is_shape", refuse_no_shape)
    return found


def on_device(*shape, dtype=torch.float32):
    return torch.empty(shape, dtype=dtype, device="cuda")


OPTIONS = {
    "plain": {},
    "smoothing": {"label_smoothing": 0.1},
    "itself": {"exclude_self": True},
    "rows only": {"direction": "image_to_text"},
    "columns only": {"direction": "text_to_image"},
    "row losses": {"by_row": True},
    "normalized": {"normalize": True},
    "in chunks": {"chunk_size": 2},
    "scale as a number": {"logit_scale": 9.0},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("kind", ["pairs", "labels", "labels in a list", "cosine", "any"])
@pytest.mark.parametrize(("dtype", "has_more"), [(torch.float32, False), (torch.bfloat16, True)], ids=["", "more"])
@pytest.mark.parametrize("is_fast", [False, True], ids=["exact", "fast"])
@pytest.mark.usefixtures("no_wait")
def test_the_host_never_waits(launched, monkeypatch, kind, options, dtype, has_more, is_fast):
    if is_fast:
        can_be_fast = dtype == torch.bfloat16 and "exclude_self" not in options
        monkeypatch.setattr(passes, "_is_fast", lambda _: can_be_fast)
    image, text, extra = (on_device(5, 8, dtype=dtype) for _ in range(3))
    labels = {
        "pairs": None,
        "labels": on_device(5, dtype=torch.int64),
        "labels in a list": [1, 2, -1, 1, 0],
        "cosine": SETS,
        "any": SETS,
    }[kind]
    options = {"logit_scale": on_device(), **options}
    if has_more:
        options |= {"image_weight": on_device(5), "text_weight": on_device(5), "extra_text_features": extra}
        options["extra_text_labels"] = labels
    if kind == "any":
        options["overlap"] = "any"
    loss = row_losses if options.pop("by_row", False) else unicl.fused_loss
    if loss is row_losses:
        options = {name: value for name, value in options.items() if not name.endswith("_weight")}
    loss(image, text, labels, backend="triton", **options)
    assert {"sums_kernel", "gradient_kernel"} <= set(launched)
    assert ("shared_sums_kernel" in launched) is ("shared_gradient_kernel" in launched) is (is_fast and can_be_fast)
    assert ("targets_kernel" in launched) is (
        kind in ("cosine", "any") or ("labels" in kind and is_fast and can_be_fast)
    )


@pytest.mark.parametrize(
    ("wait", "error"),
    [
        (lambda x: x.max().item(), DataDependentOutputException),
        (lambda x: x.tolist(), DataDependentOutputException),
        (lambda x: bool(x[0] > 0), DataDependentOutputException),
        (lambda x: x[x > 0], DynamicOutputShapeException),
        (lambda x: x.cpu(), WaitError),
        (lambda x: torch.zeros(5).copy_(x), WaitError),
        (lambda x: x.copy_(torch.zeros(5)), WaitError),
        (lambda _: torch.zeros(5).to("cuda"), WaitError),
    ],
)
@pytest.mark.usefixtures("no_wait")
def test_the_watch_sees_a_host_that_waits(wait, error):
    with pytest.raises(error):
        wait(on_device(5))


@pytest.mark.usefixtures("no_wait")
def test_the_tiles_of_sets_on_a_gpu_do_wait_so_the_watch_would_see_them():
    sets = [on_device(4, dtype=torch.int64), on_device(4, dtype=torch.int64), on_device(4)]
    with pytest.raises((DataDependentOutputException, DynamicOutputShapeException)):
        overlap.count_meetings(sets, sets, (), excluded=None)


@pytest.mark.usefixtures("no_wait")
def test_the_tiled_path_does_not_wait_either_for_pairs_and_integers(monkeypatch):
    def losses(problem):
        row_loss, column_loss, *sums, row_count, column_count = tiled.forward(problem)
        tiled.backward(problem, *sums, row_loss, column_loss)
        return row_loss, column_loss, row_count > 0, column_count > 0

    monkeypatch.setattr(functional, "contrastive_losses", losses)
    image, text, labels = on_device(5, 8), on_device(5, 8), on_device(5, dtype=torch.int64)
    for given in (None, labels):
        options = {"label_smoothing": 0.1, "exclude_self": True, "backend": "tiled"}
        unicl.fused_loss(image, text, given, None, on_device(), **options)
