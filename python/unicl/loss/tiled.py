"""The loss and its gradient by tiles: plain torch on any device, and never a b x m matrix.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``k`` extra texts, ``d`` width, ``s`` the logit scale, z_ij = s
u_i.v_j.

Forward, one pass over tiles: the log-sum-exp of every row and of every column of z, together. The positive part of the
value needs no tile (targets.positive_similarity).

Backward, per tile, with a_i and c_j the gradients of the row and column losses:
    z = s u v^T                                                            (matmul)
    G = a_i (softmax over row i - r_ij) + c_j (softmax over column j - c_ij)   (in float32)
    dU += s G v;  dV += s G^T u                                            (two matmuls)
Four matmul units in all. The targets r and c are subtracted in the tile, not added outside as sums over classes: on an
aligned batch the two parts cancel, and nothing right is left after rounding to bfloat16 (docs/loss.md).

Exponentials are base 2: exp2 costs a third of exp in torch on a CPU (0.28 and 0.81 ns an element, AVX-512), and log2(e)
goes into the factor that the matmul applies anyway.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unicl.loss.targets import positive_similarity, row_dot
from unicl.loss.tiles import LOG2_E, Problem, Side, Tiles, common_shift, is_bounded

__all__ = ["backward", "forward"]


def forward(problem: Problem) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Row losses (b,), column losses (m,), and the log-sum-exps in bits of rows and columns, which backward needs.

    A row or column without a positive has loss 0. A direction that is not wanted has zeros throughout.
    """
    image, text, extra = problem.image, problem.text, problem.extra
    row_lse, column_lse = _log_sum_exp(problem)
    image_sum, text_sum = positive_similarity(problem.targets, image, text, extra, exclude_self=problem.exclude_self)
    if problem.to_text:
        columns = [text] if extra is None else [text, extra]
        row_loss = _losses(problem, row_lse, image_sum, problem.targets.image_count, image, columns)
    else:
        row_loss = torch.zeros_like(row_lse)
    if problem.to_image:
        column_loss = _losses(problem, column_lse, text_sum, problem.targets.text_count, text, [image])
    else:
        column_loss = torch.zeros_like(column_lse)
    dtype = problem.scale.dtype
    return row_loss.to(dtype), column_loss.to(dtype), row_lse.to(dtype), column_lse.to(dtype)


def backward(
    problem: Problem, row_lse: Tensor, column_lse: Tensor, row_grad: Tensor, column_grad: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the image features (b, d), the text features (m, d) and the scale ().

    Args:
        problem: What forward was given.
        row_lse: In bits, shape (b,), from forward.
        column_lse: In bits, shape (m,), from forward.
        row_grad: Gradient of the row losses, shape (b,).
        column_grad: Gradient of the column losses, shape (m,).
    """
    image, text, scale = problem.image, problem.text, problem.scale
    tiles = Tiles(problem, buffers=3)
    shift = common_shift(problem, row_lse, column_lse)
    rows = Side.of_rows(problem, row_lse, row_grad, shift)
    columns = Side.of_columns(problem, column_lse, column_grad, shift)
    image_grad = torch.empty_like(image, memory_format=torch.contiguous_format)
    text_grad = text.new_zeros(text.shape, dtype=scale.dtype)
    scale_grad = scale.new_zeros((), dtype=torch.float64)
    for span in tiles.row_spans():
        u = image[span].to(scale.dtype)
        u_grad = torch.zeros_like(u)
        for block in tiles.column_blocks():
            v = block.features.to(scale.dtype)
            z = tiles.logits(u, v)
            tiles.fill_excluded(z, span, block, -math.inf)
            g = tiles.gradient(z, span, block, rows, columns, shift)
            tiles.fill_excluded(z, span, block, 0.0)
            scale_grad += torch.dot(g.view(-1), z.view(-1))
            u_grad.addmm_(g, v)
            if not block.is_extra:
                text_grad[block.span].addmm_(g.t(), u)
        image_grad[span] = u_grad
    # g carries a factor s and z the factor s log2(e); wanted is the sum of dL/dz_ij u_i.v_j.
    scale_grad /= scale.double() ** 2 * LOG2_E
    return image_grad, text_grad.to(text.dtype), scale_grad.to(scale.dtype)


def _log_sum_exp(problem: Problem) -> tuple[Tensor, Tensor]:
    """The log-sum-exp in bits of every row and column, float64; 0 where there is nothing to sum."""
    bounded = is_bounded(problem)
    tiles = Tiles(problem, buffers=1 if bounded else 2)
    rows = _RunningSum(problem.image, bounded=bounded)
    columns = _RunningSum(problem.text, bounded=bounded)
    for span in tiles.row_spans():
        u = problem.image[span].to(problem.scale.dtype)
        for block in tiles.column_blocks():
            sees_columns = problem.to_image and not block.is_extra
            if not (problem.to_text or sees_columns):
                continue
            z = tiles.logits(u, block.features.to(problem.scale.dtype))
            tiles.fill_excluded(z, span, block, -math.inf)
            if bounded:
                z.exp2_()
                if problem.to_text:
                    rows.total[span] += z.sum(1)
                if sees_columns:
                    columns.total[block.span] += z.sum(0)
            else:
                if problem.to_text:
                    rows.absorb(z, 1, span, tiles.buffer(1, z))
                if sees_columns:
                    columns.absorb(z, 0, block.span, tiles.buffer(1, z))
    return rows.log_sum(), columns.log_sum()


class _RunningSum:
    """Sums of 2 ** z, one for each row of ``features``, relative to a running maximum.

    Args:
        features: Gives the number of sums and the device.
        bounded: Whether no power leaves the range of its dtype; the maximum is then not taken and stays 0.
    """

    def __init__(self, features: Tensor, *, bounded: bool) -> None:
        self.total = features.new_zeros(features.shape[0], dtype=torch.float64)
        # Finite: where all so far is excluded (-inf), the difference to the maximum must not be -inf - -inf.
        self.largest = torch.full_like(self.total, 0.0 if bounded else -1e30)

    def absorb(self, z: Tensor, dim: int, span: slice, out: Tensor) -> None:
        old = self.largest[span]
        new = torch.maximum(old, z.amax(dim))
        torch.sub(z, new.to(z.dtype).unsqueeze(dim), out=out).exp2_()
        self.total[span] = self.total[span] * torch.exp2(old - new) + out.sum(dim)
        self.largest[span] = new

    def log_sum(self) -> Tensor:
        return torch.where(self.total > 0, self.total.log2() + self.largest, 0.0)


def _losses(
    problem: Problem, lse: Tensor, positive_sum: Tensor, count: Tensor, own: Tensor, others: list[Tensor]
) -> Tensor:
    """Log-sum-exp minus the target-weighted mean of the logits, in nats; 0 without a positive."""
    smoothing, scale = problem.label_smoothing, problem.scale
    target_mean = positive_sum.double() / count.clamp_min(1e-30)
    if smoothing:
        total = torch.stack([x.sum(0, dtype=torch.float64) for x in others]).sum(0).to(scale.dtype)
        every_sum = torch.mv(own.to(scale.dtype), total).double()
        size = sum(x.shape[0] for x in others)
        if problem.exclude_self:
            every_sum -= row_dot(own, others[0])
            size = max(1, size - 1)
        target_mean = (1 - smoothing) * target_mean + smoothing * every_sum / size
    return torch.where(count > 0, lse / LOG2_E - scale.double() * target_mean, 0.0)
