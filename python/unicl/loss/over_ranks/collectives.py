"""The ranks of a process group: how many rows each has, and rows carried between them.

Legend: ``m`` texts of this rank, ``M`` texts of all ranks, ``d`` width.

Gathering and summing to the owners are each other's derivative. Summing for all is its own derivative. So the gradient
of a rank is that of the sum over ranks of their results, to any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar, cast, get_args

import numpy as np
import torch
import torch.distributed as dist
from jaxtyping import Float, Shaped
from torch import Tensor

from unicl.loss.checks import short, warn
from unicl.loss.modes import DirectionName, LossModes

__all__ = ["Group", "Ranks", "gather", "gathered_texts", "read_group", "share_of_rank", "sum_to_owners", "summed"]

#: A process group; "world" for all processes, if there are several; or None for this process alone.
Group: TypeAlias = "dist.ProcessGroup | Literal['world'] | None"

# The kinds of labels of a rank, with their names in messages.
_KINDS = {"pairs": "none", "integers": "integers", "cosine": "LabelSets", "any": "LabelSets, overlap='any'"}
_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
_DIRECTIONS = get_args(DirectionName)
_Rows = TypeVar("_Rows", bound="Sequence[Any] | Tensor | np.ndarray[Any, Any]")


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
        cls,
        group: dist.ProcessGroup,
        image: Float[Tensor, "b d"],
        text: Float[Tensor, "m d"],
        kind: str,
        modes: LossModes,
    ) -> Ranks:
        """Learns the sizes of all ranks, and checks that they compute one loss; the host waits for them.

        Args:
            group: The process group.
            image: The features of the images of this rank.
            text: The features of the texts of this rank.
            kind: The kind of the labels of this rank: "pairs", "integers", "cosine" or "any".
            modes: The modes of this rank.

        Raises:
            ValueError: The ranks have features of different widths or dtypes, labels of different kinds, or different
                options. They would exchange different things: wait for one another, or compute no one's loss.
        """
        features = (image.shape[0], text.shape[0], image.shape[1], _DTYPES.index(image.dtype))
        options = (_DIRECTIONS.index(modes.direction), modes.exclude_self, modes.label_smoothing)
        # float64 holds every one of these numbers, and no rank has another length or dtype of them.
        own = torch.tensor([*features, list(_KINDS).index(kind), *options], dtype=torch.float64, device=image.device)
        every = [torch.empty_like(own) for _ in range(group.size())]
        dist.all_gather(every, own, group=group)
        images, texts, widths, dtypes, kinds, directions, excludes, smoothings = torch.stack(every).t().tolist()
        names = list(_KINDS.values())
        for what, values in (
            ("features of one width", [str(int(x)) for x in widths]),
            ("features of one dtype", [short(_DTYPES[int(x)]) for x in dtypes]),
            ("labels of one kind", [names[int(x)] for x in kinds]),
            ("one direction", [_DIRECTIONS[int(x)] for x in directions]),
            ("one exclude_self", [str(bool(x)) for x in excludes]),
            ("one label_smoothing", [str(x) for x in smoothings]),
        ):
            if len(set(values)) > 1:
                raise ValueError(f"expected {what} on all ranks; got {'; '.join(values)} by rank")
        return cls(group=group, images=[int(x) for x in images], texts=[int(x) for x in texts])

    @property
    def own_texts(self) -> slice:
        """Gives the place of the texts of this rank among all."""
        first = sum(self.texts[: self.group.rank()])
        return slice(first, first + self.texts[self.group.rank()])


def read_group(group: object) -> dist.ProcessGroup | None:
    """Gives the group of a call: "world" is looked up now, as there is none before ``init_process_group``.

    Raises:
        ValueError: torch.distributed is missing or not initialised, or this process is not in the group.
        TypeError: The group is not a process group.
    """
    is_initialized = dist.is_available() and dist.is_initialized()
    if group is None:
        if is_initialized and dist.get_world_size() > 1 and not torch.compiler.is_compiling():
            warn(
                "expected a group, as there are several processes; got none, so each rank compares its own rows alone: "
                "pass group='world'"
            )
        return None
    if isinstance(group, str) and group == "world":
        if not is_initialized:
            if dist.is_available() and dist.is_torchelastic_launched():
                raise ValueError(
                    "expected torch.distributed initialised under torchrun; got none: call init_process_group first"
                )
            return None
        group = dist.group.WORLD
    if not dist.is_available() or not dist.is_initialized():
        raise ValueError(
            "expected torch.distributed initialised when a group is given; got none: "
            "call init_process_group (under torchrun), or pass group=None"
        )
    if not isinstance(group, dist.ProcessGroup):
        got = repr(group) if isinstance(group, str) else type(group).__name__
        raise TypeError(f"expected group as a torch.distributed.ProcessGroup, or 'world'; got {got}")
    if group.rank() < 0:
        raise ValueError("expected a group that contains this process; got one without it")
    return group


def share_of_rank(rows: _Rows, group: Group = "world") -> _Rows:
    """Gives every rank another share of rows that all ranks have, such as class prompts: together they have each once.

    Rows that every rank appends to its texts count as often as there are ranks, and the loss is no longer that of the
    joined batch. With shares it is, and each prompt is encoded on one rank only. A share may be empty.

    Args:
        rows: The same rows on all ranks: tokens, features, labels or strings.
        group: As in :func:`unicl.fused_loss`. None, or "world" in one process, gives all rows.

    Example:
        >>> share_of_rank(["a dog", "a cat", "a horse"])
        ['a dog', 'a cat', 'a horse']
    """
    ranks = None if group is None else read_group(group)
    return rows if ranks is None else rows[ranks.rank() :: ranks.size()]  # type: ignore[return-value]


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
