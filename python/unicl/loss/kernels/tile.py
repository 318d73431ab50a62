"""The Triton functions that both kernels call: the logits of a tile, and its targets.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``d`` width; ``f`` = s log2(e); z_ij = f u_i.v_j, in bits. A tile has
BM images and BN texts, and its products are added up BK columns of the features at a time.

q of a tile is 1 where classes are equal. With SETS, it is a sum over the labels of both rows. The labels of a row lie
one after another, from ``start`` of the row on.
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]

__all__ = ["add_tile_targets", "tile_logits"]


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
def add_tile_targets(
    into,
    factor,
    left_ptr,
    left_start_ptr,
    left_weight_ptr,
    right_ptr,
    right_start_ptr,
    right_weight_ptr,
    rows,
    columns,
    b,
    m,
    ANY: tl.constexpr,
):
    """Computes ``into`` + ``factor`` q for sets of labels."""
    # No q is held: a tile of it would not fit in the registers beside the logits.
    left_start = tl.load(left_start_ptr + rows, rows < b, 0)
    left_size = tl.load(left_start_ptr + rows + 1, rows < b, 0) - left_start
    right_start = tl.load(right_start_ptr + columns, columns < m, 0)
    right_size = tl.load(right_start_ptr + columns + 1, columns < m, 0) - right_start
    met = (rows[:, None] < 0) & (columns[None, :] < 0)
    # The largest sets of this tile are found here. Finding those of the batch would make the host wait.
    for i in range(tl.max(left_size, 0)):
        left_inside = i < left_size
        left = tl.load(left_ptr + left_start + i, left_inside, -1)
        left_weight = tl.load(left_weight_ptr + left_start + i, left_inside, 0.0)
        for j in range(tl.max(right_size, 0)):
            right_inside = j < right_size
            right = tl.load(right_ptr + right_start + j, right_inside, -2)
            equal = left[:, None] == right[None, :]
            if ANY:
                met = met | equal
            else:
                right_weight = tl.load(right_weight_ptr + right_start + j, right_inside, 0.0)
                into = tl.where(equal, into + left_weight[:, None] * right_weight[None, :] * factor, into)
    if ANY:
        into = tl.where(met, into + factor, into)
    return into
