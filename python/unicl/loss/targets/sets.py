"""Sets of labels on the host, before they go to the features' device: read, normalised, counted.

Legend: ``n`` rows of a side, ``l`` labels over all rows. All of it takes time O(n + l) where rows are sorted, which
``unicl.LabelSets`` are, and nothing is read back from the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Rows", "Sets", "is_sets", "read_sets", "send", "sums_of_cosines", "to_device"]


# A table of this many labels is always affordable: 8 MiB of counts.
_FEW_LABELS = 1 << 20


class Sets(Protocol):
    """Sets of labels in CSR form, what ``unicl.LabelSets`` is: row i has ``indices[offsets[i]:offsets[i + 1]]``."""

    @property
    def indices(self) -> Any:
        """Label ids, shape (l,)."""

    @property
    def offsets(self) -> Any:
        """Where the rows start, shape (n + 1,)."""

    @property
    def weights(self) -> Any:
        """Weight of each label, shape (l,), or None for 1."""


def is_sets(labels: object) -> bool:
    """Whether labels are sets in CSR form and not integers."""
    return hasattr(labels, "indices") and hasattr(labels, "offsets")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The labels of one side, sorted by row and then by label, no label twice in a row.

    Attributes:
        labels: Shape (l,), from 0.
        row: The row of each label, shape (l,).
        weights: Shape (l,), positive; the squares of a row sum to 1.
        number: Number of rows, n.
    """

    labels: NDArray[np.int64]
    row: NDArray[np.int64]
    weights: NDArray[np.float64]
    number: int


def read_sets(sides: Sequence[Sets], empty_as: Sequence[range], *, dtype: torch.dtype) -> list[Rows]:
    """The sides of a call, with labels that fit into 32 bits.

    Args:
        sides: Any integers and weights; labels of weight 0 are dropped, and those twice in a row are added up.
        empty_as: For each side: an empty row i gets a label that only the empty rows at ``empty_as[i]`` of other sides
            get too. Rows past the end of the range stay empty.
        dtype: float32 or float64; the weights are rounded to it.
    """
    read = _without_gaps([_read(sets) for sets in sides])
    first = 1 + max(int(rows.labels.max(initial=-1)) for rows in read)
    return [_fill_empty(rows, codes, first, dtype) for rows, codes in zip(read, empty_as, strict=True)]


def sums_of_cosines(
    of: Rows, others: Sequence[Rows], *, partners: Rows | None = None, first_partner: int = 0
) -> Tensor:
    """The sum over all rows of ``others`` of the cosine with each row of ``of``, shape (n,), float64.

    A cosine is linear in each of its sides, so labels are added up first: no pair of rows is visited.

    Args:
        of: Unit rows.
        others: The rows to compare with.
        partners: One of ``others``, to leave out the pair of row i and its row ``first_partner + i``; what is left
            is exactly 0 where no other row has a label of row i.
        first_partner: See ``partners``; may be below 0. A row without a partner leaves nothing out.
    """
    labels = 1 + max(int(rows.labels.max(initial=0)) for rows in (of, *others))
    total = sum((np.bincount(rows.labels, rows.weights, minlength=labels) for rows in others), np.zeros(labels))
    found = total[of.labels]
    if partners is not None and len(partners.labels):
        uses = sum((np.bincount(rows.labels, minlength=labels) for rows in others), np.zeros(labels, np.int64))
        keys = partners.row * labels + partners.labels
        own = (of.row + first_partner) * labels + of.labels
        place = np.searchsorted(keys, own).clip(max=len(keys) - 1)
        is_shared = keys[place] == own
        rest = found - np.where(is_shared, partners.weights[place], 0.0)
        found = np.where(uses[of.labels] > is_shared, rest.clip(min=0.0), 0.0)
    return torch.from_numpy(np.bincount(of.row, of.weights * found, minlength=of.number))


def to_device(rows: Rows, *, like: Tensor) -> list[Tensor]:
    """Labels, offsets (n + 1,) and weights as tensors on the device of ``like``, the weights in its dtype."""
    offsets = np.searchsorted(rows.row, np.arange(rows.number + 1))
    parts = (torch.from_numpy(rows.labels), torch.from_numpy(offsets), torch.from_numpy(rows.weights).to(like.dtype))
    return [send(part, like.device) for part in parts]


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """A copy on a device of a tensor on the host, without waiting for the device."""
    if device.type != "cuda":
        return tensor.to(device)
    # From pageable memory the copy would wait for all that the stream holds.
    return tensor.pin_memory().to(device, non_blocking=True)


def _read(sets: Sets) -> Rows:
    labels, starts = np.asarray(sets.indices, dtype=np.int64), np.asarray(sets.offsets, dtype=np.int64)
    number = len(starts) - 1
    row = np.repeat(np.arange(number), np.diff(starts))
    weights = np.ones(len(labels)) if sets.weights is None else np.asarray(sets.weights, dtype=np.float64)
    kept = weights > 0
    labels, row, weights = labels[kept], row[kept], weights[kept]
    if not _starts(row, labels).all() or bool(((np.diff(row) == 0) & (np.diff(labels) < 0)).any()):
        order = np.lexsort((labels, row))
        labels, row, weights = labels[order], row[order], weights[order]
        first = np.flatnonzero(_starts(row, labels))
        labels, row, weights = labels[first], row[first], np.add.reduceat(weights, first)
    return Rows(labels=labels, row=row, weights=weights, number=number)


def _starts(row: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which entries are another label, or of another row, than the one before."""
    return np.concatenate([[True] * bool(len(row)), (np.diff(row) != 0) | (np.diff(labels) != 0)]).astype(bool)


def _without_gaps(sides: list[Rows]) -> list[Rows]:
    """The same with labels renumbered in their order, if some are so large that counting by label would be wasteful."""
    total = sum(len(rows.labels) for rows in sides)
    if all(int(rows.labels.max(initial=0)) <= 8 * total + _FEW_LABELS for rows in sides):
        return sides
    known = np.unique(np.concatenate([rows.labels for rows in sides]))
    return [replace(rows, labels=np.searchsorted(known, rows.labels)) for rows in sides]


def _fill_empty(rows: Rows, codes: range, first: int, dtype: torch.dtype) -> Rows:
    """Gives empty rows their codes, as labels from ``first`` on, and every row the norm 1."""
    empty = np.flatnonzero(np.bincount(rows.row, minlength=rows.number)[: len(codes)] == 0)
    row = np.concatenate([rows.row, empty])
    norm = np.sqrt(np.bincount(rows.row, rows.weights**2, minlength=rows.number))
    weights = np.concatenate([rows.weights / norm[rows.row], np.ones(len(empty))])
    weights = weights.astype(np.float64 if dtype == torch.float64 else np.float32).astype(np.float64)
    labels = np.concatenate([rows.labels, first + codes.start + empty])
    order = np.argsort(row, kind="stable")
    return Rows(labels=labels[order], row=row[order], weights=weights[order], number=rows.number)
