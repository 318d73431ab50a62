"""The exact backward kernel: the gradient G of the logits, with one exponential for rows and one for columns.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``d`` width; f = s log2(e); z_ij = f u_i.v_j, in bits.

``gradient_kernel``, one program for a BM x BN tile, or for several:
    G = 2 ** (z - row_reference) row_factor + 2 ** (z - column_reference) column_factor - q (targets) - uniform
    in float32, the target subtracted before G is rounded to the dtype of the features. EVERY: label smoothing is on.

q is known here for pairs and classes (LABELS). For others, targets.py writes over the elements with a target.
The gradients of the features are not accumulated in registers: at d >= 512 that spills on sm_90 (measured). Their
products are those of cuBLAS.

GATED: the programs leave at once unless the flag is up. Few programs are then started, as that is rare.
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# An `and` of the two conditions would be computed on the device.
# ruff: noqa: N803, SIM102
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from unicl.loss.kernels.card import INTERPRETED, card_of
from unicl.loss.kernels.logits import NO_LABELS, are_positive, factor_of, tile_logits
from unicl.loss.kernels.sides import Batch, Texts
from unicl.loss.kernels.tiles import tile_for
from unicl.loss.kernels.vectors import Vectors
from unicl.loss.problem import Problem

__all__ = ["exact_gradient", "gradient_kernel", "softmax_gradient"]


@triton.jit
def softmax_gradient(
    z,
    rows,
    columns,
    row_inside,
    column_inside,
    row_vectors_ptr,
    column_vectors_ptr,
    row_plane,
    column_plane,
    COLUMNS: tl.constexpr,
):
    """Computes the part of G that has no target."""
    # Term by term of the formula, so that z and q are never live together.
    reference = tl.load(row_vectors_ptr + rows, row_inside, 0.0)
    factor = tl.load(row_vectors_ptr + row_plane + rows, row_inside, 0.0)
    g = tl.exp2(z - reference[:, None]) * factor[:, None]
    if COLUMNS:
        reference = tl.load(column_vectors_ptr + columns, column_inside, 0.0)
        factor = tl.load(column_vectors_ptr + column_plane + columns, column_inside, 0.0)
        g += tl.exp2(z - reference[None, :]) * factor[None, :]
    return g


@triton.jit
def gradient_kernel(
    flag_ptr,
    u_ptr,
    v_ptr,
    scale_ptr,
    left_ptr,
    right_ptr,
    row_vectors_ptr,
    column_vectors_ptr,
    g_ptr,
    first,
    b,
    all_rows,
    m,
    d,
    g_stride,
    first_pair,
    tiles,
    GATED: tl.constexpr,
    LABELS: tl.constexpr,
    EXCLUDE: tl.constexpr,
    COLUMNS: tl.constexpr,
    EVERY: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    UPCAST: tl.constexpr,
):
    """Stores tiles of s dL/dz of the rows ``first`` to ``b``, in the dtype of the features."""
    if GATED:
        if tl.load(flag_ptr) == 0:
            return
    factor = factor_of(scale_ptr)
    row_blocks = tl.cdiv(b - first, BM)
    for tile in range(tl.program_id(0), tiles, tl.num_programs(0)):
        first_row, first_column = first + (tile % row_blocks) * BM, (tile // row_blocks) * BN
        rows, columns = first_row + tl.arange(0, BM), first_column + tl.arange(0, BN)
        inside_rows, inside_columns = rows < b, columns < m
        z = tile_logits(u_ptr, v_ptr, first_row, first_column, b, m, d, factor, BM, BN, BK, UPCAST)
        g = softmax_gradient(
            z,
            rows,
            columns,
            inside_rows,
            inside_columns,
            row_vectors_ptr,
            column_vectors_ptr,
            all_rows,
            m,
            COLUMNS,
        )
        if LABELS != NO_LABELS:
            target = tl.load(row_vectors_ptr + 3 * all_rows + rows, inside_rows, 0.0)[:, None]
            if COLUMNS:
                target = target + tl.load(column_vectors_ptr + 3 * m + columns, inside_columns, 0.0)[None, :]
            is_positive = are_positive(left_ptr, right_ptr, rows, columns, b, m, first_pair, LABELS)
            g = tl.where(is_positive, g - target, g)
        if EVERY:
            uniform = tl.load(row_vectors_ptr + 4 * all_rows + rows, inside_rows, 0.0)[:, None]
            if COLUMNS:
                uniform = uniform + tl.load(column_vectors_ptr + 4 * m + columns, inside_columns, 0.0)[None, :]
            g -= uniform
        if EXCLUDE:
            g = tl.where(rows[:, None] + first_pair != columns[None, :], g, 0.0)
        to_ptr = g_ptr + (first_row - first).to(tl.int64) * g_stride
        at = tl.arange(0, BM)[:, None] * g_stride + columns[None, :]
        tl.store(to_ptr + at, g.to(g_ptr.dtype.element_ty), inside_rows[:, None] & inside_columns[None, :])


def exact_gradient(
    problem: Problem, batch: Batch, span: slice, texts: Texts, vectors: Vectors, g: Tensor, flag: Tensor | None
) -> None:
    """Fills G of some images and all texts, or all extra texts.

    Args:
        problem: What is being computed.
        batch: Its features and labels.
        span: Which images.
        texts: What they are compared with.
        vectors: Those of the gradient of the losses.
        g: (images, texts), in the dtype of the features; its rows may lie apart.
        flag: G is filled only if it is up; None fills it.
    """
    b, m = g.shape
    exclude = problem.modes.exclude_self and not texts.is_extra
    tile = tile_for("gradient_kernel", batch.image)
    tiles = triton.cdiv(b, tile["BM"]) * triton.cdiv(m, tile["BN"])
    programs = tiles if flag is None else min(tiles, 2 * card_of(batch.image.device).processors)
    gradient_kernel[(programs,)](
        problem.scale if flag is None else flag,
        batch.image,
        texts.features,
        problem.scale,
        batch.row_labels,
        texts.labels,
        vectors.rows,
        vectors.columns,
        g,
        span.start,
        span.stop,
        batch.image.shape[0],
        m,
        batch.image.shape[1],
        g.stride(0),
        problem.first_pair,
        tiles,
        GATED=flag is not None,
        LABELS=batch.labels_seen(texts),
        EXCLUDE=exclude,
        COLUMNS=problem.modes.to_image and not texts.is_extra,
        EVERY=problem.modes.label_smoothing > 0,
        UPCAST=INTERPRETED,
        **tile,
    )
