"""The loss over the ranks of a process group as torch.library operators: rows are compared with those of all ranks.

Legend: ``b`` images and ``m`` texts of this rank, ``M`` texts of all ranks, ``d`` width.

Each rank gathers the texts (M x d) and their labels and walks b x M logits in tiles. Its rows are then complete. Of the
columns it has a part, and the parts (maximum, sum, positive logits, counts) are reduced as vectors of size M. Backward:
the gradient of the local images is complete. That of the texts is a part of all M, and is reduce-scattered to the ranks
that own them. The texts of all ranks are gathered once, and kept in between with vectors of the size of this rank's
rows.

Convention: the mean over ranks of the returned losses is the loss of the joined batch. The gradient that a rank
computes for its features is that of the *sum* over ranks. DistributedDataParallel averages over ranks, so every
parameter, a shared logit_scale included, gets exactly the gradient of the joined batch.

The operators know the group by its name, so torch.compile takes them into its graph. Under ``create_graph=True`` the
gradient goes through differentiable blocks (second_order.py) and differentiable collectives (collectives.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast

import numpy as np
import torch
import torch.distributed as dist
from jaxtyping import Bool, Float
from torch import Tensor

from unicl.loss.backends import backend_named
from unicl.loss.checks import is_shape
from unicl.loss.directions import Sums
from unicl.loss.modes import LossModes
from unicl.loss.operators import MODES, modes_of, schema_of
from unicl.loss.over_ranks.collectives import Ranks, gather, gathered_texts, sum_to_owners, summed
from unicl.loss.problem import Problem
from unicl.loss.second_order import differentiable_losses
from unicl.loss.targets.given import GivenLabels
from unicl.loss.targets.sets import is_sets

if TYPE_CHECKING:
    from unicl.labels import LabelSetsLike

__all__ = ["distributed_losses", "sum_over_ranks"]

# Losses, log-sum-exps in bits, and sums of q, each of rows and columns; the sizes of all ranks, and all texts.
_Outputs: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


class _SetTensors(NamedTuple):
    """Sets of labels as the operators take them, on the host."""

    indices: Tensor
    offsets: Tensor
    weights: Tensor


class _Arguments(NamedTuple):
    """The arguments of the operators; each labels are 0, 1 (integers) or 3 (sets) tensors."""

    image: Tensor
    text: Tensor
    scale: Tensor
    extra: Tensor | None
    kind: Literal["pairs", "integers", "sets"]
    image_labels: Sequence[Tensor]
    text_labels: Sequence[Tensor]
    extra_labels: Sequence[Tensor]
    modes: LossModes
    group: str

    @classmethod
    def read(cls, *arguments: Any) -> _Arguments:
        """Is the inverse of ``flatten``."""
        *data, group = arguments
        first = len(data) - len(MODES)
        return cls._make((*data[:first], modes_of(data[first:]), group))

    def flatten(self) -> tuple[Any, ...]:
        """Gives the arguments in the order of the schema."""
        return *self[:8], *(getattr(self.modes, name) for name in MODES), self.group

    def labels(self) -> GivenLabels:
        """Gives the labels as fused_loss read them."""
        image, text, extra = (_from_tensors(x) for x in (self.image_labels, self.text_labels, self.extra_labels))
        return GivenLabels(kind=self.kind, image=image, text=text, extra=extra)


_SCHEMA = (
    "Tensor image, Tensor text, Tensor scale, Tensor? extra, str kind, Tensor[] image_labels, Tensor[] text_labels, "
    f"Tensor[] extra_labels, {schema_of(LossModes)}, str group"
)


def distributed_losses(
    image: Float[Tensor, "b d"],
    text: Float[Tensor, "m d"],
    extra: Float[Tensor, "k d"] | None,
    scale: Float[Tensor, ""],
    labels: GivenLabels,
    modes: LossModes,
    group: dist.ProcessGroup,
) -> tuple[Float[Tensor, " b"], Float[Tensor, " m"], Bool[Tensor, " b"], Bool[Tensor, " m"]]:
    """Gives the losses of this rank's images and texts among all ranks, and which of them have a positive."""
    image_labels, text_labels, extra_labels = (_to_tensors(x) for x in (labels.image, labels.text, labels.extra))
    call = _Arguments(
        image=image,
        text=text,
        scale=scale,
        extra=extra,
        kind=labels.kind,
        image_labels=image_labels,
        text_labels=text_labels,
        extra_labels=extra_labels,
        modes=modes,
        group=group.group_name,
    )
    is_opaque = torch.compiler.is_compiling() or is_shape(image)
    found = _losses(*call.flatten()) if is_opaque else _Losses.apply(*call.flatten())
    rows, columns, _, _, row_count, column_count, *_ = found
    return rows, columns, row_count > 0, column_count > 0


