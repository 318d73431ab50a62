"""Reads, normalises and counts sets of labels on the host, before they go to the features' device.

Legend: ``n`` rows, ``l`` labels over all rows. All of it takes time O(n + l) where rows are sorted, as those of
``unicl.LabelSets`` are. Nothing is read back from the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeGuard

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from unicl.labels import LabelSetsLike

__all__ = ["Overlap", "SortedSets", "is_sets", "read_sets", "send", "sums_of_cosines", "to_device"]

Overlap: TypeAlias = Literal["cosine", "any"]

# A table of this many labels is always affordable: 8 MiB of counts.
_FEW_LABELS = 1 << 20


def is_sets(labels: object) -> TypeGuard[LabelSetsLike]:
    """Tells whether labels are sets in CSR form and not integers."""
    return hasattr(labels, "indices") and hasattr(labels, "offsets")


@dataclass(frozen=True, kw_only=True)
class SortedSets:
    """Sets of labels, sorted by row and then by label; no label is twice in a row.

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


def read_sets(given: Sequence[LabelSetsLike], empty_as: Sequence[range], *, dtype: torch.dtype) -> list[SortedSets]:
    """Reads the sets of images, texts and extra texts, with labels that fit into 32 bits.

    Args:
        given: Any integers and weights. Labels of weight 0 are dropped. The weights of a label that is twice in a row
            are added up.
        empty_as: A range of codes for each of ``given``. An empty row i gets a label that it shares only with the empty
            rows of the others whose code is ``empty_as[i]`` too. Rows past the end of the range stay empty.
        dtype: float32 or float64; the weights are rounded to it.
    """
    read = _without_gaps([_read(sets) for sets in given])
    first = 1 + max(int(sets.labels.max(initial=-1)) for sets in read)
    return [_fill_empty(sets, codes, first, dtype) for sets, codes in zip(read, empty_as, strict=True)]


def sums_of_cosines(
    of: SortedSets, others: Sequence[SortedSets], *, partners: SortedSets | None = None, first_partner: int = 0
) -> Float[Tensor, " n"]:
    """Gives, for each row of ``of``, the sum of its cosines with all rows of ``others``, in float64.

    A cosine is linear in each of its two vectors, so labels are added up first. No pair of rows is visited.

    Args:
        of: Unit rows.
        others: The rows to compare with.
        partners: One of ``others``. The pair of row i and its row ``first_partner + i`` is then not counted. The rest
            is exactly 0 where no other row has a label of row i.
        first_partner: See ``partners``; may be below 0. For a row without a partner, all pairs are counted.
    """
    labels = 1 + max(int(sets.labels.max(initial=0)) for sets in (of, *others))
    total = sum((np.bincount(sets.labels, sets.weights, minlength=labels) for sets in others), np.zeros(labels))
    found = total[of.labels]
    if partners is not None and len(partners.labels):
        uses = sum((np.bincount(sets.labels, minlength=labels) for sets in others), np.zeros(labels, np.int64))
        keys = partners.row * labels + partners.labels
        own = (of.row + first_partner) * labels + of.labels
        place = np.searchsorted(keys, own).clip(max=len(keys) - 1)
        is_shared = keys[place] == own
        rest = found - np.where(is_shared, partners.weights[place], 0.0)
        found = np.where(uses[of.labels] > is_shared, rest.clip(min=0.0), 0.0)
    return torch.from_numpy(np.bincount(of.row, of.weights * found, minlength=of.number))


def to_device(sets: SortedSets, *, like: Tensor) -> list[Tensor]:
    """Gives labels, offsets (n + 1,) and weights as tensors on the device of ``like``, the weights in its dtype."""
    offsets = np.searchsorted(sets.row, np.arange(sets.number + 1))
    parts = (torch.from_numpy(sets.labels), torch.from_numpy(offsets), torch.from_numpy(sets.weights).to(like.dtype))
    return [send(part, like.device) for part in parts]


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Copies a tensor from the host to a device, without waiting for the device."""
    if device.type != "cuda":
        return tensor.to(device)
    # From pageable memory the copy would wait for all that the stream holds.
    return tensor.pin_memory().to(device, non_blocking=True)


def _read(sets: LabelSetsLike) -> SortedSets:
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
    return SortedSets(labels=labels, row=row, weights=weights, number=number)


def _starts(row: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Marks the entries whose label or row differs from that of the entry before."""
    return np.concatenate([[True] * bool(len(row)), (np.diff(row) != 0) | (np.diff(labels) != 0)]).astype(bool)


def _without_gaps(every: list[SortedSets]) -> list[SortedSets]:
    """Renumbers the labels in their order, if some are so large that counting by label would be wasteful."""
    total = sum(len(sets.labels) for sets in every)
    if all(int(sets.labels.max(initial=0)) <= 8 * total + _FEW_LABELS for sets in every):
        return every
    known = np.unique(np.concatenate([sets.labels for sets in every]))
    return [replace(sets, labels=np.searchsorted(known, sets.labels)) for sets in every]


def _fill_empty(sets: SortedSets, codes: range, first: int, dtype: torch.dtype) -> SortedSets:
    """Gives empty rows their codes, as labels from ``first`` on, and every row the norm 1."""
    empty = np.flatnonzero(np.bincount(sets.row, minlength=sets.number)[: len(codes)] == 0)
    row = np.concatenate([sets.row, empty])
    norm = np.sqrt(np.bincount(sets.row, sets.weights**2, minlength=sets.number))
    weights = np.concatenate([sets.weights / norm[sets.row], np.ones(len(empty))])
    weights = weights.astype(np.float64 if dtype == torch.float64 else np.float32).astype(np.float64)
    labels = np.concatenate([sets.labels, first + codes.start + empty])
    order = np.argsort(row, kind="stable")
    return SortedSets(labels=labels[order], row=row[order], weights=weights[order], number=sets.number)
