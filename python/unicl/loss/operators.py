"""The tiled (or Triton) loss as two torch.library operators: opaque to torch.compile, differentiable twice.

``unicl::contrastive_losses`` gives the row and column losses, ``unicl::contrastive_gradients`` their gradients. The
second has no derivative of its own: under ``create_graph=True`` the gradient is taken through plain differentiable
tiles (differentiable.py) instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, cast

import torch
from torch import Tensor

from unicl.loss.second_order import differentiable_losses
from unicl.loss.targets.match import Kind, Targets
from unicl.loss.tiled.tile import Problem

__all__ = ["engine", "flatten", "tiled_losses"]

Outputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]

# Logits that are kept for backward, which saves one matmul of four: 16 MiB of float32, a batch of 2,048.
_KEPT_LOGITS = 1 << 22


def tiled_losses(problem: Problem) -> tuple[Tensor, Tensor]:
    """Row losses (b,) and column losses (m,), differentiable in the image and text features and the scale."""
    rows, columns, *_ = _losses(*flatten(replace(problem, keep_logits=_can_keep_logits(problem))))
    return rows, columns


def _can_keep_logits(problem: Problem) -> bool:
    """Whether a backward pass can come, and the logits are few: then all of them together are no larger than a cache.

    Tiles on a GPU are larger than that, and Triton's kernels have no place for them.
    """
    return (
        problem.backend == "tiled"
        and problem.image.device.type == "cpu"
        and problem.extra is None
        and problem.image.shape[0] * problem.text.shape[0] <= _KEPT_LOGITS
        and torch.is_grad_enabled()
        and any(x.requires_grad for x in (problem.image, problem.text, problem.scale))
    )


def engine(problem: Problem) -> Any:
    """The module whose ``forward`` and ``backward`` compute the problem; triton is imported only if it is asked for."""
    return import_module("unicl.loss.kernels" if problem.backend == "triton" else "unicl.loss.tiled.passes")


def flatten(problem: Problem) -> tuple[Any, ...]:
    """The arguments of the operators, in the order of their schema."""
    targets = problem.targets
    return (
        problem.image,
        problem.text,
        problem.scale,
        problem.extra,
        targets.kind,
        list(targets.image),
        list(targets.text),
        list(targets.extra),
        targets.image_count,
        targets.text_count,
        problem.label_smoothing,
        problem.exclude_self,
        problem.to_text,
        problem.to_image,
        problem.chunk_size or 0,
        problem.backend,
        problem.deterministic,
        problem.keep_logits,
    )


def _problem(
    image: Tensor,
    text: Tensor,
    scale: Tensor,
    extra: Tensor | None,
    kind: str,
    image_targets: Sequence[Tensor],
    text_targets: Sequence[Tensor],
    extra_targets: Sequence[Tensor],
    image_count: Tensor,
    text_count: Tensor,
    label_smoothing: float,
    exclude_self: bool,  # noqa: FBT001  (an operator's schema has no keyword-only arguments before torch 2.7)
    to_text: bool,  # noqa: FBT001
    to_image: bool,  # noqa: FBT001
    chunk_size: int,
    backend: str,
    deterministic: bool,  # noqa: FBT001
    keep_logits: bool,  # noqa: FBT001
) -> Problem:
    targets = Targets(
        kind=cast("Kind", kind),
        image=image_targets,
        text=text_targets,
        extra=extra_targets,
        image_count=image_count,
        text_count=text_count,
    )
    return Problem(
        image=image,
        text=text,
        extra=extra,
        scale=scale,
        targets=targets,
        label_smoothing=label_smoothing,
        exclude_self=exclude_self,
        to_text=to_text,
        to_image=to_image,
        chunk_size=chunk_size or None,
        backend=backend,
        deterministic=deterministic,
        keep_logits=keep_logits,
    )


_ARGUMENTS = (
    "Tensor image, Tensor text, Tensor scale, Tensor? extra, str kind, Tensor[] image_targets, Tensor[] text_targets, "
    "Tensor[] extra_targets, Tensor image_count, Tensor text_count, float label_smoothing, bool exclude_self, "
    "bool to_text, bool to_image, int chunk_size, str backend, bool deterministic, "
    "bool keep_logits"
)


@torch.library.custom_op(
    "unicl::contrastive_losses",
    mutates_args=(),
    schema=f"({_ARGUMENTS}) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _losses(*arguments: Any) -> Outputs:
    problem = _problem(*arguments)
    logits = _new_logits(problem)
    keeping = {"kept": logits} if problem.keep_logits else {}
    # The dtypes are decided; autocast must not lower the matmuls inside.
    with torch.autocast(problem.image.device.type, enabled=False):
        return cast("Outputs", (*engine(problem).forward(problem, **keeping), logits))


def _new_logits(problem: Problem) -> Tensor:
    return problem.scale.new_empty(problem.image.shape[0] * problem.text.shape[0] * problem.keep_logits)


@_losses.register_fake
def _(*arguments: Any) -> Outputs:
    problem = _problem(*arguments)
    scale, rows, columns = problem.scale, problem.image.shape[0], problem.text.shape[0]
    return (
        scale.new_empty(rows),
        scale.new_empty(columns),
        scale.new_empty(rows, dtype=torch.float64),
        scale.new_empty(columns, dtype=torch.float64),
        _new_logits(problem),
    )


@torch.library.custom_op(
    "unicl::contrastive_gradients",
    mutates_args=(),
    schema=f"({_ARGUMENTS}, Tensor row_lse, Tensor column_lse, Tensor logits, Tensor row_grad, Tensor column_grad, "
    "bool wants_image, bool wants_text) -> (Tensor, Tensor, Tensor)",
)
def _gradients(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    *flat, row_lse, column_lse, logits, row_grad, column_grad, wants_image, wants_text = arguments
    problem = _problem(*flat)
    keeping = {"kept": logits} if problem.keep_logits else {}
    with torch.autocast(problem.image.device.type, enabled=False):
        found = engine(problem).backward(
            problem,
            row_lse,
            column_lse,
            row_grad,
            column_grad,
            wants_image=wants_image,
            wants_text=wants_text,
            **keeping,
        )
    return cast("tuple[Tensor, Tensor, Tensor]", found)


@_gradients.register_fake
def _(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    image, text, scale = arguments[:3]
    wants_image, wants_text = arguments[-2:]
    return (
        image.new_empty(image.shape if wants_image else 0),
        text.new_empty(text.shape if wants_text else 0),
        torch.empty_like(scale),
    )


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Outputs) -> None:
    problem = _problem(*inputs)
    targets = problem.targets
    vectors = [*targets.image, *targets.text, *targets.extra, targets.image_count, targets.text_count]
    ctx.save_for_backward(problem.image, problem.text, problem.scale, problem.extra, *output[2:], *vectors)
    ctx.sizes = (len(targets.image), len(targets.text), len(targets.extra))
    # Tensors go through save_for_backward alone, or they would be kept alive past the backward pass.
    ctx.rest = (targets.kind, *inputs[-8:])
    ctx.set_materialize_grads(False)  # zeros for the logits that are kept would cost what keeping them saves


def _backward(ctx: Any, row_grad: Tensor | None, column_grad: Tensor | None, *_: Any) -> tuple[Any, ...]:
    image, text, scale, extra, row_lse, column_lse, logits, *vectors = ctx.saved_tensors
    row_grad = scale.new_zeros(image.shape[0]) if row_grad is None else row_grad
    column_grad = scale.new_zeros(text.shape[0]) if column_grad is None else column_grad
    parts, start = [], 0
    for size in ctx.sizes:
        parts.append(vectors[start : start + size])
        start += size
    kind, *modes = ctx.rest
    arguments = (image, text, scale, extra, kind, *parts, *vectors[start:], *modes)
    if torch.is_grad_enabled():
        grads = _twice_differentiable(_problem(*arguments), row_grad, column_grad)
    else:
        wants = ctx.needs_input_grad[:2]
        found = _gradients(*arguments, row_lse, column_lse, logits, row_grad, column_grad, *wants)
        grads = [grad if wanted else None for grad, wanted in zip(found, (*wants, True), strict=True)]
    return (*grads, None, None, *([None] * size for size in ctx.sizes), *[None] * 10)


def _twice_differentiable(problem: Problem, row_grad: Tensor, column_grad: Tensor) -> Sequence[Tensor | None]:
    wanted = [x for x in (problem.image, problem.text, problem.scale) if x.requires_grad]
    losses = differentiable_losses(problem)
    found = iter(torch.autograd.grad(losses, wanted, (row_grad, column_grad), create_graph=True))
    return [next(found) if x.requires_grad else None for x in (problem.image, problem.text, problem.scale)]


_losses.register_autograd(_backward, setup_context=_setup_context)
