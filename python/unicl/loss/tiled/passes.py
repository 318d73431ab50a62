"""The forward and backward pass by tiles: no b x m matrix beyond 16 MiB.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``k`` extra texts, ``d`` width, ``s`` the logit scale, z_ij = s
u_i.v_j.

Forward, one pass over tiles: the log-sum-exp of every row and of every column of z, and the sum of its positive logits.

Backward, per tile, with a_i and c_j the gradients of the row and column losses:
    z = s u v^T                                                            (matmul)
    G = a_i (softmax over row i - r_ij) + c_j (softmax over column j - c_ij)   (in float32)
    dU += s G v;  dV += s G^T u                                            (two matmuls)
Four matmul units in all, or three where the logits are so few (16 MiB) that forward keeps them. The targets r and c are
subtracted in the tile, and not added outside as sums over classes. On an aligned batch the two parts cancel, and after
rounding to bfloat16 the difference would be wrong (docs/loss.md).

Exponentials have base 2: exp2 costs a third of exp in torch on a CPU (0.28 and 0.81 ns an element, AVX-512). The factor
log2(e) goes into the factor that the matmul applies anyway.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from unicl.loss.directions import Direction, Losses, Sums, losses_of_sums
from unicl.loss.problem import LOG2_E, Problem
from unicl.loss.tiled.tile import Block, Tiles

__all__ = ["COUNTS", "backward", "can_keep_logits", "check_device", "forward"]

#: Whether forward finds the sums of q itself, from labels as they were given.
COUNTS = False

# Logits that are kept for backward, which saves one matmul of four: 16 MiB of float32, a batch of 2,048.
_KEPT_LOGITS = 1 << 22
# Of float32 sums for the gradient of half-precision texts: 12,288 texts of width 512.
_PANEL_BYTES = 24 << 20
# 2 ** (+-70) and its sums over 2 ** 24 rows are normal numbers in float32. A logit within needs no maximum subtracted.
_SAFE_BITS = 70.0
# One exponential serves rows and columns if their log-sum-exps lie within this many bits. Relative to the middle it is
# then below 2 ** 50, and a probability flushed to zero was below 2 ** -76.
_SAFE_SPREAD = 100.0


def check_device(features: Float[Tensor, "rows d"]) -> None:
    """Accepts features on every device."""


def can_keep_logits(problem: Problem) -> bool:
    """Tells whether the logits are so few that all of them together are no larger than a cache.

    Tiles on a GPU are larger than that.
    """
    return (
        problem.image.device.type == "cpu"
        and problem.extra is None
        and problem.image.shape[0] * problem.text.shape[0] <= _KEPT_LOGITS
    )


def forward(
    problem: Problem, merge: Callable[[Sums], None] | None = None, kept: Float[Tensor, " logits"] | None = None
) -> Losses:
    """Gives row losses (b,), column losses (m,), and the log-sum-exps in bits of rows and columns.

    A row or column without a positive has loss 0. The log-sum-exps, which backward needs, are float64: rounded to
    float32, they would be off by 2 ** -17 at scale 100.

    Args:
        problem: What to compute.
        merge: Called with the sums of the columns, to add those of other ranks.
        kept: Takes the logits for backward, b m of them; None keeps none.
    """
    modes, bounded = problem.modes, _is_bounded(problem)
    tiles = Tiles(problem, buffers=2, kept=kept)
    rows = Sums(problem.image, bounded=bounded)
    columns = Sums(problem.text, bounded=bounded)
    for span in tiles.row_spans():
        u = problem.image[span].to(problem.scale.dtype)
        for block in tiles.column_blocks():
            into = []
            if modes.to_text:
                into.append((rows, span, 1))
            if modes.to_image and not block.is_extra:
                into.append((columns, block.span, 0))
            z = tiles.logits(u, block.features.to(problem.scale.dtype), span, block)
            _add_targets(tiles, z, span, block, into)
            tiles.fill_excluded(z, span, block, -math.inf)
            if bounded:
                powers = torch.exp2(z, out=z if kept is None else tiles.buffer(1, z))
                for sums, own_span, dim in into:
                    sums.total[own_span] += powers.sum(dim)
            else:
                for sums, own_span, dim in into:
                    sums.add_powers(z, dim, own_span, tiles.buffer(1, z))
    return losses_of_sums(problem, rows, columns, merge)


def backward(
    problem: Problem,
    row_lse: Float[Tensor, " b"],
    column_lse: Float[Tensor, " m"],
    row_grad: Float[Tensor, " b"],
    column_grad: Float[Tensor, " m"],
    *,
    wants_image: bool = True,
    wants_text: bool = True,
    kept: Float[Tensor, " logits"] | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gives the gradients of the image features (b, d), the text features (m, d) and the scale ().

    Args:
        problem: The problem of forward.
        row_lse: In bits, from forward.
        column_lse: In bits, from forward.
        row_grad: Gradient of the row losses.
        column_grad: Gradient of the column losses.
        wants_image: Whether to compute the images' gradient; without it, the gradient is empty and its matmul is saved.
        wants_text: The same for the texts.
        kept: The logits that forward kept, b m of them; None makes them again.
    """
    image, text, scale = problem.image, problem.text, problem.scale
    tiles = Tiles(problem, buffers=3, kept=kept)
    shift = _common_shift(problem, row_lse, column_lse)
    rows = Direction.to_text(problem, row_lse, row_grad, shift)
    columns = Direction.to_image(problem, column_lse, column_grad, shift)
    add_product, is_rounded = _products(image)
    is_low = text.dtype != scale.dtype
    # The gradient of half-precision texts is summed in float32: on a CPU, for a bounded panel of texts at a time. The
    # gradient of the images is rounded once more for every further panel.
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


