"""The loss and its gradient by tiles: plain torch on any device, and no b x m matrix beyond 16 MiB.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``k`` extra texts, ``d`` width, ``s`` the logit scale, z_ij = s
u_i.v_j.

Forward, one pass over tiles: the log-sum-exp of every row and of every column of z, and the sum of its positive logits.

Backward, per tile, with a_i and c_j the gradients of the row and column losses:
    z = s u v^T                                                            (matmul)
    G = a_i (softmax over row i - r_ij) + c_j (softmax over column j - c_ij)   (in float32)
    dU += s G v;  dV += s G^T u                                            (two matmuls)
Four matmul units in all, or three where the logits are so few (16 MiB) that forward keeps them. The targets r and c are
subtracted in the tile, not added outside as sums over classes: on an aligned batch the two parts cancel, and nothing
right is left after rounding to bfloat16 (docs/loss.md).

Exponentials are base 2: exp2 costs a third of exp in torch on a CPU (0.28 and 0.81 ns an element, AVX-512), and log2(e)
goes into the factor that the matmul applies anyway.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from unicl.loss.tiled.tile import LOG2_E, Columns, Problem, Side, Tiles, common_shift, is_bounded, number_of_images

__all__ = ["Sums", "backward", "forward"]

# Of float32 sums for the gradient of half-precision texts: 12,288 texts of width 512.
_PANEL_BYTES = 24 << 20


def forward(
    problem: Problem, merge: Callable[[Sums], None] | None = None, kept: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Row losses (b,), column losses (m,), and the log-sum-exps in bits of rows and columns, which backward needs.

    A row or column without a positive has loss 0. A direction that is not wanted has zeros throughout. The
    log-sum-exps are
    float64: rounded to float32, they would be off by 2 ** -17 at scale 100.

    Args:
        problem: What to compute.
        merge: Called with what was added up for the columns, to add what other ranks have.
        kept: Shape (b m,), takes the logits for backward; None keeps none.
    """
    bounded = is_bounded(problem)
    tiles = Tiles(problem, buffers=2, kept=kept)
    rows = Sums(problem.image, bounded=bounded)
    columns = Sums(problem.text, bounded=bounded)
    for span in tiles.row_spans():
        u = problem.image[span].to(problem.scale.dtype)
        for block in tiles.column_blocks():
            sides = []
            if problem.to_text:
                sides.append((rows, span, 1))
            if problem.to_image and not block.is_extra:
                sides.append((columns, block.span, 0))
            z = tiles.logits(u, block.features.to(problem.scale.dtype), span, block)
            _add_targets(tiles, z, span, block, sides)
            tiles.fill_excluded(z, span, block, -math.inf)
            if bounded:
                powers = torch.exp2(z, out=z if kept is None else tiles.buffer(1, z))
                for sums, own_span, dim in sides:
                    sums.total[own_span] += powers.sum(dim)
            else:
                for sums, own_span, dim in sides:
                    sums.add_powers(z, dim, own_span, tiles.buffer(1, z))
    row_others = problem.text.shape[0] + (0 if problem.extra is None else problem.extra.shape[0])
    if merge is not None:
        merge(columns)
    row_lse, column_lse = rows.log_sum(), columns.log_sum()
    row_loss = rows.losses(problem, row_lse, problem.targets.image_count, row_others)
    column_loss = columns.losses(problem, column_lse, problem.targets.text_count, number_of_images(problem))
    return row_loss, column_loss, row_lse, column_lse


