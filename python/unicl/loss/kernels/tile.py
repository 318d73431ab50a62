"""The two Triton kernels: sums of a stripe of z, and the gradient G of a tile.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``d`` width; ``f`` = s log2(e); z_ij = f u_i.v_j, in bits.

``sums_kernel``, one program for BM rows and a stripe of columns:
    for each BN columns:   z = f u v^T
        rows:     running maximum, sum of 2 ** (z - maximum), sum of q z    -> stored once for the stripe
        columns:  maximum, sum, sum of q z over these BM rows               -> stored for this block of rows
``gradient_kernel``, one program for a BM x BN tile:
    G = 2 ** (z - row_reference) row_factor + 2 ** (z - column_reference) column_factor - q (targets) - uniform
    in float32, the target subtracted before G is rounded to the dtype of the features.

Departures from the obvious: no atomics (partial sums are stored and reduced afterwards, in one order); no accumulation
of feature gradients in registers (at d >= 512 that spills on sm_90, measured; the products are cuBLAS's).

q of a tile: 1 where classes are equal, or, with SETS, a sum over the labels of both rows, which lie row after row from
``start`` of the row on. EVERY: label smoothing is on.
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]

__all__ = ["gradient_kernel", "sums_kernel"]


@triton.jit
def _logits(
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
def _add_targets(
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
    # into += factor q. No q is held: a tile of it would not fit in the registers beside the logits.
    left_start = tl.load(left_start_ptr + rows, rows < b, 0)
    left_size = tl.load(left_start_ptr + rows + 1, rows < b, 0) - left_start
    right_start = tl.load(right_start_ptr + columns, columns < m, 0)
    right_size = tl.load(right_start_ptr + columns + 1, columns < m, 0) - right_start
    met = (rows[:, None] < 0) & (columns[None, :] < 0)
    # The largest sets of this tile, learned here: asking for those of the batch would make the host wait.
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


@triton.jit
def sums_kernel(
    u_ptr,
    v_ptr,
    factor_ptr,
    left_ptr,
    left_start_ptr,
    left_weight_ptr,
    right_ptr,
    right_start_ptr,
    right_weight_ptr,
    row_max_ptr,
    row_sum_ptr,
    row_positive_ptr,
    column_max_ptr,
    column_sum_ptr,
    column_positive_ptr,
    b,
    m,
    d,
    first_pair,
    stripe,
    SETS: tl.constexpr,
    ANY: tl.constexpr,
    EXCLUDE: tl.constexpr,
    COLUMNS: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    UPCAST: tl.constexpr,
):
    """Maximum, sum and positive logits of a stripe of columns for BM rows, and the same of the columns."""
    block = tl.program_id(0)
    rows = block * BM + tl.arange(0, BM)
    factor = tl.load(factor_ptr)
    # Finite: where all so far is masked (-inf), -inf - -inf would be NaN.
    row_max = tl.full((BM,), -1e30, dtype=tl.float32)
    row_sum = tl.zeros((BM,), dtype=tl.float32)
    row_positive = tl.zeros((BM,), dtype=tl.float32)
    begin = tl.program_id(1) * stripe
    for start in range(begin, tl.minimum(begin + stripe, m), BN):
        columns = start + tl.arange(0, BN)
        z = _logits(u_ptr, v_ptr, block * BM, start, b, m, d, factor, BM, BN, BK, UPCAST)
        seen = (rows[:, None] < b) & (columns[None, :] < m)
        if EXCLUDE:
            seen = seen & (rows[:, None] + first_pair != columns[None, :])
        if not SETS:
            left = tl.load(left_ptr + rows, rows < b, -1)
            right = tl.load(right_ptr + columns, columns < m, -2)
            positive = tl.where((left[:, None] == right[None, :]) & seen, z, 0.0)
        else:
            positive = _add_targets(
                tl.zeros((BM, BN), dtype=tl.float32),
                tl.where(seen, z, 0.0),
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
                ANY,
            )
        at = block.to(tl.int64) * m + columns
        row_positive += tl.sum(positive, 1)
        if COLUMNS:
            tl.store(column_positive_ptr + at, tl.sum(positive, 0), columns < m)
        z = tl.where(seen, z, float("-inf"))
        new_max = tl.maximum(row_max, tl.max(z, 1))
        row_sum = row_sum * tl.exp2(row_max - new_max) + tl.sum(tl.exp2(z - new_max[:, None]), 1)
        row_max = new_max
        if COLUMNS:
            column_max = tl.maximum(tl.max(z, 0), -1e30)
            column_sum = tl.sum(tl.exp2(z - column_max[None, :]), 0)
            tl.store(column_max_ptr + at, column_max, columns < m)
            tl.store(column_sum_ptr + at, column_sum, columns < m)
    at = tl.program_id(1).to(tl.int64) * b + rows
    tl.store(row_max_ptr + at, row_max, rows < b)
    tl.store(row_sum_ptr + at, row_sum, rows < b)
    tl.store(row_positive_ptr + at, row_positive, rows < b)


@triton.jit
def gradient_kernel(
    u_ptr,
    v_ptr,
    factor_ptr,
    left_ptr,
    left_start_ptr,
    left_weight_ptr,
    right_ptr,
    right_start_ptr,
    right_weight_ptr,
    row_reference_ptr,
    row_factor_ptr,
    row_target_ptr,
    row_uniform_ptr,
    column_reference_ptr,
    column_factor_ptr,
    column_target_ptr,
    column_uniform_ptr,
    g_ptr,
    b,
    m,
    d,
    first_pair,
    SETS: tl.constexpr,
    ANY: tl.constexpr,
    EXCLUDE: tl.constexpr,
    COLUMNS: tl.constexpr,
    EVERY: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    UPCAST: tl.constexpr,
):
    """One tile of s dL/dz, in the dtype of the features."""
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    columns = tl.program_id(1) * BN + tl.arange(0, BN)
    inside_rows, inside_columns = rows < b, columns < m
    first_row, first_column = tl.program_id(0) * BM, tl.program_id(1) * BN
    z = _logits(u_ptr, v_ptr, first_row, first_column, b, m, d, tl.load(factor_ptr), BM, BN, BK, UPCAST)
    # Row by row of the formula, so that z and q are never live together.
    reference = tl.load(row_reference_ptr + rows, inside_rows, 0.0)
    weight = tl.load(row_factor_ptr + rows, inside_rows, 0.0)
    g = tl.exp2(z - reference[:, None]) * weight[:, None]
    if COLUMNS:
        reference = tl.load(column_reference_ptr + columns, inside_columns, 0.0)
        weight = tl.load(column_factor_ptr + columns, inside_columns, 0.0)
        g += tl.exp2(z - reference[None, :]) * weight[None, :]
    target = tl.load(row_target_ptr + rows, inside_rows, 0.0)[:, None]
    uniform = tl.load(row_uniform_ptr + rows, inside_rows, 0.0)[:, None]
    if COLUMNS:
        target = target + tl.load(column_target_ptr + columns, inside_columns, 0.0)[None, :]
        uniform = uniform + tl.load(column_uniform_ptr + columns, inside_columns, 0.0)[None, :]
    if not SETS:
        left = tl.load(left_ptr + rows, inside_rows, -1)
        right = tl.load(right_ptr + columns, inside_columns, -2)
        g = tl.where(left[:, None] == right[None, :], g - target, g)
    else:
        g = _add_targets(
            g,
            -target,
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
            ANY,
        )
    if EVERY:
        g -= uniform
    if EXCLUDE:
        g = tl.where(rows[:, None] + first_pair != columns[None, :], g, 0.0)
    g_ptr += first_row.to(tl.int64) * m
    at = tl.arange(0, BM)[:, None] * m + columns[None, :]
    tl.store(g_ptr + at, g.to(g_ptr.dtype.element_ty), inside_rows[:, None] & inside_columns[None, :])
