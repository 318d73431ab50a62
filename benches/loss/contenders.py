"""The losses that are compared on a GPU: ours in three ways, plain PyTorch in two, and the packages of others.

A contender makes a step for a batch: forward and backward, the gradients in the leaves. It says why where it cannot.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import open_clip
import torch
from batches import SCALE, Batch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

import unicl

# A loss as a function of the batch.
Loss = Callable[[Batch], Tensor]


class LeftOut(Exception):  # noqa: N818
    """Why a contender does not run here."""


@dataclass(kw_only=True)
class Step:
    """A step that is ready to be measured.

    Attributes:
        run: Forward and backward; gives the loss.
        peak_bytes: Memory at the peak where it cannot be seen while the step runs, as for a CUDA graph.
    """

    run: Callable[[], Tensor]
    peak_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A way to compute the loss.

    Attributes:
        name: As tables print it.
        make: Makes the loss of a batch; raises ``LeftOut``.
        targets: The kinds of targets that it takes, by their first word.
        is_ours: Whether a wrong answer is our fault.
        same_loss: Whether it computes the loss of the judge, so that its answer can be checked.
        package: What must be installed, and on which device type it runs.
        square: Whether it needs as many texts as images.
        graph: Whether the step is recorded as a CUDA graph.
    """

    name: str
    make: Callable[[Batch], Loss]
    targets: tuple[str, ...] = ("pairs", "labels", "sets")
    is_ours: bool = False
    same_loss: bool = True
    package: str | None = None
    square: bool = False
    graph: bool = False

    def step(self, batch: Batch) -> Step:
        """Makes the step for a batch.

        Raises:
            LeftOut: The contender cannot run with this batch, on this device, or without a package.
        """
        b, m, _ = batch.shape
        if batch.targets.split()[0] not in self.targets:
            raise LeftOut(f"takes no {batch.targets.split()[0]}")
        if self.square and b != m:
            raise LeftOut("needs as many texts as images")
        if self.package and importlib.util.find_spec(self.package) is None:
            raise LeftOut(f"the package {self.package} is not installed")
        if (self.package or self.graph) and not batch.image.is_cuda:
            raise LeftOut("needs a CUDA device")
        loss = self.make(batch)

        def run() -> Tensor:
            batch.clear()
            value = loss(batch)
            value.backward()
            return value

        return _graphed(run, batch) if self.graph else Step(run=run)


def our_backend(device: str) -> str:
    """The backend that stands for ours: the kernels on a card or in Triton's interpreter, else the tiles."""
    return "triton" if device == "cuda" or os.environ.get("TRITON_INTERPRET") == "1" else "tiled"


def ours(batch: Batch) -> Tensor:
    """The fused loss."""
    backend = our_backend(batch.image.device.type)
    return unicl.fused_loss(
        batch.image, batch.text, batch.image_labels, batch.text_labels, batch.scale, backend=backend
    )


def dense(image: Tensor, text: Tensor, image_codes: Tensor, text_codes: Tensor, scale: Tensor) -> Tensor:
    """The equation as plain PyTorch writes it, in the dtype of the features."""
    logits = scale.to(image.dtype) * image @ text.T
    is_integer = image_codes.dim() == 1
    target = image_codes[:, None] == text_codes[None] if is_integer else image_codes @ text_codes.T
    target = target.to(logits.dtype)
    means = []
    for own, goal in ((logits, target), (logits.T, target.T)):
        total = goal.sum(1, dtype=torch.float32)
        losses = -(goal * log_softmax(own, dim=1)).sum(1, dtype=torch.float32) / total.clamp_min(1e-6)
        means.append(losses.sum() / (total > 0).sum())
    return (means[0] + means[1]) / 2


def dense_pairs(image: Tensor, text: Tensor, scale: Tensor) -> Tensor:
    """The equation for pairs: two cross-entropies."""
    logits = scale.to(image.dtype) * image @ text.T
    own = torch.arange(len(image), device=image.device)
    return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2


def _eager(batch: Batch, compiler: Callable[[Callable[..., Tensor]], Callable[..., Tensor]] = lambda x: x) -> Loss:
    b, m, _ = batch.shape
    if batch.targets == "pairs" and b == m:
        function = compiler(dense_pairs)
        return lambda x: function(x.image, x.text, x.scale)
    function = compiler(dense)
    return lambda x: function(x.image, x.text, x.image_codes, x.text_codes, x.scale)


def _compiled(batch: Batch, make: Callable[[Batch, Callable], Loss]) -> Loss:
    if not batch.image.is_cuda:
        raise LeftOut("compiled on a CUDA device alone; benches/loss/cpu.py measures torch.compile on a CPU")
    torch.compiler.reset()  # past a few sizes it would fall back to eager without a word in the table
    return make(batch, lambda function: torch.compile(function, dynamic=False, fullgraph=True))


