"""Sums over the positives of rows, from entries sorted by label: the few tiles that hold positives.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``d`` width; f = s log2(e); z_ij = f u_i.v_j, in bits.

``positives_kernel``, one program for BM entries of rows, in the order of their labels:
    for each BN entries of columns whose labels can be equal:   z = f u v^T of their rows
        sum of q z and of q over the entries of equal label   -> stored once for each entry
With ANY, a pair counts at the first label that it shares. The same kernel with the sides swapped sums over columns.

``pairs_kernel`` does it for pairs, where q is the identity. ``collect_kernel`` adds up the entries of a row.
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

from typing import cast

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from unicl.loss.kernels.card import INTERPRETED
from unicl.loss.kernels.logits import factor_of, gathered_logits
from unicl.loss.kernels.sides import Batch, Entries
from unicl.loss.kernels.tiles import tile_for
from unicl.loss.problem import Problem

__all__ = ["add_positives", "collect_kernel", "pairs_kernel", "positives_kernel", "shared_labels"]


@triton.jit
def shared_labels(
    own,
    left_ptr,
    left_start_ptr,
    left_weight_ptr,
    right_ptr,
    right_start_ptr,
    right_weight_ptr,
    rows,
    columns,
    row_inside,
    column_inside,
    ANY: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
):
    """Computes the cosine of every pair of sets (not if ANY), and whether it shares a label below the row's ``own``."""
    left_start = tl.load(left_start_ptr + rows, row_inside, 0)
    left_size = tl.load(left_start_ptr + rows + 1, row_inside, 0) - left_start
    right_start = tl.load(right_start_ptr + columns, column_inside, 0)
    right_size = tl.load(right_start_ptr + columns + 1, column_inside, 0) - right_start
    q = tl.zeros((BM, BN), dtype=tl.float32)
    earlier = (rows[:, None] < 0) & (columns[None, :] < 0)
    # The largest sets of this tile are found here. Finding those of the batch would make the host wait.
    for i in range(tl.max(left_size, 0)):
        left_inside = i < left_size
        left = tl.load(left_ptr + left_start + i, left_inside, -1)
        if not ANY:
            left_weight = tl.load(left_weight_ptr + left_start + i, left_inside, 0.0)
        for j in range(tl.max(right_size, 0)):
            right_inside = j < right_size
            right = tl.load(right_ptr + right_start + j, right_inside, -2)
            equal = left[:, None] == right[None, :]
            if not ANY:
                right_weight = tl.load(right_weight_ptr + right_start + j, right_inside, 0.0)
                q = tl.where(equal, q + left_weight[:, None] * right_weight[None, :], q)
            earlier = earlier | (equal & (left < own)[:, None])
    return q, earlier


@triton.jit
def positives_kernel(
    u_ptr,
    v_ptr,
    scale_ptr,
    row_ptr,
    code_ptr,
    weight_ptr,
    place_ptr,
    first_ptr,
    past_ptr,
    left_ptr,
    left_start_ptr,
    left_weight_ptr,
    column_ptr,
    column_weight_ptr,
    right_ptr,
    right_start_ptr,
    right_weight_ptr,
    positive_ptr,
    count_ptr,
    entries,
    others,
    d,
    pair,
    SETS: tl.constexpr,
    ANY: tl.constexpr,
    EXCLUDE: tl.constexpr,
    ACCUMULATE: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    UPCAST: tl.constexpr,
):
    """Stores sums of q z and of q for BM entries."""
    at = tl.program_id(0) * BM + tl.arange(0, BM)
    inside = at < entries
    factor = factor_of(scale_ptr)
    rows = tl.load(row_ptr + at, inside, 0)
    # The other entries of equal label are those from first to past.
    first, past = tl.load(first_ptr + at, inside, others), tl.load(past_ptr + at, inside, 0)
    positive = tl.zeros((BM,), dtype=tl.float64)
    count = tl.zeros((BM,), dtype=tl.float64)
    end = tl.max(past, 0)
    for start in range(tl.min(first, 0), end, BN):
        other = start + tl.arange(0, BN)
        other_inside = other < end
        columns = tl.load(column_ptr + other, other_inside, 0)
        z = gathered_logits(u_ptr, v_ptr, rows, columns, inside, other_inside, d, factor, BM, BN, BK, UPCAST)
        is_positive = (other[None, :] >= first[:, None]) & (other[None, :] < past[:, None])
        if EXCLUDE:
            is_positive = is_positive & (rows[:, None] + pair != columns[None, :])
        if ANY:
            _, earlier = shared_labels(
                tl.load(code_ptr + at, inside, -1),
                left_ptr,
                left_start_ptr,
                left_weight_ptr,
                right_ptr,
                right_start_ptr,
                right_weight_ptr,
                rows,
                columns,
                inside,
                other_inside,
                ANY,
                BM,
                BN,
            )
            is_positive = is_positive & (earlier == 0)
        q = is_positive.to(tl.float32)
        if SETS and not ANY:
            weight = tl.load(weight_ptr + at, inside, 0.0)
            column_weight = tl.load(column_weight_ptr + other, other_inside, 0.0)
            q = q * (weight[:, None] * column_weight[None, :])
        positive += tl.sum(tl.where(is_positive, q * z, 0.0), 1).to(tl.float64)
        count += tl.sum(q, 1).to(tl.float64)
    place = tl.load(place_ptr + at, inside, 0)
    if ACCUMULATE:
        positive += tl.load(positive_ptr + place, inside, 0.0)
        count += tl.load(count_ptr + place, inside, 0.0)
    tl.store(positive_ptr + place, positive, inside)
    tl.store(count_ptr + place, count, inside)


