"""The loss over the ranks of a process group, as torch.library operators: every row is compared with those of all.

Legend: ``b`` images and ``m`` texts of this rank, ``M`` texts of all ranks, ``d`` width.

Each rank gathers the texts (M x d) and their labels and walks b x M logits in tiles. Its rows are then complete; of the
columns it has a part, and the parts (maximum, sum, positive logits, counts) are reduced as vectors of size M. Backward:
the gradient of the local images is complete; that of the texts is a part of all M, and is reduce-scattered to the ranks
that own them. What is kept in between has the size of this rank's rows: the texts of all are gathered again, rather
than held while the towers' activations are.

Convention: the mean over ranks of what they return is the loss of the joined batch, and the gradient that a rank
computes for its features is that of the *sum* over ranks. DistributedDataParallel averages over ranks, so every
parameter, a shared logit_scale included, gets exactly the gradient of the joined batch.

The operators know the group by its name, so torch.compile takes them into its graph. Under ``create_graph=True`` the
gradient goes through differentiable blocks (differentiable.py) and differentiable collectives (ranks.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from unicl.loss.second_order import differentiable_losses
from unicl.loss.targets.given import Labels
from unicl.loss.operators import engine
from unicl.loss.over_ranks.collectives import Ranks, gather, gathered_texts, sum_to_owners, summed
from unicl.loss.targets.sets import is_sets
from unicl.loss.tiled.passes import Sums
from unicl.loss.tiled.tile import Problem

__all__ = ["distributed_losses", "sum_over_ranks"]


class _Call(NamedTuple):
    """The arguments of the operators, in the order of their schema; labels of a side as 0, 1 or 3 tensors."""

    image: Tensor
    text: Tensor
    scale: Tensor
    extra: Tensor | None
    kind: str
    image_labels: Sequence[Tensor]
    text_labels: Sequence[Tensor]
    extra_labels: Sequence[Tensor]
    label_smoothing: float
    exclude_self: bool
    to_text: bool
    to_image: bool
    chunk_size: int
    backend: str
    deterministic: bool
    group: str

    def labels(self) -> Labels:
        """The labels as fused_loss read them."""
        image, text, extra = (_from_tensors(x) for x in (self.image_labels, self.text_labels, self.extra_labels))
        if self.kind in ("pairs", "integers"):
            return Labels(kind=cast("Any", self.kind), image=image, text=text, extra=extra)
        return Labels(kind="sets", image=image, text=text, extra=extra, overlap=cast("Any", self.kind))


_ARGUMENTS = (
    "Tensor image, Tensor text, Tensor scale, Tensor? extra, str kind, Tensor[] image_labels, Tensor[] text_labels, "
    "Tensor[] extra_labels, float label_smoothing, bool exclude_self, bool to_text, bool to_image, int chunk_size, "
    "str backend, bool deterministic, str group"
)
Outputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def distributed_losses(
    image: Tensor,
    text: Tensor,
    extra: Tensor | None,
    scale: Tensor,
    labels: Labels,
    group: dist.ProcessGroup,
    *,
    label_smoothing: float,
    exclude_self: bool,
    to_text: bool,
    to_image: bool,
    chunk_size: int | None,
    backend: str,
    deterministic: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Losses of this rank's images (b,) and texts (m,) among all ranks, and which of them have a positive."""
    rows, columns, _, _, row_count, column_count, _ = _losses(
        image,
        text,
        scale,
        extra,
        labels.overlap if labels.kind == "sets" else labels.kind,
        *(_to_tensors(side) for side in (labels.image, labels.text, labels.extra)),
        label_smoothing,
        exclude_self,
        to_text,
        to_image,
        chunk_size or 0,
        backend,
        deterministic,
        group.group_name,
    )
    return rows, columns, row_count > 0, column_count > 0


@torch.library.custom_op("unicl::sum_over_ranks", mutates_args=(), schema="(Tensor value, str group) -> Tensor")
def sum_over_ranks(value: Tensor, group: str) -> Tensor:
    """The sum over ranks, without gradient."""
    total = value.clone()
    dist.all_reduce(total, group=_group_of(group))
    return total


@sum_over_ranks.register_fake
def _(value: Tensor, _group: str) -> Tensor:
    return torch.empty_like(value)


