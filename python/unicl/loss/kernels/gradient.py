"""The backward kernel and its launch: the gradient G of the logits.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``d`` width; ``f`` = s log2(e); z_ij = f u_i.v_j, in bits.

``gradient_kernel``, one program for a BM x BN tile:
    G = 2 ** (z - row_reference) row_factor + 2 ** (z - column_reference) column_factor - q (targets) - uniform
    in float32, the target subtracted before G is rounded to the dtype of the features. EVERY: label smoothing is on.

The gradients of the features are not accumulated in registers: at d >= 512 that spills on sm_90 (measured). Their
products are those of cuBLAS.
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from jaxtyping import Float
from torch import Tensor

from unicl.loss.directions import Direction
from unicl.loss.kernels.autotune import Tile
from unicl.loss.kernels.operands import RowLabels, Texts, choose_tile, kernel_constants, scale_in_bits
from unicl.loss.kernels.tile import add_tile_targets, tile_logits
from unicl.loss.problem import Problem

__all__ = ["gradient_kernel", "logit_gradient"]


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
    """Stores one tile of s dL/dz, in the dtype of the features."""
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    columns = tl.program_id(1) * BN + tl.arange(0, BN)
    inside_rows, inside_columns = rows < b, columns < m
    first_row, first_column = tl.program_id(0) * BM, tl.program_id(1) * BN
    z = tile_logits(u_ptr, v_ptr, first_row, first_column, b, m, d, tl.load(factor_ptr), BM, BN, BK, UPCAST)
    # Term by term of the formula, so that z and q are never live together.
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
        g = add_tile_targets(
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


def logit_gradient(
    problem: Problem, span: slice, labels: RowLabels, texts: Texts, rows: Direction, columns: Direction
) -> Float[Tensor, "rows columns"]:
    """Computes G of some images and all texts, or all extra texts, in the dtype of the features.

    Args:
        problem: What is being computed.
        span: Which images.
        labels: Those of all images.
        texts: What they are compared with.
        rows: The direction image to text.
        columns: The direction text to image.
    """
    u, v = problem.image[span].contiguous(), texts.features
    b, m = u.shape[0], v.shape[0]
    g = torch.empty(b, m, dtype=u.dtype, device=u.device)
    factor, targets = scale_in_bits(problem), (*labels.of_rows(span), *texts.labels)
    row_vectors = [x[span, 0].contiguous() for x in _vectors(rows)]
    sees_columns = problem.modes.to_image and not texts.is_extra
    constants = kernel_constants(problem, texts, sees_columns=sees_columns)
    constants |= {"EVERY": problem.modes.label_smoothing > 0}

    def launch(tile: Tile) -> None:
        """Fills g."""
        gradient_kernel[(triton.cdiv(b, tile["BM"]), triton.cdiv(m, tile["BN"]))](
            u,
            v,
            factor,
            *targets,
            *row_vectors,
            *(x[0] for x in _vectors(columns)),
            g,
            b,
            m,
            u.shape[1],
            problem.first_pair + span.start,
            **constants,
            **tile,
        )

    launch(choose_tile("gradient_kernel", problem, u, constants, launch, labels, texts))
    return g


def _vectors(direction: Direction) -> tuple[Tensor, ...]:
    uniform = torch.zeros_like(direction.target) if direction.uniform is None else direction.uniform
    return direction.reference, direction.factor, direction.target, uniform
