"""From the sums of rows and columns to their losses, and to the mean of them.

Legend: for each row (or column): count = sum of q, lse = log2 of the sum of 2 ** z.

    loss = (lse - sum of q z / count) ln 2, in nats; 0 where count is 0
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

from typing import NamedTuple

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from unicl.loss.problem import Problem

__all__ = ["Finished", "finish_losses", "losses_kernel", "mean_kernel"]

_BLOCK = 256


@triton.jit
def _finish_side(
    sums_ptr,
    own_count_ptr,
    every_ptr,
    weight_ptr,
    loss_ptr,
    lse_ptr,
    count_ptr,
    part_ptr,
    block,
    n,
    others,
    smoothing,
    COUNTED: tl.constexpr,
    IS_WANTED: tl.constexpr,
    EVERY: tl.constexpr,
    MEAN: tl.constexpr,
    WEIGHTED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    at = block * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    sums_ptr += at
    largest = tl.load(sums_ptr, inside, 0.0)
    total = tl.load(sums_ptr + n, inside, 0.0)
    positive = tl.load(sums_ptr + 2 * n, inside, 0.0)
    # The sums of q have a plane, or were counted before.
    count = tl.load(own_count_ptr + at, inside, 0.0) if COUNTED else tl.load(sums_ptr + 3 * n, inside, 0.0)
    lse = tl.where(total > 0, tl.log2(tl.where(total > 0, total, 1.0)) + largest, 0.0)
    mean = positive / tl.where(count > 0, count, 1.0)
    if EVERY:
        mean = (1 - smoothing) * mean + smoothing * tl.load(every_ptr + at, inside, 0.0) / others
    # A mean of logits is never above their log-sum-exp; its rounding may be. NaN stays.
    loss = (lse - mean) * 0.6931471805599453
    loss = tl.where(loss < 0, 0.0, loss)
    loss = tl.where(count > 0, loss, 0.0)
    if not IS_WANTED:
        loss = loss * 0
    tl.store(lse_ptr + at, lse, inside)
    tl.store(count_ptr + at, count.to(tl.float32), inside)
    if MEAN:
        weight = tl.where((count > 0) & inside, 1.0, 0.0)
        if WEIGHTED:
            weight = weight * tl.load(weight_ptr + at, inside, 0.0).to(tl.float64)
        tl.store(part_ptr + block, tl.sum(weight * loss, 0))
        tl.store(part_ptr + tl.num_programs(0) + block, tl.sum(weight, 0))
    else:
        tl.store(loss_ptr + at, loss.to(tl.float32), inside)


@triton.jit
def losses_kernel(
    rows_ptr,
    columns_ptr,
    row_count_ptr,
    column_count_ptr,
    row_every_ptr,
    column_every_ptr,
    row_weight_ptr,
    column_weight_ptr,
    loss_ptr,
    lse_ptr,
    count_ptr,
    part_ptr,
    b,
    m,
    row_others,
    column_others,
    smoothing,
    COUNTED: tl.constexpr,
    TO_TEXT: tl.constexpr,
    TO_IMAGE: tl.constexpr,
    EVERY: tl.constexpr,
    MEAN: tl.constexpr,
    ROW_WEIGHTED: tl.constexpr,
    COLUMN_WEIGHTED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Stores log-sum-exps and counts of the rows, then of the columns; and losses or partial means."""
    block, row_blocks = tl.program_id(0), tl.cdiv(b, BLOCK)
    if block < row_blocks:
        _finish_side(
            rows_ptr,
            row_count_ptr,
            row_every_ptr,
            row_weight_ptr,
            loss_ptr,
            lse_ptr,
            count_ptr,
            part_ptr,
            block,
            b,
            row_others,
            smoothing,
            COUNTED,
            TO_TEXT,
            EVERY,
            MEAN,
            ROW_WEIGHTED,
            BLOCK,
        )
    else:
        _finish_side(
            columns_ptr,
            column_count_ptr,
            column_every_ptr,
            column_weight_ptr,
            loss_ptr + b,
            lse_ptr + b,
            count_ptr + b,
            part_ptr + row_blocks,
            block - row_blocks,
            m,
            column_others,
            smoothing,
            COUNTED,
            TO_IMAGE,
            EVERY,
            MEAN,
            COLUMN_WEIGHTED,
            BLOCK,
        )


@triton.jit
def _sum_parts(part_ptr, begin, end, BLOCK: tl.constexpr):
    total = tl.zeros((BLOCK,), dtype=tl.float64)
    for start in range(begin, end, BLOCK):
        at = start + tl.arange(0, BLOCK)
        total += tl.load(part_ptr + at, at < end, 0.0)
    return tl.sum(total, 0)


