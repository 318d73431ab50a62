"""Reduces partial sums of rows and columns, in one fixed order and in float64.

The result of a side is a tensor of four planes: (largest logit, sum of 2 ** (z - largest), sum of q z, sum of q). The
last is filled elsewhere, and the third only if the kernel of the parts knows q.
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# An `and` of the two conditions would be computed on the device.
# ruff: noqa: N803, SIM102
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from unicl.loss.kernels.logits import factor_of, shift_of

__all__ = ["reduce_kernel", "reduce_parts"]

_BLOCK, _PARTS = 128, 16


@triton.jit
def _reduce_side(
    parts_ptr,
    sums_ptr,
    flag_ptr,
    shift,
    block,
    parts,
    n,
    first,
    size,
    PLANES: tl.constexpr,
    ACCUMULATE: tl.constexpr,
    BLOCK: tl.constexpr,
    PARTS: tl.constexpr,
):
    """Reduces ``parts`` parts of ``n`` rows into the rows from ``first`` on, of ``size``."""
    at = block * BLOCK + tl.arange(0, BLOCK)
    inside, which = at < n, tl.arange(0, PARTS)
    # In 64 bits; an argument that is 1 is a constant, and has no type.
    plane = (tl.zeros((), dtype=tl.int64) + parts) * n
    sums_ptr += first + at
    total = tl.zeros((BLOCK,), dtype=tl.float64)
    positive = tl.zeros((BLOCK,), dtype=tl.float64)
    if PLANES == 1:
        # Sums of 2 ** (z - shift): all have one reference.
        largest = tl.zeros((BLOCK,), dtype=tl.float64) + shift
        for start in range(0, parts, PARTS):
            part = start + which
            here = (part[:, None] < parts) & inside[None, :]
            value = tl.load(parts_ptr + part.to(tl.int64)[:, None] * n + at[None, :], here, 0.0)
            total += tl.sum(value.to(tl.float64), 0)
        if ACCUMULATE:
            total += tl.load(sums_ptr + size, inside, 0.0)
        # Below, the addends were lost; above, the sum is. NaN fails both.
        is_good = (total >= 8.271806125530277e-25) & (total < 3e38)
        tl.store(flag_ptr + at * 0, 1, inside & (is_good == 0))
    else:
        largest = tl.full((BLOCK,), -1e30, dtype=tl.float64)
        if ACCUMULATE:
            largest = tl.load(sums_ptr, inside, -1e30)
        new = largest
        for start in range(0, parts, PARTS):
            part = start + which
            here = (part[:, None] < parts) & inside[None, :]
            value = tl.load(parts_ptr + part.to(tl.int64)[:, None] * n + at[None, :], here, -1e30)
            new = tl.maximum(new, tl.max(value, 0).to(tl.float64))
        if ACCUMULATE:
            total = tl.load(sums_ptr + size, inside, 0.0) * tl.exp2(largest - new)
            positive = tl.load(sums_ptr + 2 * size, inside, 0.0)
        largest = new
        for start in range(0, parts, PARTS):
            part = start + which
            here = (part[:, None] < parts) & inside[None, :]
            from_ptr = parts_ptr + part.to(tl.int64)[:, None] * n + at[None, :]
            value = tl.load(from_ptr, here, -1e30).to(tl.float64)
            weight = tl.exp2((value - largest[None, :]).to(tl.float32)).to(tl.float64)
            total += tl.sum(tl.load(from_ptr + plane, here, 0.0).to(tl.float64) * weight, 0)
            if PLANES == 3:
                positive += tl.sum(tl.load(from_ptr + 2 * plane, here, 0.0).to(tl.float64), 0)
    tl.store(sums_ptr, largest, inside)
    tl.store(sums_ptr + size, total, inside)
    if PLANES == 3:
        tl.store(sums_ptr + 2 * size, positive, inside)


@triton.jit
def reduce_kernel(
    flag_ptr,
    scale_ptr,
    row_parts_ptr,
    rows_ptr,
    column_parts_ptr,
    columns_ptr,
    row_parts,
    row_n,
    row_first,
    row_size,
    column_parts,
    column_n,
    column_size,
    GATED: tl.constexpr,
    PLANES: tl.constexpr,
    ACCUMULATE_ROWS: tl.constexpr,
    ACCUMULATE_COLUMNS: tl.constexpr,
    BLOCK: tl.constexpr,
    PARTS: tl.constexpr,
):
    """Reduces the parts of the rows by the first programs, and those of the columns by the others."""
    if GATED:
        if tl.load(flag_ptr) == 0:
            return
    shift = shift_of(factor_of(scale_ptr)).to(tl.float64)
    block, row_blocks = tl.program_id(0), tl.cdiv(row_n, BLOCK)
    if block < row_blocks:
        _reduce_side(
            row_parts_ptr,
            rows_ptr,
            flag_ptr,
            shift,
            block,
            row_parts,
            row_n,
            row_first,
            row_size,
            PLANES,
            ACCUMULATE_ROWS,
            BLOCK,
            PARTS,
        )
    else:
        _reduce_side(
            column_parts_ptr,
            columns_ptr,
            flag_ptr,
            shift,
            block - row_blocks,
            column_parts,
            column_n,
            0,
            column_size,
            PLANES,
            ACCUMULATE_COLUMNS,
            BLOCK,
            PARTS,
        )


def reduce_parts(
    scale: Tensor,
    flag: Tensor | None,
    row_parts: Tensor,
    rows: Tensor,
    column_parts: Tensor | None,
    columns: Tensor,
    *,
    first: int,
    accumulate_rows: bool,
    accumulate_columns: bool,
    is_gated: bool,
) -> None:
    """Reduces parts of shape (planes, parts, n) into the planes of rows and columns.

    Args:
        scale: The logit scale.
        flag: Is raised if a sum with a shared shift has left float32; the gate if ``is_gated``.
        row_parts: Those of the rows from ``first`` on.
        rows: The sums of all rows, (4, b), float64.
        column_parts: Those of all columns; None if they are not wanted.
        columns: The sums of all columns, (4, m), float64.
        first: The first row.
        accumulate_rows: Whether the rows already hold other sums.
        accumulate_columns: Whether the columns already hold other sums.
        is_gated: Whether nothing is done unless the flag is up.
    """
    planes, parts, n = row_parts.shape
    column_n = 0 if column_parts is None else column_parts.shape[2]
    reduce_kernel[(triton.cdiv(n, _BLOCK) + triton.cdiv(column_n, _BLOCK),)](
        scale if flag is None else flag,
        scale,
        row_parts,
        rows,
        row_parts if column_parts is None else column_parts,
        columns,
        parts,
        n,
        first,
        rows.shape[1],
        1 if column_parts is None else column_parts.shape[1],
        column_n,
        columns.shape[1],
        GATED=is_gated,
        PLANES=planes,
        ACCUMULATE_ROWS=accumulate_rows,
        ACCUMULATE_COLUMNS=accumulate_columns,
        BLOCK=_BLOCK,
        PARTS=_PARTS,
        num_warps=4,
    )
