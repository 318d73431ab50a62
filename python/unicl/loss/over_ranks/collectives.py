"""The ranks of a process group: how many rows each has, and rows carried between them.

Legend: ``m`` texts of this rank, ``M`` texts of all ranks, ``d`` width.

Gathering and summing to the owners are each other's derivative. Summing for all is its own derivative. So the gradient
of a rank is that of the sum over ranks of their results, to any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist
from jaxtyping import Float, Shaped
from torch import Tensor

__all__ = ["Ranks", "check_group", "gather", "gathered_texts", "sum_to_owners", "summed"]

# The kinds of labels of a rank, with their names in messages.
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
    def join(
        cls, group: dist.ProcessGroup, image: Float[Tensor, "b d"], text: Float[Tensor, "m d"], kind: str
    ) -> Ranks:
        """Learns the sizes of all ranks; the host waits for them.

        Args:
            group: The process group.
            image: The features of the images of this rank.
            text: The features of the texts of this rank.
            kind: The kind of the labels of this rank: "pairs", "integers", "cosine" or "any".

        Raises:
            ValueError: The ranks have features of different widths, or labels of different kinds. They would exchange
                different things and wait for one another.
        """
        own = torch.tensor(
            [image.shape[0], text.shape[0], image.shape[1], list(_KINDS).index(kind)], device=image.device
        )
        every = [torch.empty_like(own) for _ in range(group.size())]
        dist.all_gather(every, own, group=group)
        images, texts, widths, kinds = torch.stack(every).t().tolist()
        if len(set(widths)) > 1:
            raise ValueError(f"expected features of one width on all ranks; got {widths} by rank")
        if len(set(kinds)) > 1:
            names = list(_KINDS.values())
            raise ValueError(
                f"expected labels of one kind on all ranks; got {'; '.join(names[x] for x in kinds)} by rank"
            )
        return cls(group=group, images=images, texts=texts)

    @property
    def own_texts(self) -> slice:
        """Gives the place of the texts of this rank among all."""
        first = sum(self.texts[: self.group.rank()])
        return slice(first, first + self.texts[self.group.rank()])


def check_group(group: object) -> None:
    """Refuses a group that cannot be used.

    Raises:
        ValueError: torch.distributed is missing or not initialised, or this process is not in the group.
        TypeError: The group is not a process group.
    """
    if not dist.is_available() or not dist.is_initialized():
        raise ValueError(
            "expected torch.distributed initialised when a group is given; got none: "
            "call init_process_group (under torchrun), or pass group=None"
        )
    if not isinstance(group, dist.ProcessGroup):
        raise TypeError(f"expected group as a torch.distributed.ProcessGroup; got {type(group).__name__}")
    if group.rank() < 0:
        raise ValueError("expected a group that contains this process; got one without it")


def gather(rows: Shaped[Tensor, "m ..."], sizes: Sequence[int], group: dist.ProcessGroup) -> Shaped[Tensor, "M ..."]:
    """Gives the rows of all ranks, in the order of the ranks; ``sizes`` has the number of rows of each."""
    padded = rows.new_zeros(max(sizes), *rows.shape[1:])
    padded[: rows.shape[0]] = rows
    every = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(every, padded, group=group)
    return torch.cat([part[:size] for part, size in zip(every, sizes, strict=True)])


def sum_to_owners(whole: Shaped[Tensor, "M ..."], ranks: Ranks) -> Shaped[Tensor, "m ..."]:
    """Sums ``whole`` over ranks, and gives each rank the rows of its own texts."""
    own = ranks.own_texts
    mine = torch.empty_like(whole[own])
    try:
        dist.reduce_scatter(mine, list(torch.split(whole.contiguous(), list(ranks.texts))), group=ranks.group)
    except RuntimeError as error:
        # Old gloo and MPI cannot: every rank then gets the whole sum, at twice the traffic.
        if "does not support" not in str(error):
            raise
        whole = whole.clone()
        dist.all_reduce(whole, group=ranks.group)
        mine = whole[own].clone()
    return mine


def gathered_texts(rows: Shaped[Tensor, "m ..."], ranks: Ranks) -> Shaped[Tensor, "M ..."]:
    """Gives the texts of all ranks from those of each, differentiably."""
    return cast("Tensor", _Gathered.apply(rows, ranks))


def summed(value: Tensor, ranks: Ranks) -> Tensor:
    """Gives every rank the sum over ranks, differentiably."""
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
