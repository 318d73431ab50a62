"""The fast forward kernel: sums of rows and columns with one exponential an element, and no maximum.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``d`` width; f = s log2(e); z_ij = f u_i.v_j, in bits.

Cosines are bounded, so every z lies in [-f, f]. With the shift t = max(0, f - 100), sums of 2 ** (z - t) share one
reference: rows and columns are plain additions. At scale 100, only elements below t - 126 are lost.

``shared_sums_kernel``, one program for BN columns and a stripe of rows:
    for each BM rows:   e = 2 ** (f u v^T - t)
        rows:     sum over these BN columns    -> stored for this block of columns
        columns:  sum over all rows so far     -> stored once for the stripe

Columns stay and rows pass, because a row of an accumulator lies in 4 threads, and a column in all warps.

Where a sum comes out too small or not finite (features that are not unit rows, rows that see only far negatives), the
reduction raises a flag on the device. The exact kernels then do the work, and the host never waits.
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor  # type: ignore[import-untyped]

from unicl.loss.kernels.card import INTERPRETED, card_of
from unicl.loss.kernels.logits import factor_of, shift_of
from unicl.loss.kernels.sides import Batch, Texts
from unicl.loss.kernels.tiles import tile_for
from unicl.loss.problem import Problem

__all__ = ["shared_sums", "shared_sums_kernel"]

# Programs for each processor: the last wave of unequal ones then costs little.
_PROGRAMS = 4


@triton.jit
def shared_sums_kernel(
    u_desc,
    v_desc,
    scale_ptr,
    row_parts_ptr,
    column_parts_ptr,
    b,
    m,
    d,
    stripe,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    UPCAST: tl.constexpr,
):
    """Stores sums of rows for BN columns, (blocks of columns, b), and of columns for a stripe of rows, (stripes, m)."""
    block = tl.program_id(0)
    first_column = block * BN
    columns = first_column + tl.arange(0, BN)
    factor = factor_of(scale_ptr)
    shift = shift_of(factor)
    # Masks as addends cost nothing; a where on the tile doubles the registers.
    column_mask = tl.where(columns < m, 0.0, float("-inf"))
    column_sum = tl.zeros((BM // 16, 8, BN), dtype=tl.float32)
    begin = tl.program_id(1) * stripe
    to_ptr = row_parts_ptr + block.to(tl.int64) * b
    for first_row in tl.range(begin, tl.minimum(begin + stripe, b), BM, flatten=True):
        z = tl.zeros((BM, BN), dtype=tl.float32)
        for k in range(0, d, BK):
            u = u_desc.load([first_row, k])
            v = v_desc.load([first_column, k])
            if UPCAST:
                # The interpreter multiplies the bit patterns of bfloat16.
                u = u.to(tl.float32)
                v = v.to(tl.float32)
            z = tl.dot(u, v.T, z)
        rows = first_row + tl.arange(0, BM)
        row_mask = tl.where(rows < b, -shift, float("-inf"))
        e = tl.exp2(z * factor + (row_mask[:, None] + column_mask[None, :]))
        tl.store(to_ptr + rows, tl.sum(e, 1), rows < b)
        # The two rows of a thread are added first, and by no other thread: a quarter of the registers.
        column_sum += tl.sum(tl.reshape(e, (BM // 16, 2, 8, BN)), 1)
    total = tl.sum(tl.sum(column_sum, 0), 0)
    tl.store(column_parts_ptr + tl.program_id(1).to(tl.int64) * m + columns, total, columns < m)


def shared_sums(problem: Problem, batch: Batch, texts: Texts) -> tuple[Tensor, Tensor]:
    """Gives partial sums of all images and all texts, or all extra texts: (1, parts, rows) each."""
    image, text = batch.image, texts.features
    b, m, d = image.shape[0], text.shape[0], image.shape[1]
    tile = tile_for("shared_sums_kernel", image)
    blocks = triton.cdiv(m, tile["BN"])
    row_blocks = triton.cdiv(b, tile["BM"])
    stripes = min(row_blocks, triton.cdiv(_PROGRAMS * card_of(image.device).processors, blocks))
    stripe = triton.cdiv(row_blocks, stripes) * tile["BM"]
    stripes = triton.cdiv(b, stripe)
    row_parts = torch.empty((1, blocks, b), dtype=torch.float32, device=image.device)
    column_parts = torch.empty((1, stripes, m), dtype=torch.float32, device=image.device)
    shared_sums_kernel[(blocks, stripes)](
        TensorDescriptor.from_tensor(image, [tile["BM"], tile["BK"]]),
        TensorDescriptor.from_tensor(text, [tile["BN"], tile["BK"]]),
        problem.scale,
        row_parts,
        column_parts,
        b,
        m,
        d,
        stripe,
        UPCAST=INTERPRETED,
        **tile,
    )
    return row_parts, column_parts
