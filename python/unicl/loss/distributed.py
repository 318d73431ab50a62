"""The loss over the ranks of a process group: every rank passes its own rows, every row is compared with all.

Legend: ``b`` images and ``m`` texts of this rank, ``M`` texts of all ranks, ``d`` width.

Each rank gathers the texts (M x d) and their labels once and walks b x M logits in tiles. Its rows are then complete;
of the columns it has a part, and the parts (maximum, sum, positive logits, counts) are reduced as vectors of size M.
Backward: the gradient of the local images is complete; that of the texts is a part of all M, summed over ranks.

Convention: the mean over ranks of what they return is the loss of the joined batch, and the gradient that a rank
computes for its features is that of the *sum* over ranks. DistributedDataParallel averages over ranks, so every
parameter, a shared logit_scale included, gets exactly the gradient of the joined batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from unicl.loss.labels import Labels
from unicl.loss.operators import engine
from unicl.loss.set_rows import is_sets
from unicl.loss.tiled import Sums
from unicl.loss.tiles import Problem

__all__ = ["Ranks", "distributed_losses", "join_ranks", "sum_over_ranks"]


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """How many rows every rank of a group has.

    Attributes:
        group: The process group.
        images: Number of images of each rank.
        texts: Number of texts of each rank.
        rank: This rank, within the group.
    """

    group: dist.ProcessGroup
    images: Sequence[int]
    texts: Sequence[int]
    rank: int

    @property
    def own_texts(self) -> slice:
        """Where the texts of this rank are among all."""
        first = sum(self.texts[: self.rank])
        return slice(first, first + self.texts[self.rank])


def join_ranks(group: Any, image: Tensor, text: Tensor) -> Ranks:
    """Learns the sizes of all ranks, and refuses a group that cannot be used.

    Raises:
        ValueError: torch.distributed is not there or not initialised, this process is not in the group, or the ranks
            disagree about the width.
        TypeError: The group is not a process group.
    """
    if not dist.is_available() or not dist.is_initialized():
        raise ValueError(
            "group needs torch.distributed to be initialised (init_process_group under torchrun); "
            "without it, leave group at None"
        )
    if not isinstance(group, dist.ProcessGroup):
        raise TypeError(f"group must be a torch.distributed.ProcessGroup; got {type(group).__name__}")
    rank = dist.get_rank(group)
    if rank < 0:
        raise ValueError("group must contain this process; it does not")
    own = torch.tensor([image.shape[0], text.shape[0], image.shape[1]], device=image.device)
    every = [torch.empty_like(own) for _ in range(dist.get_world_size(group))]
    dist.all_gather(every, own, group=group)
    images, texts, widths = (list(column) for column in zip(*(sizes.tolist() for sizes in every), strict=True))
    if len(set(widths)) > 1:
        raise ValueError(f"all ranks must pass features of one width; got {widths} by rank")
    return Ranks(group=group, images=images, texts=texts, rank=rank)


def sum_over_ranks(value: Tensor, ranks: Ranks) -> Tensor:
    """The sum over ranks, without gradient."""
    total = value.detach().clone()
    dist.all_reduce(total, group=ranks.group)
    return total


def distributed_losses(problem: Problem, labels: Labels, ranks: Ranks) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Losses of this rank's images (b,) and texts (m,) among all ranks, and which of them have a positive."""
    own = ranks.own_texts
    if labels.kind == "pairs" and ranks.images != ranks.texts:
        raise ValueError(
            f"without labels, every rank needs as many images as texts; got {ranks.images} and {ranks.texts} by rank"
        )
    every_text = _gather(problem.text.detach(), ranks.texts, ranks)
    if labels.kind != "pairs":
        labels = replace(labels, text=_gather_labels(labels.text, ranks))
    targets = labels.targets(
        problem.image, every_text, exclude_self=problem.exclude_self, backend=problem.backend, own_texts=own
    )
    if labels.kind == "pairs":
        one = targets.image_count.new_ones(every_text.shape[0])
        text_count = one * (not problem.exclude_self)
    else:
        text_count = sum_over_ranks(targets.text_count, ranks)
    targets = replace(targets, text_count=text_count)
    joined = replace(problem, targets=targets, first_pair=own.start, all_images=sum(ranks.images))
    rows, columns = _DistributedLosses.apply(problem.image, problem.text, problem.scale, every_text, joined, ranks)
    return rows, columns, targets.image_count > 0, targets.text_count[own] > 0


