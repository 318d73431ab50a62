"""From the gradient of the losses to the vectors of which the kernels make the gradient of the logits.

Legend: a_i = s times the gradient of the loss of row i, 0 for a row without a positive; t the shared shift (logits.py).

Each side has five planes, float32, as ``unicl.loss.directions.Direction`` has:
    reference = the log-sum-exp in bits, rounded to a whole number
    factor    = a 2 ** (reference - lse)
    shared    = a 2 ** (t - lse)
    target    = a (1 - label_smoothing) / count
    uniform   = a label_smoothing / number of columns

All planes but the first are multiplied by the *gain*, the power of two that lifts the largest a to 2 ** 12. float16
holds nothing below 2 ** -24, and the gradient of a logit is about s / b ** 2. The products are divided by it again.
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

from unicl.loss.kernels.logits import factor_of, shift_of
from unicl.loss.problem import Problem

__all__ = ["LossGradients", "Vectors", "gradient_vectors", "vectors_kernel"]

_BLOCK, _SCAN = 256, 1024


@triton.jit
def _largest(weight_ptr, n, SCAN: tl.constexpr):
    """Finds the largest size of a vector; NaN counts as 0."""
    largest = tl.zeros((SCAN,), dtype=tl.float32)
    for start in range(0, n, SCAN):
        at = start + tl.arange(0, SCAN)
        largest = tl.maximum(largest, tl.abs(tl.load(weight_ptr + at, at < n, 0.0).to(tl.float32)))
    return tl.max(largest, 0)


@triton.jit
def _side(
    flag_ptr,
    weight_ptr,
    share,
    lse_ptr,
    count_ptr,
    out_ptr,
    block,
    n,
    others,
    smoothing,
    scale,
    gain,
    shift,
    FLAGGED: tl.constexpr,
    IS_WANTED: tl.constexpr,
    WEIGHTED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    at = block * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    lse = tl.load(lse_ptr + at, inside, 0.0)
    count = tl.load(count_ptr + at, inside, 0.0).to(tl.float64)
    weight = tl.where((count > 0) & inside, share * scale * gain, 0.0)
    if WEIGHTED:
        weight = weight * tl.load(weight_ptr + at, inside, 0.0).to(tl.float64)
    if not IS_WANTED:
        weight = weight * 0
    reference = tl.floor(lse + 0.5)
    shared = tl.where(weight == 0, 0.0, weight * tl.exp2(shift - lse))
    # Too small for float32 to hold, or too large: the exact kernels then make the gradient.
    size = tl.abs(shared)
    is_bad = ((weight != 0) & ((size < 1e-37) | (size > 1e38))) | (lse - shift > 120)
    if FLAGGED:
        tl.store(flag_ptr + at * 0, 1, inside & is_bad)
    out_ptr += at
    tl.store(out_ptr, reference.to(tl.float32), inside)
    tl.store(out_ptr + n, (weight * tl.exp2(reference - lse)).to(tl.float32), inside)
    tl.store(out_ptr + 2 * n, shared.to(tl.float32), inside)
    tl.store(out_ptr + 3 * n, (weight * (1 - smoothing) / tl.where(count > 0, count, 1.0)).to(tl.float32), inside)
    tl.store(out_ptr + 4 * n, (weight * smoothing / others).to(tl.float32), inside)


@triton.jit
def vectors_kernel(
    flag_ptr,
    scale_ptr,
    grad_ptr,
    share_ptr,
    row_weight_ptr,
    column_weight_ptr,
    lse_ptr,
    count_ptr,
    rows_ptr,
    columns_ptr,
    gain_ptr,
    b,
    m,
    row_others,
    column_others,
    smoothing,
    FLAGGED: tl.constexpr,
    TO_TEXT: tl.constexpr,
    TO_IMAGE: tl.constexpr,
    MEAN: tl.constexpr,
    ROW_WEIGHTED: tl.constexpr,
    COLUMN_WEIGHTED: tl.constexpr,
    BLOCK: tl.constexpr,
    SCAN: tl.constexpr,
):
    """Stores the planes of rows (5, b) and columns (5, m), and the gain."""
    scale = tl.load(scale_ptr).to(tl.float64)
    shift = shift_of(factor_of(scale_ptr)).to(tl.float64)
    row_share = scale * 0 + 1
    column_share = row_share
    if MEAN:
        grad = tl.load(grad_ptr).to(tl.float64)
        row_share = grad * tl.load(share_ptr)
        column_share = grad * tl.load(share_ptr + 1)
    # Every program finds the largest for itself: one launch fewer, and no order between programs.
    largest = tl.abs(row_share * scale).to(tl.float32)
    if ROW_WEIGHTED:
        largest = largest * _largest(row_weight_ptr, b, SCAN)
    if not TO_TEXT:
        largest = largest * 0
    of_columns = tl.abs(column_share * scale).to(tl.float32)
    if COLUMN_WEIGHTED:
        of_columns = of_columns * _largest(column_weight_ptr, m, SCAN)
    if not TO_IMAGE:
        of_columns = of_columns * 0
    largest = tl.maximum(largest, of_columns)
    # The exponent of a float32, so that the gain is a power of two exactly.
    exponent = (largest.to(tl.int32, bitcast=True) >> 23) & 255
    lift = tl.minimum(tl.maximum(266 - exponent, 1), 254)
    lift = tl.where((exponent == 0) | (exponent == 255), 127, lift)
    gain = (lift << 23).to(tl.float32, bitcast=True)
    block, row_blocks = tl.program_id(0), tl.cdiv(b, BLOCK)
    if block == 0:
        tl.store(gain_ptr, gain)
    gain = gain.to(tl.float64)
    if block < row_blocks:
        _side(
            flag_ptr,
            row_weight_ptr,
            row_share,
            lse_ptr,
            count_ptr,
            rows_ptr,
            block,
            b,
            row_others,
            smoothing,
            scale,
            gain,
            shift,
            FLAGGED,
            TO_TEXT,
            ROW_WEIGHTED,
            BLOCK,
        )
    else:
        _side(
            flag_ptr,
            column_weight_ptr,
            column_share,
            lse_ptr + b,
            count_ptr + b,
            columns_ptr,
            block - row_blocks,
            m,
            column_others,
            smoothing,
            scale,
            gain,
            shift,
            FLAGGED,
            TO_IMAGE,
            COLUMN_WEIGHTED,
            BLOCK,
        )


class LossGradients(NamedTuple):
    """The gradient of the losses, as a mean has it or as any vector.

    Attributes:
        grad: The gradient of the mean, of one element; None if there is no mean.
        shares: As ``Finished.shares``; None if there is no mean.
        rows: The weights of the mean over images, or the gradients of their losses; None where all weights are 1.
        columns: The same for texts.
    """

    grad: Tensor | None
    shares: Tensor | None
    rows: Tensor | None
    columns: Tensor | None


class Vectors(NamedTuple):
    """The planes of rows (5, b) and columns (5, m), float32, and the gain (1,)."""

    rows: Tensor
    columns: Tensor
    gain: Tensor


def gradient_vectors(
    problem: Problem, lse: Tensor, counts: Tensor, gradients: LossGradients, flag: Tensor | None
) -> Vectors:
    """Gives the vectors of the gradient of the logits.

    Args:
        problem: What is being computed.
        lse: Log-sum-exps in bits, of the rows and then of the columns, float64.
        counts: Their sums of targets.
        gradients: Those of the losses.
        flag: Is raised where ``shared`` leaves float32.
    """
    b, m, modes, device = problem.image.shape[0], problem.text.shape[0], problem.modes, problem.image.device
    rows = torch.empty((5, b), dtype=torch.float32, device=device)
    columns = torch.empty((5, m), dtype=torch.float32, device=device)
    gain = torch.empty(1, dtype=torch.float32, device=device)
    is_mean = gradients.grad is not None
    excluded = int(modes.exclude_self)
    vectors_kernel[(triton.cdiv(b, _BLOCK) + triton.cdiv(m, _BLOCK),)](
        gain if flag is None else flag,
        problem.scale,
        gradients.grad if is_mean else problem.scale,
        gradients.shares if is_mean else problem.scale,
        problem.scale if gradients.rows is None else gradients.rows,
        problem.scale if gradients.columns is None else gradients.columns,
        lse,
        counts,
        rows,
        columns,
        gain,
        b,
        m,
        max(1, problem.columns_of_a_row - excluded),
        max(1, problem.rows_of_a_column - excluded),
        modes.label_smoothing,
        FLAGGED=flag is not None,
        TO_TEXT=modes.to_text,
        TO_IMAGE=modes.to_image,
        MEAN=is_mean,
        ROW_WEIGHTED=gradients.rows is not None,
        COLUMN_WEIGHTED=gradients.columns is not None,
        BLOCK=_BLOCK,
        SCAN=_SCAN,
        num_warps=4,
    )
    return Vectors(rows=rows, columns=columns, gain=gain)
