"""The fast backward kernel: the gradient G of the logits without its targets, with one exponential an element.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``d`` width; f = s log2(e); z_ij = f u_i.v_j, in bits; t the shift.

``shared_gradient_kernel``, few programs that take BM x BN tiles one after another:
    G = 2 ** (f u v^T - t) (row_shared + column_shared) - uniform

The kernel knows no labels: a comparison in every tile costs a quarter of its speed by its registers alone. targets.py
then writes over the few elements that have a target, before anything is rounded twice.
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor  # type: ignore[import-untyped]

from unicl.loss.kernels.card import INTERPRETED, card_of
from unicl.loss.kernels.logits import factor_of, shift_of
from unicl.loss.kernels.sides import Batch, Texts
from unicl.loss.kernels.tiles import tile_for
from unicl.loss.kernels.vectors import Vectors
from unicl.loss.problem import Problem

__all__ = ["shared_gradient", "shared_gradient_kernel"]

# Rows of tiles that are worked on together, so that their texts are read from the cache.
_GROUP = 8


@triton.jit
def shared_gradient_kernel(
    u_desc,
    v_desc,
    g_desc,
    scale_ptr,
    row_vectors_ptr,
    column_vectors_ptr,
    first,
    b,
    all_rows,
    m,
    d,
    tiles,
    COLUMNS: tl.constexpr,
    EVERY: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    GROUP: tl.constexpr,
    UPCAST: tl.constexpr,
):
    """Stores tiles of G of the rows ``first`` to ``b``."""
    factor = factor_of(scale_ptr)
    shift = shift_of(factor)
    row_blocks, column_blocks = tl.cdiv(b - first, BM), tl.cdiv(m, BN)
    in_group = GROUP * column_blocks
    for tile in tl.range(tl.program_id(0), tiles, tl.num_programs(0), flatten=True):
        first_block = (tile // in_group) * GROUP
        group = tl.minimum(row_blocks - first_block, GROUP)
        row_in_chunk = (first_block + (tile % in_group) % group) * BM
        first_column = ((tile % in_group) // group) * BN
        first_row = first + row_in_chunk
        z = tl.zeros((BM, BN), dtype=tl.float32)
        for k in range(0, d, BK):
            u = u_desc.load([first_row, k])
            v = v_desc.load([first_column, k])
            if UPCAST:
                u = u.to(tl.float32)
                v = v.to(tl.float32)
            z = tl.dot(u, v.T, z)
        rows, columns = first_row + tl.arange(0, BM), first_column + tl.arange(0, BN)
        inside_rows, inside_columns = rows < b, columns < m
        weight = tl.load(row_vectors_ptr + 2 * all_rows + rows, inside_rows, 0.0)[:, None]
        if COLUMNS:
            weight = weight + tl.load(column_vectors_ptr + 2 * m + columns, inside_columns, 0.0)[None, :]
        g = tl.exp2(z * factor - shift) * weight
        if EVERY:
            g -= tl.load(row_vectors_ptr + 4 * all_rows + rows, inside_rows, 0.0)[:, None]
            if COLUMNS:
                g -= tl.load(column_vectors_ptr + 4 * m + columns, inside_columns, 0.0)[None, :]
        g_desc.store([row_in_chunk, first_column], g.to(g_desc.dtype))


def shared_gradient(problem: Problem, batch: Batch, span: slice, texts: Texts, vectors: Vectors, g: Tensor) -> None:
    """Fills G of some images and all texts, or all extra texts, but for the targets.

    Args:
        problem: What is being computed.
        batch: Its features.
        span: Which images.
        texts: What they are compared with.
        vectors: Those of the gradient of the losses.
        g: (images, texts), in the dtype of the features; its rows lie a multiple of 16 bytes apart.
    """
    image, text = batch.image, texts.features
    b, m = g.shape
    tile = tile_for("shared_gradient_kernel", image)
    tiles = triton.cdiv(b, tile["BM"]) * triton.cdiv(m, tile["BN"])
    shared_gradient_kernel[(min(tiles, card_of(image.device).processors),)](
        TensorDescriptor.from_tensor(image, [tile["BM"], tile["BK"]]),
        TensorDescriptor.from_tensor(text, [tile["BN"], tile["BK"]]),
        TensorDescriptor.from_tensor(g, [tile["BM"], tile["BN"]]),
        problem.scale,
        vectors.rows,
        vectors.columns,
        span.start,
        span.stop,
        image.shape[0],
        m,
        image.shape[1],
        tiles,
        COLUMNS=problem.modes.to_image and not texts.is_extra,
        EVERY=problem.modes.label_smoothing > 0,
        GROUP=_GROUP,
        UPCAST=INTERPRETED,
        **tile,
    )
