"""The exact forward kernel: sums of rows and columns of the logits, each with its own maximum.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``d`` width; f = s log2(e); z_ij = f u_i.v_j, in bits.

``sums_kernel``, one program for BM rows and a stripe of columns:
    for each BN columns:   z = f u v^T
        rows:     running maximum, sum of 2 ** (z - maximum), sum of q z  -> stored once for the stripe
        columns:  the same over these BM rows                             -> stored for this block of rows

No atomics: partial sums are stored, and reduced afterwards in one order (reduce.py). q is known here for classes
(LABELS). Positives of pairs, of sets and of large batches are summed in positives.py.

GATED: the programs leave at once unless the flag is up (shared_sums.py raises it).
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# An `and` of the two conditions would be computed on the device.
# ruff: noqa: N803, SIM102
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from unicl.loss.kernels.card import INTERPRETED
from unicl.loss.kernels.logits import NO_LABELS, are_positive, factor_of, tile_logits
from unicl.loss.kernels.sides import Batch, Texts
from unicl.loss.kernels.tiles import tile_for
from unicl.loss.problem import Problem

__all__ = ["exact_sums", "sums_kernel"]

_STRIPES = 8


@triton.jit
def sums_kernel(
    flag_ptr,
    u_ptr,
    v_ptr,
    scale_ptr,
    left_ptr,
    right_ptr,
    row_parts_ptr,
    column_parts_ptr,
    first,
    b,
    m,
    d,
    first_pair,
    stripe,
    GATED: tl.constexpr,
    LABELS: tl.constexpr,
    EXCLUDE: tl.constexpr,
    COLUMNS: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    UPCAST: tl.constexpr,
):
    """Stores partial (maximum, sum, positive logits) of rows ``first`` to ``b``, and of columns."""
    if GATED:
        if tl.load(flag_ptr) == 0:
            return
    block, blocks, stripes = tl.program_id(0), tl.num_programs(0), tl.num_programs(1)
    rows = first + block * BM + tl.arange(0, BM)
    factor = factor_of(scale_ptr)
    # Finite: where everything so far is masked (-inf), -inf - -inf would be NaN.
    row_max = tl.full((BM,), -1e30, dtype=tl.float32)
    row_sum = tl.zeros((BM,), dtype=tl.float32)
    row_positive = tl.zeros((BM,), dtype=tl.float32)
    # Whole planes of the partial sums lie behind one another.
    row_plane = stripes.to(tl.int64) * (b - first)
    column_plane = blocks.to(tl.int64) * m
    begin = tl.program_id(1) * stripe
    for start in range(begin, tl.minimum(begin + stripe, m), BN):
        columns = start + tl.arange(0, BN)
        z = tile_logits(u_ptr, v_ptr, first + block * BM, start, b, m, d, factor, BM, BN, BK, UPCAST)
        seen = (rows[:, None] < b) & (columns[None, :] < m)
        if EXCLUDE:
            seen = seen & (rows[:, None] + first_pair != columns[None, :])
        at = block.to(tl.int64) * m + columns
        if LABELS != NO_LABELS:
            is_positive = are_positive(left_ptr, right_ptr, rows, columns, b, m, first_pair, LABELS)
            positive = tl.where(is_positive & seen, z, 0.0)
            row_positive += tl.sum(positive, 1)
            if COLUMNS:
                tl.store(column_parts_ptr + 2 * column_plane + at, tl.sum(positive, 0), columns < m)
        z = tl.where(seen, z, float("-inf"))
        new_max = tl.maximum(row_max, tl.max(z, 1))
        row_sum = row_sum * tl.exp2(row_max - new_max) + tl.sum(tl.exp2(z - new_max[:, None]), 1)
        row_max = new_max
        if COLUMNS:
            column_max = tl.maximum(tl.max(z, 0), -1e30)
            column_sum = tl.sum(tl.exp2(z - column_max[None, :]), 0)
            tl.store(column_parts_ptr + at, column_max, columns < m)
            tl.store(column_parts_ptr + column_plane + at, column_sum, columns < m)
    at = tl.program_id(1).to(tl.int64) * (b - first) + (rows - first)
    tl.store(row_parts_ptr + at, row_max, rows < b)
    tl.store(row_parts_ptr + row_plane + at, row_sum, rows < b)
    if LABELS != NO_LABELS:
        tl.store(row_parts_ptr + 2 * row_plane + at, row_positive, rows < b)


def exact_sums(problem: Problem, batch: Batch, span: slice, texts: Texts, flag: Tensor | None) -> tuple[Tensor, Tensor]:
    """Gives partial sums of some images and of all texts, or all extra texts: (planes, parts, rows) each.

    Args:
        problem: What is being computed.
        batch: Its features and labels as the kernels take them.
        span: Which images.
        texts: What they are compared with.
        flag: The sums are computed only if it is up; None computes them.
    """
    b, m, d = span.stop - span.start, texts.features.shape[0], batch.image.shape[1]
    labels = NO_LABELS.value if batch.kind == "pairs" else batch.labels_seen(texts)
    sees_columns = problem.modes.to_image and not texts.is_extra
    exclude = problem.modes.exclude_self and not texts.is_extra
    tile = tile_for("sums_kernel", batch.image, excludes=exclude)
    blocks = triton.cdiv(b, tile["BM"])
    stripe = triton.cdiv(triton.cdiv(m, tile["BN"]), _STRIPES) * tile["BN"]
    stripes = triton.cdiv(m, stripe)
    planes = 3 if labels != NO_LABELS.value else 2
    row_parts = torch.empty((planes, stripes, b), dtype=torch.float32, device=batch.image.device)
    shape = (planes, blocks, m) if sees_columns else (1, 1, 1)
    column_parts = torch.empty(shape, dtype=torch.float32, device=batch.image.device)
    sums_kernel[(blocks, stripes)](
        problem.scale if flag is None else flag,
        batch.image,
        texts.features,
        problem.scale,
        batch.row_labels,
        texts.labels,
        row_parts,
        column_parts,
        span.start,
        span.stop,
        m,
        d,
        problem.first_pair,
        stripe,
        GATED=flag is not None,
        LABELS=labels,
        EXCLUDE=exclude,
        COLUMNS=sees_columns,
        UPCAST=INTERPRETED,
        **tile,
    )
    return row_parts, column_parts
