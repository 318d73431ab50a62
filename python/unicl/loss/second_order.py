"""The loss by blocks of rows in differentiable operations, for gradients of gradients.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts. Each block of rows is recomputed when its gradient is taken
(checkpointing). So a first backward pass holds chunk x (m + k) logits, and a second one holds the tensors of its graph.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from unicl.loss.problem import Problem

__all__ = ["differentiable_losses"]

_ROWS = 512
# Stands in for -inf, whose gradient is NaN where nothing else is left in a row.
_EXCLUDED = -1e30


def differentiable_losses(
    problem: Problem, merge: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
) -> tuple[Float[Tensor, " b"], Float[Tensor, " m"]]:
    """Gives row losses and column losses, equal to those of the tiles, differentiable to any order.

    Args:
        problem: What to compute.
        merge: Is given the columns' log-sum-exps and target-weighted means of logits, and adds those of other ranks.
    """
    image, dtype = problem.image, problem.scale.dtype
    rows, size = problem.modes.chunk_size or _ROWS, image.shape[0]
    every_text = problem.text if problem.extra is None else torch.cat([problem.text, problem.extra])
    row_parts, column_parts = [], []
    for start in range(0, size, rows):
        span = slice(start, min(start + rows, size))
        row_loss, column_lse, column_mean = checkpoint(
            _block, image[span].to(dtype), every_text.to(dtype), problem.scale, problem, span, use_reentrant=False
        )
        row_parts.append(row_loss)
        column_parts.append((column_lse, column_mean))
    column_lse = torch.stack([lse for lse, _ in column_parts]).logsumexp(0)
    column_mean = torch.stack([mean for _, mean in column_parts]).sum(0)
    if merge is not None:
        column_lse, column_mean = merge(column_lse, column_mean)
    _, count = problem.targets.counts()
    column_loss = torch.where(count > 0, column_lse - column_mean, 0.0).to(dtype)
    row_loss = torch.cat(row_parts)
    return (
        row_loss if problem.modes.to_text else row_loss * 0,
        column_loss if problem.modes.to_image else column_loss * 0,
    )


def _block(
    u: Float[Tensor, "rows d"],
    every_text: Float[Tensor, "columns d"],
    scale: Float[Tensor, ""],
    problem: Problem,
    span: slice,
) -> tuple[Float[Tensor, " rows"], Float[Tensor, " m"], Float[Tensor, " m"]]:
    """Gives the losses of some rows, and their part of the columns' log-sum-exps and weighted means of logits."""
    smoothing, excluded = problem.modes.label_smoothing, int(problem.modes.exclude_self)
    row_counts, column_count = problem.targets.counts()
    columns = problem.text.shape[0]
    z = scale * (u @ every_text.T)
    q, kept = _targets_of(problem, z, span)
    masked = z.masked_fill(~kept, _EXCLUDED)
    row_count = row_counts[span].to(z.dtype)
    row_target = (1 - smoothing) * q / row_count.clamp_min(1e-30)[:, None]
    row_target = row_target + smoothing * kept.to(z.dtype) / max(1, z.shape[1] - excluded)
    row_loss = torch.where(row_count > 0, masked.logsumexp(1) - (row_target * z).sum(1), 0.0)
    column_target = (1 - smoothing) * q[:, :columns] / column_count.to(z.dtype).clamp_min(1e-30)
    column_target = column_target + smoothing * kept[:, :columns].to(z.dtype) / max(
        1, problem.rows_of_a_column - excluded
    )
    return row_loss, masked[:, :columns].logsumexp(0), (column_target * z[:, :columns]).sum(0)


def _targets_of(
    problem: Problem, z: Float[Tensor, "rows columns"], span: slice
) -> tuple[Float[Tensor, "rows columns"], Bool[Tensor, "rows columns"]]:
    """Gives the targets q of a block of rows, and which of its pairs take part."""
    columns = problem.text.shape[0]
    q = torch.zeros_like(z, requires_grad=False)
    own = torch.arange(span.start, span.stop, device=z.device) + problem.first_pair
    index = own[:, None] == torch.arange(z.shape[1], device=z.device)
    index[:, columns:] = False
    if problem.targets.kind == "pairs":
        q.masked_fill_(index, 1.0)
    else:
        for is_extra, part in ((False, q[:, :columns]), (True, q[:, columns:])):
            tile = torch.empty_like(part, memory_format=torch.contiguous_format)
            every = slice(0, part.shape[1])
            if every.stop and problem.targets.tile(span, every, tile, is_extra=is_extra) is not None:
                part.copy_(tile)
    kept = torch.ones_like(index)
    if problem.modes.exclude_self:
        kept = ~index
        q.masked_fill_(index, 0.0)
    return q, kept