@triton.jit
def mean_kernel(
    part_ptr,
    loss_ptr,
    share_ptr,
    row_blocks,
    blocks,
    TO_TEXT: tl.constexpr,
    TO_IMAGE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Stores the mean of the wanted directions, and the gradient of it for a row and a column of weight 1."""
    row_loss = _sum_parts(part_ptr, 0, row_blocks, BLOCK)
    column_loss = _sum_parts(part_ptr, row_blocks, blocks, BLOCK)
    row_weight = _sum_parts(part_ptr, blocks, blocks + row_blocks, BLOCK)
    column_weight = _sum_parts(part_ptr, blocks + row_blocks, 2 * blocks, BLOCK)
    row_share = 1 / tl.where(row_weight > 0, row_weight, 1.0)
    column_share = 1 / tl.where(column_weight > 0, column_weight, 1.0)
    if TO_TEXT and TO_IMAGE:
        row_share, column_share = row_share * 0.5, column_share * 0.5
    elif TO_TEXT:
        column_share = column_share * 0
    else:
        row_share = row_share * 0
    tl.store(loss_ptr, (row_loss * row_share + column_loss * column_share).to(tl.float32))
    tl.store(share_ptr, row_share)
    tl.store(share_ptr + 1, column_share)


class Finished(NamedTuple):
    """What a forward pass gives; the rows of each tensor of b + m elements are the images, then the texts.

    Attributes:
        lse: Log-sum-exps (b + m,), float64, in bits.
        counts: Sums of the targets (b + m,), float32.
        losses: (b + m,), float32, in nats; None if their mean was wanted.
        mean: The mean over the wanted directions, float32, of no dimensions; None if it was not.
        shares: The gradients of the mean (2,), float64, for a row and a column of weight 1; None without a mean.
    """

    lse: Tensor
    counts: Tensor
    losses: Tensor | None
    mean: Tensor | None
    shares: Tensor | None


def finish_losses(
    problem: Problem,
    rows: Tensor,
    columns: Tensor,
    counted: tuple[Tensor, Tensor] | None,
    every: tuple[Tensor, Tensor] | None,
    weights: tuple[Tensor | None, Tensor | None] | None,
) -> Finished:
    """Gives losses from the planes of sums of rows (4, b) and columns (4, m).

    Args:
        problem: What was computed.
        rows: The sums of the rows.
        columns: The sums of the columns.
        counted: Sums of q of rows and columns, float64; None if the planes have them.
        every: Sums of all logits of rows and of columns, float64, for label smoothing.
        weights: Those of the means over images and over texts, None where all are 1. No mean is wanted without them.
    """
    b, m, modes, device = rows.shape[1], columns.shape[1], problem.modes, rows.device
    row_blocks, column_blocks = triton.cdiv(b, _BLOCK), triton.cdiv(m, _BLOCK)
    row_weight, column_weight = weights or (None, None)
    is_mean = weights is not None
    losses = None if is_mean else torch.empty(b + m, dtype=torch.float32, device=device)
    lse = torch.empty(b + m, dtype=torch.float64, device=device)
    counts = torch.empty(b + m, dtype=torch.float32, device=device)
    # Blocks of rows write one part, so the sums of losses and of weights lie one number of blocks apart.
    blocks = row_blocks + column_blocks
    parts = torch.empty(2 * blocks, dtype=torch.float64, device=device) if is_mean else lse
    excluded = int(modes.exclude_self)
    losses_kernel[(blocks,)](
        rows,
        columns,
        *(counted or (rows, columns)),
        rows if every is None else every[0],
        columns if every is None else every[1],
        rows if row_weight is None else row_weight,
        columns if column_weight is None else column_weight,
        lse if losses is None else losses,
        lse,
        counts,
        parts,
        b,
        m,
        max(1, problem.columns_of_a_row - excluded),
        max(1, problem.rows_of_a_column - excluded),
        modes.label_smoothing,
        COUNTED=counted is not None,
        TO_TEXT=modes.to_text,
        TO_IMAGE=modes.to_image,
        EVERY=every is not None,
        MEAN=is_mean,
        ROW_WEIGHTED=row_weight is not None,
        COLUMN_WEIGHTED=column_weight is not None,
        BLOCK=_BLOCK,
        num_warps=4,
    )
    if losses is not None:
        return Finished(lse=lse, counts=counts, losses=losses, mean=None, shares=None)
    mean = torch.empty((), dtype=torch.float32, device=device)
    shares = torch.empty(2, dtype=torch.float64, device=device)
    mean_kernel[(1,)](
        parts,
        mean,
        shares,
        row_blocks,
        blocks,
        TO_TEXT=modes.to_text,
        TO_IMAGE=modes.to_image,
        BLOCK=256,
        num_warps=4,
    )
    return Finished(lse=lse, counts=counts, losses=None, mean=mean, shares=shares)