@torch.library.custom_op("unicl::sum_over_ranks", mutates_args=(), schema="(Tensor value, str group) -> Tensor")
def sum_over_ranks(value: Tensor, group: str) -> Tensor:
    """Gives the sum over ranks, without gradient."""
    total = value.clone()
    dist.all_reduce(total, group=_group_of(group))
    return total


@sum_over_ranks.register_fake
def _(value: Tensor, _group: str) -> Tensor:
    return torch.empty_like(value)


def _compute(*arguments: Any) -> _Outputs:
    call = _Arguments.read(*arguments)
    kind = call.modes.overlap if call.kind == "sets" else call.kind
    ranks = Ranks.join(_group_of(call.group), call.image, call.text, kind, call.modes)
    if call.kind == "pairs" and ranks.images != ranks.texts:
        raise ValueError(
            "expected as many images as texts on every rank without labels; "
            f"got {ranks.images} and {ranks.texts} by rank: pass image_labels and text_labels"
        )
    problem = _join(call, ranks, gather(call.text, ranks.texts, ranks.group))
    count = problem.targets.text_count
    if count is not None:
        count = count.clone()
        if call.kind == "pairs":
            count.fill_(0.0 if call.modes.exclude_self else 1.0)
        else:
            dist.all_reduce(count, group=ranks.group)
        problem = replace(problem, targets=replace(problem.targets, text_count=count))

    def merge(columns: Sums) -> None:
        if call.modes.to_image:
            _merge(columns, ranks)

    # The dtypes are decided; autocast must not lower the matmuls inside.
    with torch.autocast(call.image.device.type, enabled=False):
        found = backend_named(call.modes.backend).forward(problem, merge)
    row_loss, column_loss, row_lse, column_lse, row_count, column_count = found
    own = ranks.own_texts
    counts = (row_count.double(), column_count[own].double())
    sizes = torch.tensor([ranks.images, ranks.texts])
    return (
        row_loss.clone(),
        column_loss[own].clone(),
        row_lse.clone(),
        column_lse[own].clone(),
        *counts,
        sizes,
        problem.text,
    )


_losses = torch.library.custom_op(
    "unicl::distributed_losses",
    _compute,
    mutates_args=(),
    schema=f"({_SCHEMA}) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
)


@_losses.register_fake
def _(*arguments: Any) -> _Outputs:
    call = _Arguments.read(*arguments)
    ranks, sizes = _group_of(call.group).size(), (call.image.shape[0], call.text.shape[0])
    losses, sums, counts = (
        [call.scale.new_empty(rows, dtype=dtype) for rows in sizes] for dtype in (None, torch.float64, torch.float64)
    )
    # How many texts the other ranks have is data, so their number is a new unknown size.
    every_text = call.text.new_empty(torch.library.get_ctx().new_dynamic_size(), call.text.shape[1])
    sizes_of_ranks = torch.empty(2, ranks, dtype=torch.int64, device="cpu")
    return cast("_Outputs", (*losses, *sums, *counts, sizes_of_ranks, every_text))


