"""The tiled loss as one differentiable operation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from unicl.loss import tiled
from unicl.loss.tiles import Problem

__all__ = ["tiled_losses"]


def tiled_losses(problem: Problem) -> tuple[Tensor, Tensor]:
    """Row losses (b,) and column losses (m,), differentiable in the image and text features and the scale."""
    rows, columns = _TiledLosses.apply(problem.image, problem.text, problem.scale, problem)
    return rows, columns


class _TiledLosses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, text: Tensor, scale: Tensor, problem: Problem) -> tuple[Tensor, Tensor]:
        # The saved problem must not hold the inputs a second time, with their graph.
        problem = replace(problem, image=image, text=text, scale=scale)
        with torch.autocast(image.device.type, enabled=False):
            row_loss, column_loss, row_lse, column_lse = tiled.forward(problem)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(image, text, scale, row_lse, column_lse)
            empty = image.new_empty(0)
            ctx.problem = replace(problem, image=empty, text=empty, scale=empty)
        return row_loss, column_loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, row_grad: Tensor, column_grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        image, text, scale, row_lse, column_lse = ctx.saved_tensors
        problem = replace(ctx.problem, image=image, text=text, scale=scale)
        with torch.autocast(image.device.type, enabled=False):
            return *tiled.backward(problem, row_lse, column_lse, row_grad, column_grad), None
