"""The forward kernel and its launch: sums of rows and columns of the logits.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``d`` width; ``f`` = s log2(e); z_ij = f u_i.v_j, in bits.

``sums_kernel``, one program for BM rows and a stripe of columns:
    for each BN columns:   z = f u v^T
        rows:     running maximum, sum of 2 ** (z - maximum), sum of q z    -> stored once for the stripe
        columns:  maximum, sum, sum of q z over these BM rows               -> stored for this block of rows

No atomics: partial sums are stored, and reduced afterwards in one order.
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from unicl.loss.directions import Sums
from unicl.loss.kernels.autotune import Tile
from unicl.loss.kernels.operands import RowLabels, Texts, choose_tile, kernel_constants, scale_in_bits
from unicl.loss.kernels.tile import add_tile_targets, tile_logits
from unicl.loss.problem import Problem

__all__ = ["add_sums", "sums_kernel"]

_STRIPES = 8


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
    """Stores maximum, sum and positive logits of a stripe of columns for BM rows, and the same for the columns."""
    block = tl.program_id(0)
    rows = block * BM + tl.arange(0, BM)
    factor = tl.load(factor_ptr)
    # Finite: where everything so far is masked (-inf), -inf - -inf would be NaN.
    row_max = tl.full((BM,), -1e30, dtype=tl.float32)
    row_sum = tl.zeros((BM,), dtype=tl.float32)
    row_positive = tl.zeros((BM,), dtype=tl.float32)
    begin = tl.program_id(1) * stripe
    for start in range(begin, tl.minimum(begin + stripe, m), BN):
        columns = start + tl.arange(0, BN)
        z = tile_logits(u_ptr, v_ptr, block * BM, start, b, m, d, factor, BM, BN, BK, UPCAST)
        seen = (rows[:, None] < b) & (columns[None, :] < m)
        if EXCLUDE:
            seen = seen & (rows[:, None] + first_pair != columns[None, :])
        if not SETS:
            left = tl.load(left_ptr + rows, rows < b, -1)
            right = tl.load(right_ptr + columns, columns < m, -2)
            positive = tl.where((left[:, None] == right[None, :]) & seen, z, 0.0)
        else:
            positive = add_tile_targets(
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


def add_sums(problem: Problem, span: slice, labels: RowLabels, texts: Texts, rows: Sums, columns: Sums) -> None:
    """Adds the sums of some images with all texts, or all extra texts.

    Args:
        problem: What is being computed.
        span: Which images.
        labels: Those of all images.
        texts: What they are compared with.
        rows: The sums of the rows of z.
        columns: The sums of the columns of z.
    """
    u, v = problem.image[span].contiguous(), texts.features
    b, m = u.shape[0], v.shape[0]
    factor, targets = scale_in_bits(problem), (*labels.of_rows(span), *texts.labels)
    sees_columns = problem.modes.to_image and not texts.is_extra
    constants = kernel_constants(problem, texts, sees_columns=sees_columns)

    def launch(tile: Tile) -> tuple[Tensor, Tensor]:
        """Gives partial (maximum, sum, positive) of the rows, by stripe, and of the columns, by block of rows."""
        blocks = triton.cdiv(b, tile["BM"])
        stripe = triton.cdiv(triton.cdiv(m, tile["BN"]), _STRIPES) * tile["BN"]
        stripes = triton.cdiv(m, stripe)
        row_parts = torch.empty(3, stripes, b, dtype=torch.float32, device=u.device)
        column_parts = torch.empty(3, blocks, m if sees_columns else 1, dtype=torch.float32, device=u.device)
        sums_kernel[(blocks, stripes)](
            u,
            v,
            factor,
            *targets,
            *row_parts,
            *column_parts,
            b,
            m,
            u.shape[1],
            problem.first_pair + span.start,
            stripe,
            **constants,
            **tile,
        )
        return row_parts, column_parts

    row_parts, column_parts = launch(choose_tile("sums_kernel", problem, u, constants, launch, labels, texts))
    rows.add_parts(span, row_parts.double())
    if sees_columns:
        columns.add_parts(slice(0, m), column_parts.double())