def backward(
    problem: Problem,
    row_lse: Tensor,
    column_lse: Tensor,
    row_grad: Tensor,
    column_grad: Tensor,
    *,
    wants_image: bool = True,
    wants_text: bool = True,
    kept: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the image features (b, d), the text features (m, d) and the scale ().

    Args:
        problem: What forward was given.
        row_lse: In bits, shape (b,), from forward.
        column_lse: In bits, shape (m,), from forward.
        row_grad: Gradient of the row losses, shape (b,).
        column_grad: Gradient of the column losses, shape (m,).
        wants_image: Whether to compute the images' gradient; without, it is empty and its matmul is saved.
        wants_text: The same for the texts'.
        kept: Shape (b m,), the logits that forward kept; None makes them again.
    """
    image, text, scale = problem.image, problem.text, problem.scale
    tiles = Tiles(problem, buffers=3, kept=kept)
    shift = common_shift(problem, row_lse, column_lse)
    rows = Side.of_rows(problem, row_lse, row_grad, shift)
    columns = Side.of_columns(problem, column_lse, column_grad, shift)
    add_product, is_rounded = _products(image)
    is_low = text.dtype != scale.dtype
    # Half-precision texts sum up in float32: on a CPU, a bounded panel of them at a time. Images pay for it, with one
    # rounding of their gradient for every further panel.
    is_bounded_sum = is_low and wants_text and text.device.type == "cpu"
    panels = tiles.text_panels(_PANEL_BYTES // (scale.element_size() * text.shape[1]) if is_bounded_sum else None)
    # sum_ij G_ij u_i.v_j = sum_i <u_i, dU_i> / s: no pass over the tiles, where dU has been rounded nowhere.
    by_rows = wants_image and not is_rounded and len(panels) == 1
    image_grad = (image.new_empty if is_low else image.new_zeros)(image.shape if wants_image else 0)
    text_grad = (text.new_empty if is_low else text.new_zeros)(text.shape if wants_text else 0)
    scale_grad = scale.new_zeros((), dtype=torch.float64)
    for panel in panels:
        part = text_grad if not is_low else scale.new_zeros(panel.stop - panel.start, text.shape[1] * wants_text)
        for span in tiles.row_spans():
            u = image[span].to(scale.dtype)
            u_grad = image_grad[span] if wants_image else u
            if is_low and wants_image:
                u_grad = torch.zeros_like(u) if panel.start == 0 else u_grad.to(scale.dtype)
            for block in tiles.column_blocks(panel):
                v = block.features.to(scale.dtype)
                z = tiles.kept(span, block)
                if z is None:
                    z = tiles.logits(u, v, span, block)
                    tiles.fill_excluded(z, span, block, -math.inf)
                g = tiles.gradient(z, span, block, rows, columns, shift)
                if wants_image:
                    add_product(u_grad, g, block.features, v)
                if wants_text and not block.is_extra:
                    own = slice(block.span.start - panel.start, block.span.stop - panel.start)
                    add_product(part[own], g.t(), image[span], u)
                if not by_rows:
                    slopes = torch.mul(z, g, out=tiles.buffer(2, z))
                    tiles.fill_excluded(slopes, span, block, 0.0)
                    scale_grad += slopes.sum()
            if by_rows:
                scale_grad += torch.linalg.vecdot(u, u_grad).sum(dtype=torch.float64)
            if wants_image and is_low:
                image_grad[span] = u_grad
        if wants_text and is_low:
            text_grad[panel] = part
    # G carries a factor s, and z the factor s log2(e).
    scale_grad /= scale.double() if by_rows else scale.double() ** 2 * LOG2_E
    return image_grad, text_grad, scale_grad.to(scale.dtype)


def _products(features: Tensor) -> tuple[Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], bool]:
    """How ``into += g @ features`` is computed, given the features also in the dtype of ``into``; whether g is rounded.

    bfloat16 features on a CPU that multiplies bfloat16: g is rounded once and the product taken in bfloat16, at twice
    the speed of float32 or more. Elsewhere such a product is emulated, and slower than float32.
    """
    if features.dtype == torch.bfloat16 and features.device.type == "cpu" and _multiplies_bfloat16():
        return lambda into, g, low, _: into.add_(torch.mm(g.bfloat16(), low)), True
    return lambda into, g, _, high: into.addmm_(g, high), False


@cache
def _multiplies_bfloat16() -> bool:
    # torch.cpu.get_capabilities is younger than torch 2.6.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))


class Sums:
    """What forward adds up for each row (or column) of z, in bits and float64.

    Args:
        features: Gives the number of rows and the device.
        bounded: Whether no power of two of a logit leaves its dtype; no maximum is then taken, and it stays 0.

    Attributes:
        total: Sum of 2 ** (z - largest).
        largest: Running maximum of z.
        positive: Sum of q z.
        every: Sum of z, for label smoothing.
    """

    def __init__(self, features: Tensor, *, bounded: bool) -> None:
        self.total = features.new_zeros(features.shape[0], dtype=torch.float64)
        # Finite: where all so far is excluded (-inf), the difference to the maximum must not be -inf - -inf.
        self.largest = torch.full_like(self.total, 0.0 if bounded else -1e30)
        self.positive = torch.zeros_like(self.total)
        self.every = torch.zeros_like(self.total)

    def add_powers(self, z: Tensor, dim: int, span: slice, out: Tensor) -> None:
        """Adds 2 ** z of a tile, raising the maximum if need be."""
        old = self.largest[span]
        new = torch.maximum(old, z.amax(dim))
        torch.sub(z, new.to(z.dtype).unsqueeze(dim), out=out).exp2_()
        self.total[span] = self.total[span] * torch.exp2(old - new) + out.sum(dim)
        self.largest[span] = new

    def log_sum(self) -> Tensor:
        """Log-sum-exp in bits; 0 where there is nothing to sum."""
        return torch.where(self.total > 0, self.total.log2() + self.largest, 0.0)

    def losses(self, problem: Problem, lse: Tensor, count: Tensor, others: int) -> Tensor:
        """Log-sum-exp minus the target-weighted mean of the logits, in nats; 0 without a positive."""
        smoothing = problem.label_smoothing
        mean = self.positive / count.clamp_min(1e-30)
        if smoothing:
            mean = (1 - smoothing) * mean + smoothing * self.every / max(1, others - problem.exclude_self)
        return torch.where(count > 0, (lse - mean) / LOG2_E, 0.0).to(problem.scale.dtype)


def _add_targets(tiles: Tiles, z: Tensor, span: slice, block: Columns, sides: list[tuple[Sums, slice, int]]) -> None:
    """Adds the logits of the positives, read from the tile itself.

    As a product of class sums they would cost less on large batches, but carry another rounding error than the
    log-sum-exp: 1e-5 at scale 100, where the loss of an aligned batch is 0 to 1e-30 (docs/loss.md).
    """
    problem = tiles.problem
    tiles.fill_excluded(z, span, block, 0.0)
    if problem.targets.kind == "pairs":
        if own := tiles.own_pairs(z, span, block):
            texts, logits = own
            for sums, _, dim in sides:
                first = problem.first_pair if dim else 0
                sums.positive[texts.start - first : texts.stop - first] += logits
    elif (q := tiles.targets(z, span, block, buffer=1)) is not None:
        q.mul_(z)
        for sums, own_span, dim in sides:
            sums.positive[own_span] += q.sum(dim)
    if problem.label_smoothing:
        for sums, own_span, dim in sides:
            sums.every[own_span] += z.sum(dim)