def _ours_compiled(batch: Batch, compiler: Callable) -> Loss:
    del batch
    function = compiler(unicl.fused_loss)
    return lambda x: function(x.image, x.text, x.image_labels, x.text_labels, x.scale, backend="triton")


def _memeff(batch: Batch) -> Loss:
    from memeff import MemoryEfficientCLIPLoss

    del batch
    # Its scale is a number and gets no gradient. stable=True would scale the gradients.
    loss = MemoryEfficientCLIPLoss(temperature=1 / SCALE, normalized_inputs=True, stable=False)
    return lambda x: loss(x.image, x.text)


def _siglip(batch: Batch) -> Loss:
    from siglip_kernel import fused_siglip_loss

    scale, bias = _siglip_parameters(batch)
    return lambda x: fused_siglip_loss(x.image, x.text, scale, bias)


def _siglip_plus(batch: Batch) -> Loss:
    from siglip_kernel import fused_siglip_plus_loss

    scale, bias = _siglip_parameters(batch)
    groups = int(batch.text_codes.max()) + 1  # without it, it would wait for the device
    return lambda x: fused_siglip_plus_loss(
        x.image, x.text, scale, bias, x.image_codes, x.text_codes, num_groups=groups
    )


def _siglip_parameters(batch: Batch) -> tuple[Tensor, Tensor]:
    def leaf(value: float) -> Tensor:
        return torch.tensor(value, device=batch.image.device, requires_grad=True)

    return leaf(math.log(SCALE)), leaf(-10.0)


def _infcl(batch: Batch) -> Loss:
    from inf_cl import cal_inf_loss

    if batch.shape[2] % 256:
        raise LeftOut("takes widths that 256 divides")
    _process_group_of_one()
    # It has one direction.
    return lambda x: (cal_inf_loss(x.image, x.text, scale=x.scale) + cal_inf_loss(x.text, x.image, scale=x.scale)) / 2


@cache
def _process_group_of_one() -> None:
    torch.distributed.init_process_group("nccl", store=torch.distributed.HashStore(), rank=0, world_size=1)


def _graphed(run: Callable[[], Tensor], batch: Batch) -> Step:
    """Records a step as a CUDA graph."""
    if batch.targets.startswith("sets"):
        raise LeftOut("sets are read on the host, which a CUDA graph does not record")
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    batch.clear()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before, graph = torch.cuda.memory_allocated(), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = run()
    gradients = [leaf.grad for leaf in batch.leaves]

    def replay() -> Tensor:
        graph.replay()
        for leaf, gradient in zip(batch.leaves, gradients, strict=True):
            leaf.grad = gradient
        return loss

    return Step(run=replay, peak_bytes=torch.cuda.max_memory_allocated() - before)


OURS = (
    Contender(name="unicl", make=lambda _: ours, is_ours=True),
    Contender(name="unicl, CUDA graph", make=lambda _: ours, is_ours=True, graph=True),
    Contender(name="unicl, torch.compile", make=lambda x: _compiled(x, _ours_compiled), is_ours=True),
)
PLAIN = (
    Contender(name="dense equation", make=_eager),
    Contender(name="torch.compile of it", make=lambda x: _compiled(x, _eager)),
)
PEERS = (
    Contender(
        name="open_clip ClipLoss",
        make=lambda _: lambda x: open_clip.ClipLoss()(x.image, x.text, x.scale.to(x.image.dtype)),
        targets=("pairs",),
        square=True,
    ),
    Contender(name="memeff", make=_memeff, targets=("pairs",), package="memeff", square=True),
    Contender(
        name="siglip-kernel (sigmoid, 3 products)",
        make=_siglip,
        targets=("pairs",),
        package="siglip_kernel",
        square=True,
        same_loss=False,
    ),
    Contender(
        name="siglip-kernel, label form",
        make=_siglip_plus,
        targets=("labels",),
        package="siglip_kernel",
        same_loss=False,
    ),
    Contender(name="Inf-CL, both directions", make=_infcl, targets=("pairs",), package="inf_cl", square=True),
)


def four_matmuls(batch: Batch) -> Step:
    """The loss's four products by the library in the features' dtype: the floor of all that keep no logits."""
    u, v = batch.image.detach(), batch.text.detach()
    b, m, _ = batch.shape
    g = torch.empty(min(b, 4096), m, dtype=u.dtype, device=u.device)

    def run() -> Tensor:
        for start in range(0, b, len(g)):
            part = u[start : start + len(g)]
            out = g[: len(part)]
            torch.mm(part, v.T, out=out)
            torch.mm(part, v.T, out=out)
            torch.mm(out, v)
            torch.mm(out.T, part)
        return g

    return Step(run=run)