@torch.library.custom_op(
    "unicl::distributed_losses",
    mutates_args=(),
    schema=f"({_ARGUMENTS}) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _losses(*arguments: Any) -> Outputs:
    call = _Call(*arguments)
    ranks = Ranks.join(_group_of(call.group), call.image, call.text, call.kind)
    if call.kind == "pairs" and ranks.images != ranks.texts:
        raise ValueError(
            f"without labels, every rank needs as many images as texts; got {ranks.images} and {ranks.texts} by rank"
        )
    problem = _join(call, ranks)
    count = problem.targets.text_count.clone()
    if call.kind == "pairs":
        count.fill_(0.0 if call.exclude_self else 1.0)
    else:
        dist.all_reduce(count, group=ranks.group)
    problem = replace(problem, targets=replace(problem.targets, text_count=count))

    def merge(columns: Sums) -> None:
        if call.to_image:
            _merge(columns, ranks)

    # The dtypes are decided; autocast must not lower the matmuls inside.
    with torch.autocast(call.image.device.type, enabled=False):
        row_loss, column_loss, row_lse, column_lse = engine(problem).forward(problem, merge)
    own = ranks.own_texts
    counts = (problem.targets.image_count.double(), count[own].double())
    sizes = torch.tensor([ranks.images, ranks.texts])
    return row_loss, column_loss[own].clone(), row_lse, column_lse[own].clone(), *counts, sizes


@_losses.register_fake
def _(*arguments: Any) -> Outputs:
    call = _Call(*arguments)
    ranks, sides = _group_of(call.group).size(), (call.image.shape[0], call.text.shape[0])
    losses, sums, counts = (
        [call.scale.new_empty(rows, dtype=dtype) for rows in sides] for dtype in (None, torch.float64, torch.float64)
    )
    return cast("Outputs", (*losses, *sums, *counts, torch.empty(2, ranks, dtype=torch.int64, device="cpu")))


@torch.library.custom_op(
    "unicl::distributed_gradients",
    mutates_args=(),
    schema=f"({_ARGUMENTS}, Tensor row_lse, Tensor column_lse, Tensor column_count, Tensor sizes, Tensor row_grad, "
    "Tensor column_grad) -> (Tensor, Tensor, Tensor)",
)
def _gradients(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    *flat, row_lse, column_lse, column_count, sizes, row_grad, column_grad = arguments
    call = _Call(*flat)
    ranks = _ranks(call, sizes)
    columns = torch.stack([column_lse, column_count, column_grad.double()], 1)
    every_lse, every_count, every_grad = gather(columns, ranks.texts, ranks.group).unbind(1)
    problem = _join(call, ranks)
    problem = replace(problem, targets=replace(problem.targets, text_count=every_count.contiguous()))
    with torch.autocast(call.image.device.type, enabled=False):
        # Whether texts want a gradient may differ between ranks; the reduction must not.
        image_grad, text_grad, scale_grad = engine(problem).backward(
            problem, row_lse, every_lse.contiguous(), row_grad, every_grad.to(row_grad.dtype).contiguous()
        )
    return image_grad, sum_to_owners(text_grad, ranks), scale_grad


@_gradients.register_fake
def _(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    call = _Call(*arguments[: len(_Call._fields)])
    return call.image.new_empty(call.image.shape), call.text.new_empty(call.text.shape), torch.empty_like(call.scale)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Outputs) -> None:
    call = _Call(*inputs)
    sides = (call.image_labels, call.text_labels, call.extra_labels)
    _, _, row_lse, column_lse, _, column_count, sizes = output
    ctx.save_for_backward(
        call.image,
        call.text,
        call.scale,
        call.extra,
        row_lse,
        column_lse,
        column_count,
        sizes,
        *chain.from_iterable(sides),
    )
    ctx.sides = [len(side) for side in sides]
    # Tensors go through save_for_backward alone, or they would be kept alive past the backward pass.
    ctx.rest = (call.kind, *inputs[-8:])
    ctx.set_materialize_grads(True)


def _backward(ctx: Any, row_grad: Tensor, column_grad: Tensor, *_: Any) -> tuple[Any, ...]:
    image, text, scale, extra, row_lse, column_lse, column_count, sizes, *labels = ctx.saved_tensors
    kind, *modes = ctx.rest
    call = _Call._make([image, text, scale, extra, kind, *_split(labels, ctx.sides), *modes])
    if torch.is_grad_enabled():
        grads: Sequence[Tensor | None] = _twice_differentiable(call, column_count, sizes, row_grad, column_grad)
    else:
        found = _gradients(*call, row_lse, column_lse, column_count, sizes, row_grad, column_grad)
        wanted = (*ctx.needs_input_grad[:2], True)
        grads = [grad if flag else None for grad, flag in zip(found, wanted, strict=True)]
    return (*grads, None, None, *([None] * size for size in ctx.sides), *[None] * 8)


_losses.register_autograd(_backward, setup_context=_setup_context)


def _twice_differentiable(
    call: _Call, column_count: Tensor, sizes: Tensor, row_grad: Tensor, column_grad: Tensor
) -> list[Tensor | None]:
    ranks = _ranks(call, sizes)
    every_text = gathered_texts(call.text, ranks)
    problem = _join(call, ranks, every_text)
    every_count = gather(column_count, ranks.texts, ranks.group)
    problem = replace(problem, targets=replace(problem.targets, text_count=every_count))

    def merge(lse: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
        largest = lse.detach().clone()
        dist.all_reduce(largest, op=dist.ReduceOp.MAX, group=ranks.group)
        total, every_mean = summed(torch.stack([(lse - largest).exp(), mean]), ranks)
        return total.log() + largest, every_mean

    rows, columns = differentiable_losses(problem, merge)
    inputs = (call.image, call.text, call.scale)
    wanted = [x for x in inputs if x.requires_grad]
    outputs = (rows, columns[ranks.own_texts])
    found = iter(torch.autograd.grad(outputs, wanted, (row_grad, column_grad), create_graph=True))
    return [next(found) if x.requires_grad else None for x in inputs]


def _group_of(name: str) -> dist.ProcessGroup:
    # Looked up when asked for: a torch without distributed has no such module.
    resolve: Callable[[str], dist.ProcessGroup] = vars(dist.distributed_c10d)["_resolve_process_group"]
    return resolve(name)


def _ranks(call: _Call, sizes: Tensor) -> Ranks:
    images, texts = sizes.tolist()
    return Ranks(group=_group_of(call.group), images=images, texts=texts)


def _join(call: _Call, ranks: Ranks, every_text: Tensor | None = None) -> Problem:
    """The problem of this rank's images and all texts; its text_count is that of these images alone."""
    if every_text is None:
        every_text = gather(call.text, ranks.texts, ranks.group)
    labels, own = call.labels(), ranks.own_texts
    if call.kind != "pairs":
        labels = replace(labels, text=_gather_labels(labels.text, ranks))
    targets = labels.targets(
        call.image, every_text, exclude_self=call.exclude_self, backend=call.backend, own_texts=own
    )
    if call.kind == "pairs":
        targets = replace(targets, text_count=targets.text_count.new_zeros(every_text.shape[0]))
    return Problem(
        image=call.image,
        text=every_text,
        extra=call.extra,
        scale=call.scale,
        targets=targets,
        label_smoothing=call.label_smoothing,
        exclude_self=call.exclude_self,
        to_text=call.to_text,
        to_image=call.to_image,
        chunk_size=call.chunk_size or None,
        backend=call.backend,
        deterministic=call.deterministic,
        first_pair=own.start,
        all_images=sum(ranks.images),
    )


def _merge(columns: Sums, ranks: Ranks) -> None:
    """Adds up the columns' sums over ranks, relative to the largest maximum."""
    largest = columns.largest.clone()
    dist.all_reduce(largest, op=dist.ReduceOp.MAX, group=ranks.group)
    parts = torch.stack([columns.total * torch.exp2(columns.largest - largest), columns.positive, columns.every])
    dist.all_reduce(parts, group=ranks.group)
    columns.largest = largest
    columns.total, columns.positive, columns.every = parts


def _gather_labels(labels: Any, ranks: Ranks) -> Any:
    if not is_sets(labels):
        return gather(labels.long(), ranks.texts, ranks.group)
    device = torch.device("cuda" if dist.get_backend(ranks.group) == "nccl" else "cpu")
    indices, offsets, weights = (part.to(device) for part in (labels.indices, labels.offsets, labels.weights))
    numbers = gather(torch.tensor([len(indices)], device=device), [1] * len(ranks.texts), ranks.group).tolist()
    every = (
        gather(indices, numbers, ranks.group),
        gather(offsets.diff(), ranks.texts, ranks.group).cumsum(0),
        gather(weights, numbers, ranks.group),
    )
    indices, ends, weights = (part.cpu().numpy() for part in every)
    return SimpleNamespace(indices=indices, offsets=np.concatenate([[0], ends]), weights=weights)


def _to_tensors(labels: Any) -> list[Tensor]:
    if labels is None:
        return []
    if not is_sets(labels):
        return [labels]
    indices, offsets = np.asarray(labels.indices, np.int64), np.asarray(labels.offsets, np.int64)
    weights = np.ones(len(indices)) if labels.weights is None else np.asarray(labels.weights, np.float64)
    return [torch.from_numpy(part) for part in (indices, offsets, weights)]


def _from_tensors(tensors: Sequence[Tensor]) -> Any:
    if len(tensors) < 2:
        return tensors[0] if tensors else None
    return SimpleNamespace(**dict(zip(("indices", "offsets", "weights"), tensors, strict=True)))


def _split(tensors: Sequence[Tensor], sizes: Sequence[int]) -> list[Sequence[Tensor]]:
    ends = np.cumsum(sizes).tolist()
    return [tensors[end - size : end] for end, size in zip(ends, sizes, strict=True)]