def _differentiate(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    *flat, row_lse, column_lse, row_count, column_count, sizes, every_text, row_grad, column_grad = arguments
    call = _Arguments.read(*flat)
    ranks = _ranks(call, sizes)
    columns = torch.stack([column_lse, column_count, column_grad.double()], 1)
    every_lse, every_count, every_grad = gather(columns, ranks.texts, ranks.group).unbind(1)
    problem = _join(call, ranks, every_text)
    targets = replace(problem.targets, image_count=row_count, text_count=every_count.contiguous())
    problem = replace(problem, targets=targets)
    with torch.autocast(call.image.device.type, enabled=False):
        # Whether texts want a gradient may differ between ranks; the reduction must not.
        image_grad, text_grad, scale_grad = backend_named(call.modes.backend).backward(
            problem, row_lse, every_lse.contiguous(), row_grad, every_grad.to(row_grad.dtype).contiguous()
        )
    return image_grad, sum_to_owners(text_grad, ranks), scale_grad


_gradients = torch.library.custom_op(
    "unicl::distributed_gradients",
    _differentiate,
    mutates_args=(),
    schema=f"({_SCHEMA}, Tensor row_lse, Tensor column_lse, Tensor row_count, Tensor column_count, Tensor sizes, "
    "Tensor every_text, Tensor row_grad, Tensor column_grad) -> (Tensor, Tensor, Tensor)",
)


@_gradients.register_fake
def _(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    image, text, scale = arguments[:3]
    return image.new_empty(image.shape), text.new_empty(text.shape), torch.empty_like(scale)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: _Outputs) -> None:
    call = _Arguments.read(*inputs)
    labels = (call.image_labels, call.text_labels, call.extra_labels)
    sums = output[2:]
    # Tensors go through save_for_backward alone, or they would be kept alive past the backward pass.
    ctx.save_for_backward(call.image, call.text, call.scale, call.extra, *sums, *chain.from_iterable(labels))
    ctx.lengths = [len(tensors) for tensors in labels]
    ctx.rest = (call.kind, call.modes, call.group)
    ctx.set_materialize_grads(True)


def _gradients_of(
    gradients: Callable[..., tuple[Tensor, Tensor, Tensor]], ctx: Any, row_grad: Tensor, column_grad: Tensor
) -> tuple[Any, ...]:
    """Gives the gradients of all arguments; ``gradients`` computes them, as an operator or not."""
    image, text, scale, extra, *sums = ctx.saved_tensors[:10]
    rest = ctx.saved_tensors[10:]
    kind, modes, group = ctx.rest
    saved = iter(rest)
    labels = [list(islice(saved, length)) for length in ctx.lengths]
    call = _Arguments._make((image, text, scale, extra, kind, *labels, modes, group))
    if torch.is_grad_enabled():
        _, _, row_count, column_count, sizes, _ = sums
        # Outputs of this very node: a gradient through them would come back to it without end.
        counts = (row_count.detach(), column_count.detach())
        grads: Sequence[Tensor | None] = _twice_differentiable(call, counts, sizes, row_grad, column_grad)
    else:
        found = gradients(*call.flatten(), *sums, row_grad, column_grad)
        wanted = (*ctx.needs_input_grad[:2], True)
        grads = [grad if flag else None for grad, flag in zip(found, wanted, strict=True)]
    return *grads, *([None] * len(x) if isinstance(x, list) else None for x in call.flatten()[3:])


def _backward(ctx: Any, row_grad: Tensor, column_grad: Tensor, *_: Any) -> tuple[Any, ...]:
    return _gradients_of(_gradients, ctx, row_grad, column_grad)


_losses.register_autograd(_backward, setup_context=_setup_context)


class _Losses(torch.autograd.Function):
    """The operators without the cost of their calls."""

    @staticmethod
    def forward(*arguments: Any) -> _Outputs:
        return _compute(*arguments)

    setup_context = staticmethod(_setup_context)

    @staticmethod
    def backward(ctx: Any, row_grad: Tensor, column_grad: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        grads = _gradients_of(_differentiate, ctx, row_grad, column_grad)
        return tuple(None if isinstance(grad, list) else grad for grad in grads)


def _twice_differentiable(
    call: _Arguments, counts: tuple[Tensor, Tensor], sizes: Tensor, row_grad: Tensor, column_grad: Tensor
) -> list[Tensor | None]:
    ranks = _ranks(call, sizes)
    every_text = gathered_texts(call.text, ranks)
    problem = _join(call, ranks, every_text)
    row_count, column_count = counts
    every_count = gather(column_count, ranks.texts, ranks.group)
    targets = problem.targets.for_tiles(ranks.own_texts)
    problem = replace(problem, targets=replace(targets, image_count=row_count, text_count=every_count))

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


def _ranks(call: _Arguments, sizes: Tensor) -> Ranks:
    images, texts = sizes.tolist()
    return Ranks(group=_group_of(call.group), images=images, texts=texts)


def _join(call: _Arguments, ranks: Ranks, every_text: Tensor) -> Problem:
    """Gives the problem of this rank's images and all texts; its text_count, if any, is that of these images alone."""
    labels, modes, own = call.labels(), call.modes, ranks.own_texts
    if labels.text is not None:
        labels = replace(labels, text=_gather_labels(labels.text, ranks))
    targets = labels.targets(
        call.image,
        every_text,
        overlap=modes.overlap,
        exclude_self=modes.exclude_self,
        is_counted=not backend_named(modes.backend).COUNTS,
        own_texts=own,
    )
    if call.kind == "pairs" and targets.text_count is not None:
        targets = replace(targets, text_count=targets.text_count.new_zeros(every_text.shape[0]))
    return Problem(
        image=call.image,
        text=every_text,
        extra=call.extra,
        scale=call.scale,
        targets=targets,
        modes=modes,
        first_pair=own.start,
        own_texts=own.stop - own.start,
        all_images=sum(ranks.images),
    )


def _merge(columns: Sums, ranks: Ranks) -> None:
    """Adds up the columns' sums over ranks, relative to the largest maximum."""
    largest = columns.largest.clone()
    dist.all_reduce(largest, op=dist.ReduceOp.MAX, group=ranks.group)
    every = [columns.total * torch.exp2(columns.largest - largest), columns.positive, columns.every]
    parts = torch.stack(every if columns.count is None else [*every, columns.count])
    dist.all_reduce(parts, group=ranks.group)
    columns.largest = largest
    columns.total, columns.positive, columns.every, *count = parts
    columns.count = count[0] if count else None


def _gather_labels(labels: Tensor | LabelSetsLike, ranks: Ranks) -> Tensor | LabelSetsLike:
    if isinstance(labels, Tensor):
        return gather(labels.long(), ranks.texts, ranks.group)
    device = torch.device("cuda" if dist.get_backend(ranks.group) == "nccl" else "cpu")
    indices, offsets, weights = (part.to(device) for part in _to_tensors(labels))
    numbers = gather(torch.tensor([len(indices)], device=device), [1] * len(ranks.texts), ranks.group).tolist()
    ends = gather(offsets.diff(), ranks.texts, ranks.group).cumsum(0).cpu()
    return _SetTensors(
        indices=gather(indices, numbers, ranks.group).cpu(),
        offsets=torch.cat([ends.new_zeros(1), ends]),
        weights=gather(weights, numbers, ranks.group).cpu(),
    )


def _to_tensors(labels: Tensor | LabelSetsLike | None) -> list[Tensor]:
    if labels is None:
        return []
    if not is_sets(labels):
        return [cast("Tensor", labels)]
    indices, offsets = np.asarray(labels.indices, np.int64), np.asarray(labels.offsets, np.int64)
    weights = np.ones(len(indices)) if labels.weights is None else np.asarray(labels.weights, np.float64)
    return [torch.from_numpy(part) for part in (indices, offsets, weights)]


def _from_tensors(tensors: Sequence[Tensor]) -> Tensor | LabelSetsLike | None:
    if len(tensors) < 2:
        return tensors[0] if tensors else None
    return _SetTensors(*tensors)