class _DistributedLosses(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, image: Tensor, text: Tensor, scale: Tensor, every_text: Tensor, problem: Problem, ranks: Ranks
    ) -> tuple[Tensor, Tensor]:
        def merge(columns: Sums) -> None:
            if problem.to_image:
                _merge(columns, ranks)

        problem = replace(problem, image=image, text=every_text, scale=scale)
        with torch.autocast(image.device.type, enabled=False):
            row_loss, column_loss, row_lse, column_lse = engine(problem).forward(problem, merge)
        ctx.save_for_backward(image, every_text, scale, row_lse, column_lse)
        empty = image.new_empty(0)
        ctx.problem, ctx.ranks = replace(problem, image=empty, text=empty, scale=empty), ranks
        ctx.text_dtype = text.dtype
        return row_loss, column_loss[ranks.own_texts].clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, row_grad: Tensor, column_grad: Tensor) -> tuple[Tensor | None, ...]:
        image, every_text, scale, row_lse, column_lse = ctx.saved_tensors
        problem, ranks = replace(ctx.problem, image=image, text=every_text, scale=scale), ctx.ranks
        every_grad = _gather(column_grad.contiguous(), ranks.texts, ranks)
        # Whether texts want a gradient may differ between ranks; the reduction below must not.
        with torch.autocast(image.device.type, enabled=False):
            image_grad, text_grad, scale_grad = engine(problem).backward(
                problem, row_lse, column_lse, row_grad, every_grad
            )
        dist.all_reduce(text_grad, group=ranks.group)
        return image_grad, text_grad[ranks.own_texts].to(ctx.text_dtype), scale_grad, None, None, None


def _merge(columns: Sums, ranks: Ranks) -> None:
    """Adds up the columns' sums over ranks, relative to the largest maximum."""
    largest = columns.largest.clone()
    dist.all_reduce(largest, op=dist.ReduceOp.MAX, group=ranks.group)
    parts = torch.stack([columns.total * torch.exp2(columns.largest - largest), columns.positive, columns.every])
    dist.all_reduce(parts, group=ranks.group)
    columns.largest = largest
    columns.total, columns.positive, columns.every = parts


def _gather(rows: Tensor, sizes: Sequence[int], ranks: Ranks) -> Tensor:
    """The rows of all ranks in the order of the ranks; ``sizes`` says how many each has."""
    longest = max(sizes)
    padded = rows.new_zeros(longest, *rows.shape[1:])
    padded[: rows.shape[0]] = rows
    every = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(every, padded, group=ranks.group)
    return torch.cat([part[:size] for part, size in zip(every, sizes, strict=True)])


def _gather_labels(labels: Any, ranks: Ranks) -> Any:
    if not is_sets(labels):
        return _gather(labels.long(), ranks.texts, ranks)
    device = _device_of(ranks.group)
    indices, offsets = np.asarray(labels.indices, np.int64), np.asarray(labels.offsets, np.int64)
    weights = np.ones(len(indices)) if labels.weights is None else np.asarray(labels.weights, np.float64)
    number = torch.tensor([len(indices)], device=device)
    numbers = _gather(number, [1] * len(ranks.texts), ranks).tolist()
    parts = (
        _gather(torch.from_numpy(indices).to(device), numbers, ranks),
        _gather(torch.from_numpy(np.diff(offsets)).to(device), ranks.texts, ranks).cumsum(0),
        _gather(torch.from_numpy(weights).to(device), numbers, ranks),
    )
    indices, ends, weights = (part.cpu().numpy() for part in parts)
    return SimpleNamespace(indices=indices, offsets=np.concatenate([[0], ends]), weights=weights)


def _device_of(group: dist.ProcessGroup) -> torch.device:
    """Where the collectives of a group want their tensors."""
    return torch.device("cuda") if dist.get_backend(group) == "nccl" else torch.device("cpu")
