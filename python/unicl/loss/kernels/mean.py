"""The mean loss on a GPU as one autograd function: few launches, no operator's wrapper, no vector in between."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, islice
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from unicl.loss.kernels.passes import batch_of, compute, differentiate, prepared_labels
from unicl.loss.kernels.vectors import LossGradients
from unicl.loss.problem import Problem
from unicl.loss.second_order import differentiable_losses
from unicl.loss.targets.match import Targets

__all__ = ["kernel_mean"]


def kernel_mean(
    problem: Problem, image_weight: Float[Tensor, " b"] | None, text_weight: Float[Tensor, " m"] | None
) -> tuple[Float[Tensor, ""], Float[Tensor, " counts"]]:
    """Gives the mean over the wanted directions, differentiable in features and scale; and the sums of q.

    Args:
        problem: What to compute, for one process.
        image_weight: The weights of the mean over images, without gradient; None for 1.
        text_weight: The weights of the mean over texts.
    """
    found = _Mean.apply(problem.image, problem.text, problem.scale, problem, image_weight, text_weight)
    return cast("tuple[Tensor, Tensor]", found)


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        image: Tensor,
        text: Tensor,
        scale: Tensor,
        problem: Problem,
        image_weight: Tensor | None,
        text_weight: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        targets, prepared = problem.targets, prepared_labels(problem)
        with torch.autocast(problem.image.device.type, enabled=False):
            found = compute(problem, weights=(image_weight, text_weight), batch=batch_of(problem, prepared))
        labels = (targets.image, targets.text, targets.extra)
        # Tensors go through save_for_backward alone, or they would be kept alive past the backward pass.
        own = (found.lse, found.counts, found.shares, image_weight, text_weight)
        ctx.save_for_backward(image, text, scale, problem.extra, *own, *chain.from_iterable(labels))
        ctx.rest = (targets.kind, [len(part) for part in labels], problem.modes)
        ctx.prepared = prepared
        ctx.mark_non_differentiable(found.counts)
        ctx.set_materialize_grads(False)  # zeros for the counts would be one launch more
        return cast("Tensor", found.mean), found.counts

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        if grad is None:
            return (None,) * 6
        image, text, scale, extra, lse, counts, shares, image_weight, text_weight, *rest = ctx.saved_tensors
        kind, lengths, modes = ctx.rest
        saved = iter(rest)
        of_images, of_texts, of_extra = (list(islice(saved, length)) for length in lengths)
        targets = Targets(kind=kind, image=of_images, text=of_texts, extra=of_extra, image_count=None, text_count=None)
        problem = Problem(image=image, text=text, extra=extra, scale=scale, targets=targets, modes=modes)
        if torch.is_grad_enabled() or torch._C._are_functorch_transforms_active():
            return *_twice_differentiable(problem, counts, (image_weight, text_weight), grad), None, None, None
        gradients = LossGradients(grad=grad, shares=shares, rows=image_weight, columns=text_weight)
        wants_image, wants_text = ctx.needs_input_grad[:2]
        with torch.autocast(problem.image.device.type, enabled=False):
            found = differentiate(
                problem,
                lse,
                counts,
                gradients,
                batch_of(problem, ctx.prepared),
                wants_image=wants_image,
                wants_text=wants_text,
            )
        return *found, None, None, None


def _twice_differentiable(
    problem: Problem, counts: Tensor, weights: tuple[Tensor | None, Tensor | None], grad: Tensor
) -> list[Tensor | None]:
    rows = problem.image.shape[0]
    row_count, column_count = counts[:rows], counts[rows:]
    targets = problem.targets.for_tiles(slice(0, problem.text.shape[0]))
    problem = replace(problem, targets=replace(targets, image_count=row_count, text_count=column_count))
    inputs = (problem.image, problem.text, problem.scale)
    wanted = [x for x in inputs if x.requires_grad]
    is_kept = torch.is_grad_enabled()
    with torch.enable_grad():
        losses = differentiable_losses(problem)
        means = []
        wants = (problem.modes.to_text, problem.modes.to_image)
        for loss, count, weight, is_wanted in zip(losses, problem.targets.counts(), weights, wants, strict=True):
            if is_wanted:
                share = (count > 0).to(loss.dtype) * (1 if weight is None else weight)
                means.append(torch.dot(share, loss) / torch.where(share.sum() > 0, share.sum(), 1.0))
        mean = torch.stack(means).mean()
    found = iter(torch.autograd.grad(mean, wanted, grad, create_graph=is_kept))
    return [next(found) if x.requires_grad else None for x in inputs]
