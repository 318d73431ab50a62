"""Finishes the gradients of the features: from float32 with the gain to their dtype, and the scale's gradient."""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

__all__ = ["finish_images", "finish_kernel", "finish_scale", "finish_texts", "image_parts", "scale_kernel"]

_ROWS = 8


@triton.jit
def finish_kernel(
    grad_ptr,
    gain_ptr,
    features_ptr,
    out_ptr,
    parts_ptr,
    first,
    n,
    d,
    STORE: tl.constexpr,
    DOT: tl.constexpr,
    BM: tl.constexpr,
    BK: tl.constexpr,
):
    """Divides by the gain into the rows from ``first`` on of ``out``, and stores sums of u_i . dU_i."""
    block = tl.program_id(0)
    rows = block * BM + tl.arange(0, BM)
    inside, inner = rows < n, tl.arange(0, BK)
    at, place_of_row = rows.to(tl.int64) * d, (rows + first).to(tl.int64) * d
    gain = tl.load(gain_ptr)
    total = tl.zeros((BM,), dtype=tl.float32)
    for start in range(0, d, BK):
        k = start + inner
        here = inside[:, None] & (k[None, :] < d)
        grad = tl.load(grad_ptr + at[:, None] + k[None, :], here, 0.0)
        place = place_of_row[:, None] + k[None, :]
        if STORE:
            tl.store(out_ptr + place, (grad / gain).to(out_ptr.dtype.element_ty), here)
        if DOT:
            total += tl.sum(grad * tl.load(features_ptr + place, here, 0.0).to(tl.float32), 1)
    if DOT:
        tl.store(parts_ptr + block, tl.sum(total.to(tl.float64), 0))


@triton.jit
def scale_kernel(parts_ptr, gain_ptr, scale_ptr, out_ptr, parts, BLOCK: tl.constexpr):
    """Stores the gradient of the scale: sum_ij G_ij u_i . v_j = sum_i u_i . dU_i / s."""
    total = tl.zeros((BLOCK,), dtype=tl.float64)
    for start in range(0, parts, BLOCK):
        at = start + tl.arange(0, BLOCK)
        total += tl.load(parts_ptr + at, at < parts, 0.0)
    value = tl.sum(total, 0) / tl.load(gain_ptr).to(tl.float64) / tl.load(scale_ptr).to(tl.float64)
    tl.store(out_ptr, value.to(out_ptr.dtype.element_ty))


def image_parts(rows: int) -> int:
    """Gives the number of partial sums that ``finish_images`` stores for some images."""
    return int(triton.cdiv(rows, _ROWS))


def finish_images(grad: Tensor, gain: Tensor, image: Tensor, out: Tensor | None, parts: Tensor, first: int) -> None:
    """Fills the rows of ``out`` from ``first`` on, and the partial sums of the scale's gradient.

    Args:
        grad: The gradient of some images with the gain, float32.
        gain: Divides it.
        image: All images.
        out: The gradient of all images; None if it is not wanted.
        parts: The sums u_i . dU_i of blocks of these images.
        first: The first of these images.
    """
    n, d = grad.shape
    finish_kernel[(triton.cdiv(n, _ROWS),)](
        grad,
        gain,
        image,
        grad if out is None else out,
        parts,
        first,
        n,
        d,
        STORE=out is not None,
        DOT=True,
        BM=_ROWS,
        BK=256,
        num_warps=4,
    )


def finish_texts(grad: Tensor, gain: Tensor, out: Tensor) -> None:
    """Fills ``out`` with the gradient of all texts."""
    n, d = grad.shape
    finish_kernel[(triton.cdiv(n, _ROWS),)](
        grad, gain, grad, out, grad, 0, n, d, STORE=True, DOT=False, BM=_ROWS, BK=256, num_warps=4
    )


def finish_scale(parts: Tensor, gain: Tensor, scale: Tensor) -> Tensor:
    """Gives the gradient of the scale."""
    out = torch.empty_like(scale)
    scale_kernel[(1,)](parts, gain, scale, out, parts.shape[0], BLOCK=256, num_warps=4)
    return out
