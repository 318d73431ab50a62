"""The Triton functions that the kernels share: the logits of a tile, and which of them are positive.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``d`` width; f = s log2(e); z_ij = f u_i.v_j, in bits. A tile has BM
images and BN texts, and its products are added up BK columns of the features at a time.
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]

__all__ = ["CLASSES", "NO_LABELS", "PAIRS", "are_positive", "factor_of", "gathered_logits", "shift_of", "tile_logits"]

#: What a kernel knows of labels: nothing, that image i belongs to text i, or the class of each row.
NO_LABELS, PAIRS, CLASSES = (tl.constexpr(kind) for kind in range(3))


@triton.jit
def factor_of(scale_ptr):
    """Loads f."""
    return (tl.load(scale_ptr).to(tl.float64) * 1.4426950408889634).to(tl.float32)


@triton.jit
def shift_of(factor):
    """Gives the shift t of all logits, a whole number: sums of 2 ** (z - t) over unit rows stay below 2 ** 120."""
    return tl.maximum(tl.ceil(factor) - 100.0, 0.0)


@triton.jit
def tile_logits(
    u_ptr,
    v_ptr,
    first_row,
    first_column,
    b,
    m,
    d,
    factor,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    UPCAST: tl.constexpr,
):
    """Computes z of a tile, in float32."""
    # 64 bits for the corner of the tile alone: in every element they would cost 64 registers a thread.
    width = tl.zeros((), dtype=tl.int64) + d
    u_ptr += width * first_row
    v_ptr += width * first_column
    rows, columns, inner = tl.arange(0, BM), tl.arange(0, BN), tl.arange(0, BK)
    row_inside, column_inside = rows < b - first_row, columns < m - first_column
    z = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, d, BK):
        k = start + inner
        u = tl.load(u_ptr + rows[:, None] * d + k[None, :], row_inside[:, None] & (k[None, :] < d), 0.0)
        v = tl.load(v_ptr + columns[None, :] * d + k[:, None], column_inside[None, :] & (k[:, None] < d), 0.0)
        if UPCAST:
            # The interpreter multiplies the bit patterns of bfloat16.
            u = u.to(tl.float32)
            v = v.to(tl.float32)
        z = tl.dot(u, v, z, input_precision="ieee")
    return z * factor


@triton.jit
def gathered_logits(
    u_ptr,
    v_ptr,
    rows,
    columns,
    row_inside,
    column_inside,
    d,
    factor,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    UPCAST: tl.constexpr,
):
    """Computes z of any rows and any columns, in float32."""
    u_ptr += rows.to(tl.int64)[:, None] * d
    v_ptr += columns.to(tl.int64)[None, :] * d
    inner = tl.arange(0, BK)
    z = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, d, BK):
        k = start + inner
        u = tl.load(u_ptr + k[None, :], row_inside[:, None] & (k[None, :] < d), 0.0)
        v = tl.load(v_ptr + k[:, None], column_inside[None, :] & (k[:, None] < d), 0.0)
        if UPCAST:
            u = u.to(tl.float32)
            v = v.to(tl.float32)
        z = tl.dot(u, v, z, input_precision="ieee")
    return z * factor


@triton.jit
def are_positive(left_ptr, right_ptr, rows, columns, b, m, first_pair, LABELS: tl.constexpr):
    """Tells which pairs of a tile are positive."""
    left, right = rows + first_pair, columns
    if LABELS == CLASSES:
        left = tl.load(left_ptr + rows, rows < b, -1)
        right = tl.load(right_ptr + columns, columns < m, -2)
    return left[:, None] == right[None, :]