@triton.jit
def collect_kernel(positive_ptr, count_ptr, start_ptr, sums_ptr, rows, ACCUMULATE: tl.constexpr, BLOCK: tl.constexpr):
    """Adds up the entries of each row, in the order of its labels, into the planes of the sums."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < rows
    start = tl.load(start_ptr + at, inside, 0)
    size = tl.load(start_ptr + at + 1, inside, 0) - start
    positive = tl.zeros((BLOCK,), dtype=tl.float64)
    count = tl.zeros((BLOCK,), dtype=tl.float64)
    for i in range(tl.max(size, 0)):
        positive += tl.load(positive_ptr + start + i, i < size, 0.0)
        count += tl.load(count_ptr + start + i, i < size, 0.0)
    sums_ptr += at
    if ACCUMULATE:
        positive += tl.load(sums_ptr + 2 * rows, inside, 0.0)
        count += tl.load(sums_ptr + 3 * rows, inside, 0.0)
    tl.store(sums_ptr + 2 * rows, positive, inside)
    tl.store(sums_ptr + 3 * rows, count, inside)


@triton.jit
def pairs_kernel(
    u_ptr,
    v_ptr,
    scale_ptr,
    rows_ptr,
    columns_ptr,
    b,
    m,
    d,
    first_pair,
    BM: tl.constexpr,
    BK: tl.constexpr,
):
    """Stores the logit of each image and its text, and 1 positive for each."""
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    inside, inner = rows < b, tl.arange(0, BK)
    u_ptr += rows.to(tl.int64)[:, None] * d
    v_ptr += (rows.to(tl.int64) + first_pair)[:, None] * d
    cosine = tl.zeros((BM,), dtype=tl.float32)
    for start in range(0, d, BK):
        k = start + inner
        here = inside[:, None] & (k[None, :] < d)
        u = tl.load(u_ptr + k[None, :], here, 0.0).to(tl.float32)
        v = tl.load(v_ptr + k[None, :], here, 0.0).to(tl.float32)
        cosine += tl.sum(u * v, 1)
    z = (cosine * factor_of(scale_ptr)).to(tl.float64)
    one = z * 0 + 1
    tl.store(rows_ptr + 2 * b + rows, z, inside)
    tl.store(rows_ptr + 3 * b + rows, one, inside)
    columns_ptr += rows + first_pair
    tl.store(columns_ptr + 2 * m, z, inside)
    tl.store(columns_ptr + 3 * m, one, inside)


def add_positives(problem: Problem, batch: Batch, rows: Tensor, columns: Tensor) -> None:
    """Fills the planes of positives of all rows and columns, (4, n) each, which hold zeros."""
    if batch.kind == "pairs":
        b, m, d = rows.shape[1], columns.shape[1], batch.image.shape[1]
        # With exclude_self nothing is left of pairs.
        if not problem.modes.exclude_self:
            pairs_kernel[(triton.cdiv(b, 16),)](
                batch.image,
                batch.texts[0].features,
                problem.scale,
                rows,
                columns,
                b,
                m,
                d,
                problem.first_pair,
                BM=16,
                BK=128,
                num_warps=4,
            )
        return
    entries, is_first = cast("Entries", batch.entries), True
    for texts in batch.texts:
        if texts.entries is None:
            continue
        image, text, pair = batch.image, texts.features, problem.first_pair
        kind = {"is_extra": texts.is_extra}
        _add_side(problem, image, entries, text, texts.entries, rows, pair, is_first=is_first, **kind)
        is_first = False
        if problem.modes.to_image and not texts.is_extra:
            _add_side(problem, text, texts.entries, image, entries, columns, -pair, is_first=True, **kind)


def _add_side(
    problem: Problem,
    features: Tensor,
    entries: Entries,
    other_features: Tensor,
    others: Entries,
    sums: Tensor,
    pair: int,
    *,
    is_extra: bool,
    is_first: bool,
) -> None:
    """Adds the positives of one side among the rows of another."""
    number, is_sets = entries.codes.shape[0], bool(entries.sets)
    first, past = entries.ranges(others)
    if is_sets:
        into = torch.empty((2, number), dtype=torch.float64, device=sums.device)
        positive, count = into[0], into[1]
    else:
        positive, count = sums[2], sums[3]
    # Where rows have one label, no list of their labels is read.
    own_sets = entries.sets if is_sets else (entries.codes,) * 3
    other_sets = others.sets if is_sets else (others.codes,) * 3
    tile = tile_for("positives_kernel", features)
    positives_kernel[(triton.cdiv(number, tile["BM"]),)](
        features,
        other_features,
        problem.scale,
        entries.rows,
        entries.codes,
        entries.weights,
        entries.place,
        first,
        past,
        *own_sets,
        others.rows,
        others.weights,
        *other_sets,
        positive,
        count,
        number,
        others.codes.shape[0],
        features.shape[1],
        pair,
        SETS=is_sets,
        ANY=problem.targets.kind == "any",
        EXCLUDE=problem.modes.exclude_self and not is_extra,
        ACCUMULATE=not is_first and not is_sets,
        UPCAST=INTERPRETED,
        **tile,
    )
    if is_sets:
        rows = sums.shape[1]
        collect_kernel[(triton.cdiv(rows, 128),)](
            positive, count, entries.sets[1], sums, rows, ACCUMULATE=not is_first, BLOCK=128, num_warps=4
        )
