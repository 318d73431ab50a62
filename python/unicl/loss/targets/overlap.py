"""Computes how far sets of labels overlap, for a tile of pairs of rows, on any device.

Legend: ``n`` rows, ``l`` labels over all rows. The sets of n rows are three tensors: labels (l,), row after row; the
offsets (n + 1,) at which the rows start; weights (l,).

Rare labels: only pairs of equal labels are visited. The cost of a tile grows with the number of its matches (about
10 ns each on a CPU), not with its size. Labels that many pairs of a tile share go through a matmul over these labels
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["count_meetings", "overlap_tile"]

# A label that this share of a tile's pairs have in common goes through a matmul: 0.02 ns a pair, against 10 ns a match.
_COMMON = 1 / 512
# Matches expanded at a time: 4 arrays of 8 MiB.
_MATCHES = 1 << 20
_COUNT_ROWS, _COUNT_COLUMNS = 512, 1024


def overlap_tile(
    left: Sequence[Tensor],
    rows: slice,
    right: Sequence[Tensor],
    columns: slice,
    out: Float[Tensor, "rows columns"],
    *,
    binary: bool,
) -> Float[Tensor, "rows columns"]:
    """Puts the sum of the products of the weights of equal labels into ``out``; 1 or 0 if ``binary``.

    Args:
        left: The sets of the images.
        rows: Which images.
        right: The sets of the texts.
        columns: Which texts.
        out: Is filled and returned.
        binary: Whether any shared label counts as 1.
    """
    row_label, row, row_weight = _entries(left, rows)
    column_label, column, column_weight = _entries(right, columns)
    column_label, order = column_label.sort(stable=True)
    column, column_weight = column[order], column_weight[order]
    first = torch.searchsorted(column_label, row_label)
    matches = torch.searchsorted(column_label, row_label, right=True) - first
    labels, which, uses = row_label.unique(return_inverse=True, return_counts=True)  # type: ignore[no-untyped-call]
    is_common = uses * _occurrences(column_label, labels) > out.numel() * _COMMON
    common = labels[is_common]
    torch.mm(
        _weights_of(common, row_label, row, row_weight, out.new_zeros(out.shape[0], common.shape[0])),
        _weights_of(common, column_label, column, column_weight, out.new_zeros(out.shape[1], common.shape[0])).t(),
        out=out,
    )
    matches = matches.masked_fill(is_common[which], 0)
    for entries in _portions(matches):
        number = matches[entries]
        entry = torch.repeat_interleave(number) + entries.start
        within = torch.arange(entry.shape[0], device=out.device) - (number.cumsum(0) - number)[entry - entries.start]
        other = first[entry] + within
        index = row[entry] * out.shape[1] + column[other]
        value = (row_weight[entry] * column_weight[other]).to(out.dtype)
        if out.device.type == "cpu":
            out.view(-1).index_add_(0, index, value)
        else:
            # index_add_ is atomic on a GPU, and sums in another order every time; this sorts.
            out.view(-1).index_put_((index,), value, accumulate=True)
    return out.sign_() if binary else out


def count_meetings(
    image: Sequence[Tensor], text: Sequence[Tensor], extra: Sequence[Tensor], *, excluded: int | None
) -> tuple[Float[Tensor, " b"], Float[Tensor, " m"]]:
    """Counts, in float64, the texts and extra texts that each image shares a label with, and the images of each text.

    Args:
        image: The sets of the images.
        text: The sets of the texts.
        extra: The sets of the extra texts; empty if there are none.
        excluded: With a number, the pair of image i and text ``excluded + i`` is not counted.
    """
    weights = image[2]
    image_count = weights.new_zeros(image[1].shape[0] - 1, dtype=torch.float64)
    text_count = weights.new_zeros(text[1].shape[0] - 1, dtype=torch.float64)
    buffer = weights.new_empty(_COUNT_ROWS * _COUNT_COLUMNS)
    for start in range(0, image_count.shape[0], _COUNT_ROWS):
        rows = slice(start, min(start + _COUNT_ROWS, image_count.shape[0]))
        for others in (text, extra) if extra else (text,):
            total = others[1].shape[0] - 1
            for first in range(0, total, _COUNT_COLUMNS):
                columns = slice(first, min(first + _COUNT_COLUMNS, total))
                height, width = rows.stop - rows.start, columns.stop - columns.start
                tile = buffer[: height * width].view(height, width)
                q = overlap_tile(image, rows, others, columns, tile, binary=True)
                if others is text and excluded is not None:
                    low, high = max(rows.start, columns.start - excluded), min(rows.stop, columns.stop - excluded)
                    if low < high:
                        at = low + excluded - columns.start
                        q[low - rows.start : high - rows.start, at : at + high - low].diagonal().zero_()
                image_count[rows] += q.sum(1)
                if others is text:
                    text_count[columns] += q.sum(0)
    return image_count, text_count


def _occurrences(sorted_labels: Tensor, labels: Tensor) -> Tensor:
    """Counts how often each label occurs."""
    return torch.searchsorted(sorted_labels, labels, right=True) - torch.searchsorted(sorted_labels, labels)


def _weights_of(common: Tensor, labels: Tensor, rows: Tensor, weights: Tensor, out: Tensor) -> Tensor:
    """Puts the weight of each common label in each row into ``out``, (rows, common); ``common`` is sorted."""
    if common.shape[0]:
        place = torch.searchsorted(common, labels).clamp_max(common.shape[0] - 1)
        found = common[place] == labels
        out[rows[found], place[found]] = weights[found].to(out.dtype)
    return out


def _entries(sets: Sequence[Tensor], rows: slice) -> tuple[Tensor, Tensor, Tensor]:
    """Gives the label, the row within the slice, and the weight of every entry of some rows."""
    labels, offsets, weights = sets
    bounds = offsets[rows.start : rows.stop + 1]
    first, last = int(bounds[0]), int(bounds[-1])
    return labels[first:last], torch.repeat_interleave(bounds.diff()), weights[first:last]


def _portions(matches: Tensor) -> list[slice]:
    """Splits the entries into consecutive portions of about _MATCHES matches at most."""
    if matches.shape[0] == 0:
        return []
    portion = (matches.cumsum(0) - 1).clamp_min(0) // _MATCHES
    edges = (portion.diff() != 0).nonzero().flatten() + 1
    bounds = [0, *edges.tolist(), matches.shape[0]]
    return [slice(low, high) for low, high in pairwise(bounds)]
