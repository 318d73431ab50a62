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
from unicl.loss.kernels import autotune, gradient, passes, sums

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


class Kernel:
    """Stands in for a kernel, which only a device can run."""

    def __init__(self):
        self.launches = 0

    def __getitem__(self, grid):
        assert all(isinstance(size, int) for size in grid)
        self.launches += 1
        return lambda *_, **__: None


@pytest.fixture
def kernels(monkeypatch):
    """Both kernels replaced; the losses go through them forward and back, without the operator around."""
    found = {name: Kernel() for name in ("sums_kernel", "gradient_kernel")}
    monkeypatch.setattr(sums, "sums_kernel", found["sums_kernel"])
    monkeypatch.setattr(gradient, "gradient_kernel", found["gradient_kernel"])
    # Asking needs a driver.
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)

    def losses(problem):
        assert problem.modes.backend == "triton"
        row_loss, column_loss, *lse = passes.forward(problem)
        for wants in (True, False):
            passes.backward(problem, *lse, row_loss, column_loss, wants_image=wants, wants_text=not wants)
        passes.backward(problem, *lse, row_loss, column_loss)
        return row_loss, column_loss

    monkeypatch.setattr(functional, "contrastive_losses", losses)
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
    "any order": {"deterministic": False},
    "scale as a number": {"logit_scale": 9.0},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("kind", ["pairs", "labels", "labels in a list", "cosine", "any"])
@pytest.mark.parametrize(("dtype", "has_more"), [(torch.float32, False), (torch.bfloat16, True)], ids=["", "more"])
@pytest.mark.usefixtures("no_wait")
def test_the_host_never_waits(kernels, kind, options, dtype, has_more):
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
    assert all(kernel.launches for kernel in kernels.values())


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
        row_loss, column_loss, *sums = tiled.forward(problem)
        tiled.backward(problem, *sums, row_loss, column_loss)
        return row_loss, column_loss

    monkeypatch.setattr(functional, "contrastive_losses", losses)
    image, text, labels = on_device(5, 8), on_device(5, 8), on_device(5, dtype=torch.int64)
    for given in (None, labels):
        unicl.fused_loss(image, text, given, None, on_device(), label_smoothing=0.1, exclude_self=True)
    assert autotune.chosen_tiles() == {}