def _is_bounded(problem: Problem) -> bool:
    """Tells whether no logit can leave +-70 bits, so that its power of two needs no maximum subtracted.

    Known only on the CPU: elsewhere, reading it would wait for the device.
    """
    if problem.image.device.type != "cpu":
        return False
    longest = 1.0
    for features in (problem.image, problem.text, problem.extra):
        if features is not None and features.numel():
            longest = max(longest, float(torch.linalg.vector_norm(features, dim=1, dtype=problem.scale.dtype).max()))
    return float(problem.scale) * LOG2_E * longest**2 <= _SAFE_BITS


def _common_shift(problem: Problem, row_lse: Tensor, column_lse: Tensor) -> float | None:
    """Gives a constant to use for every log-sum-exp inside the exponential; None if there is none, or on a GPU."""
    if problem.image.device.type != "cpu":
        return None
    modes = problem.modes
    wanted = [lse for lse, flag in ((row_lse, modes.to_text), (column_lse, modes.to_image)) if flag and lse.numel()]
    low, high = min(float(lse.min()) for lse in wanted), max(float(lse.max()) for lse in wanted)
    # Whole, so that float32 holds it exactly.
    return float(round((low + high) / 2)) if high - low <= _SAFE_SPREAD else None


def _products(features: Tensor) -> tuple[Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], bool]:
    """Gives the function that computes ``into += g @ features``, and whether it rounds g.

    The function takes ``into``, g, the features, and the features in the dtype of ``into``.

    bfloat16 features on a CPU that multiplies bfloat16: g is rounded once and the product is computed in bfloat16, at
    twice the speed of float32 or more. Elsewhere such a product is emulated, and slower than float32.
    """
    if features.dtype == torch.bfloat16 and features.device.type == "cpu" and _multiplies_bfloat16():
        return lambda into, g, low, _: into.add_(torch.mm(g.bfloat16(), low)), True
    return lambda into, g, _, high: into.addmm_(g, high), False


@cache
def _multiplies_bfloat16() -> bool:
    # torch.cpu.get_capabilities is younger than torch 2.6.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))


def _add_targets(tiles: Tiles, z: Tensor, span: slice, block: Block, into: list[tuple[Sums, slice, int]]) -> None:
    """Adds the logits of the positives, read from the tile itself.

    As a product of class sums they would cost less on large batches, but have another rounding error than the
    log-sum-exp: 1e-5 at scale 100, where the loss of an aligned batch is 0 to 1e-30 (docs/loss.md).
    """
    problem = tiles.problem
    tiles.fill_excluded(z, span, block, 0.0)
    if problem.targets.kind == "pairs":
        if own := tiles.own_pairs(z, span, block):
            texts, logits = own
            for sums, _, dim in into:
                first = problem.first_pair if dim else 0
                sums.positive[texts.start - first : texts.stop - first] += logits
    elif (q := tiles.targets(z, span, block, buffer=1)) is not None:
        q.mul_(z)
        for sums, own_span, dim in into:
            sums.positive[own_span] += q.sum(dim)
    if problem.modes.label_smoothing:
        for sums, own_span, dim in into:
            sums.every[own_span] += z.sum(dim)
