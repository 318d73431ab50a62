"""The ranks of a process group: how many rows each has, and rows carried between them.

Legend: ``m`` texts of this rank, ``M`` texts of all ranks, ``d`` width.

To gather and to sum to the owners are each other's derivative, to sum for all is its own: the gradient that a rank gets
is that of the sum over ranks of what they compute, to any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["Ranks", "check_group", "gather", "gathered_texts", "sum_to_owners", "summed"]

# What the labels of a rank can be, and what a message calls it.
_KINDS = {"pairs": "none", "integers": "integers", "cosine": "LabelSets", "any": "LabelSets, overlap='any'"}


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """How many rows every rank of a group has.

    Attributes:
        group: The process group.
        images: Number of images of each rank.
        texts: Number of texts of each rank.
    """

    group: dist.ProcessGroup
    images: Sequence[int]
    texts: Sequence[int]

    @classmethod
    def join(cls, group: dist.ProcessGroup, image: Tensor, text: Tensor, kind: str) -> Ranks:
        """Learns the sizes of all ranks; the host waits for them.

        Raises:
            ValueError: The ranks disagree about the width, or about the kind of their labels ("pairs", "integers",
                "cosine" or "any"); they would exchange different things and wait for one another.
        """
        own = torch.tensor(
            [image.shape[0], text.shape[0], image.shape[1], list(_KINDS).index(kind)], device=image.device
        )
        every = [torch.empty_like(own) for _ in range(group.size())]
        dist.all_gather(every, own, group=group)
        images, texts, widths, kinds = torch.stack(every).t().tolist()
        if len(set(widths)) > 1:
            raise ValueError(f"all ranks must pass features of one width; got {widths} by rank")
        if len(set(kinds)) > 1:
            names = list(_KINDS.values())
            raise ValueError(
                f"all ranks must pass labels of one kind; got {'; '.join(names[x] for x in kinds)} by rank"
            )
        return cls(group=group, images=images, texts=texts)

    @property
    def own_texts(self) -> slice:
        """Where the texts of this rank are among all."""
        first = sum(self.texts[: self.group.rank()])
        return slice(first, first + self.texts[self.group.rank()])


def check_group(group: Any) -> None:
    """Refuses a group that cannot be used.

    Raises:
        ValueError: torch.distributed is not there or not initialised, or this process is not in the group.
        TypeError: The group is not a process group.
    """
    if not dist.is_available() or not dist.is_initialized():
        raise ValueError(
            "group needs torch.distributed to be initialised (init_process_group under torchrun); "
            "without it, leave group at None"
        )
    if not isinstance(group, dist.ProcessGroup):
        raise TypeError(f"group must be a torch.distributed.ProcessGroup; got {type(group).__name__}")
    if group.rank() < 0:
        raise ValueError("group must contain this process; it does not")


def gather(rows: Tensor, sizes: Sequence[int], group: dist.ProcessGroup) -> Tensor:
    """The rows of all ranks in the order of the ranks; ``sizes`` says how many each has."""
    padded = rows.new_zeros(max(sizes), *rows.shape[1:])
    padded[: rows.shape[0]] = rows
    every = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(every, padded, group=group)
    return torch.cat([part[:size] for part, size in zip(every, sizes, strict=True)])


def sum_to_owners(whole: Tensor, ranks: Ranks) -> Tensor:
    """The sum over ranks of ``whole``, shape (M, ...), of which each rank gets its own texts, shape (m, ...)."""
    own = ranks.own_texts
    mine = torch.empty_like(whole[own])
    try:
        dist.reduce_scatter(mine, list(torch.split(whole.contiguous(), list(ranks.texts))), group=ranks.group)
    except RuntimeError as error:
        # gloo learnt it late, MPI never did: every rank then has the whole sum, at twice the traffic.
        if "does not support" not in str(error):
            raise
        whole = whole.clone()
        dist.all_reduce(whole, group=ranks.group)
        mine = whole[own].clone()
    return mine


def gathered_texts(rows: Tensor, ranks: Ranks) -> Tensor:
    """The texts of all ranks, shape (M, ...), from those of each, differentiable."""
    return cast("Tensor", _Gathered.apply(rows, ranks))


def summed(value: Tensor, ranks: Ranks) -> Tensor:
    """The sum over ranks, which every rank gets, differentiable."""
    return cast("Tensor", _Summed.apply(value, ranks.group))


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return gather(rows, ranks.texts, ranks.group)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return cast("Tensor", _SummedToOwners.apply(grad, ctx.ranks)), None


class _SummedToOwners(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, whole: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return sum_to_owners(whole, ranks)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return cast("Tensor", _Gathered.apply(grad, ctx.ranks)), None


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, group: dist.ProcessGroup) -> Tensor:
        ctx.group = group
        total = value.clone()
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return cast("Tensor", _Summed.apply(grad, ctx.group)), None
