"""The loss of one process as two torch.library operators: opaque to torch.compile, and twice differentiable.

``unicl::contrastive_losses`` gives the row and column losses, ``unicl::contrastive_gradients`` their gradients. The
second operator has no derivative of its own. Under ``create_graph=True`` the gradient goes through differentiable
blocks of rows instead (second_order.py).

An operator takes its arguments one after another. The schema and the order of ``Targets`` and ``LossModes`` are made
from their fields, so a mode that is added there needs no change here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from itertools import islice
from types import NoneType
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from unicl.loss.backends import backend_named
from unicl.loss.checks import is_shape
from unicl.loss.modes import LossModes
from unicl.loss.problem import Problem
from unicl.loss.second_order import differentiable_losses
from unicl.loss.targets.match import Targets

__all__ = ["MODES", "contrastive_losses", "flatten", "modes_of", "schema_of"]

# Row and column losses, their log-sum-exps in bits, and what is kept: logits, or sums of q.
_Outputs: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
_Argument: TypeAlias = Tensor | Sequence[Tensor] | str | float | int | bool | None

#: The names of the modes, in the order of the schema.
MODES = tuple(field.name for field in fields(LossModes))
_TARGETS = tuple(field.name for field in fields(Targets))


def schema_of(kind: type, *, prefix: str = "") -> str:
    """Gives the arguments of an operator that takes the fields of a dataclass.

    Example:
        >>> schema_of(LossModes)[:60]
        'float label_smoothing, str overlap, str direction, bool excl'
    """
    hints = get_type_hints(kind)
    return ", ".join(f"{_schema_type(hints[field.name])} {prefix}{field.name}" for field in fields(kind))


def _schema_type(hint: Any) -> str:
    arguments = get_args(hint)
    if get_origin(hint) is Literal:
        return "str"
    if NoneType in arguments:
        return _schema_type(next(x for x in arguments if x is not NoneType)) + "?"
    if get_origin(hint) is Sequence:
        return _schema_type(arguments[0]) + "[]"
    # jaxtyping's types hold the type of their array.
    return "Tensor" if getattr(hint, "array_type", hint) is Tensor else str(hint.__name__)


def modes_of(values: Sequence[Any]) -> LossModes:
    """Gives the modes from their values in the order of ``MODES``."""
    return LossModes(**dict(zip(MODES, values, strict=True)))


def contrastive_losses(
    problem: Problem,
) -> tuple[Float[Tensor, " b"], Float[Tensor, " m"], Bool[Tensor, " b"], Bool[Tensor, " m"]]:
    """Gives row losses and column losses, and which rows and columns have a positive.

    The losses are differentiable in the image and text features and the scale. torch.compile takes the operators into
    its graph. Elsewhere a plain function costs the host less.
    """
    arguments = flatten(replace(problem, keep_logits=_can_keep_logits(problem)))
    is_opaque = torch.compiler.is_compiling() or is_shape(problem.image)
    rows, columns, _, _, kept = _losses(*arguments) if is_opaque else _Losses.apply(*arguments)
    targets = problem.targets
    if targets.image_count is None or targets.text_count is None:
        has = kept > 0
        return rows, columns, has[: problem.image.shape[0]], has[problem.image.shape[0] :]
    return rows, columns, targets.image_count > 0, targets.text_count > 0


def _can_keep_logits(problem: Problem) -> bool:
    """Tells whether a backward pass can come, and the backend can keep the logits for it."""
    return (
        backend_named(problem.modes.backend).can_keep_logits(problem)
        and torch.is_grad_enabled()
        and any(x.requires_grad for x in (problem.image, problem.text, problem.scale))
    )


def flatten(problem: Problem) -> tuple[_Argument, ...]:
    """Gives the arguments of the operators, in the order of their schema."""
    targets, modes = problem.targets, problem.modes
    return (
        problem.image,
        problem.text,
        problem.scale,
        problem.extra,
        *(list(x) if isinstance(x, (list, tuple)) else x for x in (getattr(targets, name) for name in _TARGETS)),
        *(getattr(modes, name) for name in MODES),
        problem.keep_logits,
    )


def _problem(*arguments: Any) -> Problem:
    """Is the inverse of ``flatten``."""
    rest = iter(arguments)
    image, text, scale, extra = islice(rest, 4)
    return Problem(
        image=image,
        text=text,
        scale=scale,
        extra=extra,
        targets=Targets(**dict(zip(_TARGETS, islice(rest, len(_TARGETS)), strict=True))),
        modes=modes_of(tuple(islice(rest, len(MODES)))),
        keep_logits=next(rest),
    )


_SCHEMA = (
    f"Tensor image, Tensor text, Tensor scale, Tensor? extra, {schema_of(Targets, prefix='target_')}, "
    f"{schema_of(LossModes)}, bool keep_logits"
)


def _compute(*arguments: Any) -> _Outputs:
    problem = _problem(*arguments)
    kept = _new_kept(problem)
    # The dtypes are decided; autocast must not lower the matmuls inside.
    with torch.autocast(problem.image.device.type, enabled=False):
        backend = backend_named(problem.modes.backend)
        *found, row_count, column_count = backend.forward(problem, kept=kept if problem.keep_logits else None)
    row_loss, column_loss, row_lse, column_lse = found
    if backend.COUNTS:
        torch.cat([row_count, column_count], out=kept)
    return row_loss, column_loss, row_lse, column_lse, kept


def _new_kept(problem: Problem) -> Tensor:
    rows, columns = problem.image.shape[0], problem.text.shape[0]
    if backend_named(problem.modes.backend).COUNTS:
        return problem.scale.new_empty(rows + columns)
    return problem.scale.new_empty(rows * columns * problem.keep_logits)


_losses = torch.library.custom_op(
    "unicl::contrastive_losses",
    _compute,
    mutates_args=(),
    schema=f"({_SCHEMA}) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)


@_losses.register_fake
def _(*arguments: Any) -> _Outputs:
    problem = _problem(*arguments)
    scale, rows, columns = problem.scale, problem.image.shape[0], problem.text.shape[0]
    return (
        scale.new_empty(rows),
        scale.new_empty(columns),
        scale.new_empty(rows, dtype=torch.float64),
        scale.new_empty(columns, dtype=torch.float64),
        _new_kept(problem),
    )


def _differentiate(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    *flat, row_lse, column_lse, kept, row_grad, column_grad, wants_image, wants_text = arguments
    problem = _counted(_problem(*flat), kept)
    with torch.autocast(problem.image.device.type, enabled=False):
        return backend_named(problem.modes.backend).backward(
            problem,
            row_lse,
            column_lse,
            row_grad,
            column_grad,
            wants_image=wants_image,
            wants_text=wants_text,
            kept=kept if problem.keep_logits else None,
        )


def _counted(problem: Problem, kept: Tensor) -> Problem:
    """Gives the problem with the sums of q that forward found."""
    if not backend_named(problem.modes.backend).COUNTS:
        return problem
    rows = problem.image.shape[0]
    row_count, column_count = kept[:rows], kept[rows:]
    return replace(problem, targets=replace(problem.targets, image_count=row_count, text_count=column_count))


_gradients = torch.library.custom_op(
    "unicl::contrastive_gradients",
    _differentiate,
    mutates_args=(),
    schema=f"({_SCHEMA}, Tensor row_lse, Tensor column_lse, Tensor kept, Tensor row_grad, Tensor column_grad, "
    "bool wants_image, bool wants_text) -> (Tensor, Tensor, Tensor)",
)


@_gradients.register_vmap
def _(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    """Computes gradients for several gradients of the losses (a Jacobian), one after another."""
    found = [
        _gradients(*(x.select(at, i) if isinstance(at, int) else x for x, at in zip(arguments, in_dims, strict=True)))
        for i in range(info.batch_size)
    ]
    return tuple(torch.stack(parts) for parts in zip(*found, strict=True)), (0, 0, 0)


@_gradients.register_fake
def _(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    image, text, scale = arguments[:3]
    wants_image, wants_text = arguments[-2:]
    return (
        image.new_empty(image.shape if wants_image else 0),
        text.new_empty(text.shape if wants_text else 0),
        torch.empty_like(scale),
    )


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: _Outputs) -> None:
    # Tensors go through save_for_backward alone, or they would be kept alive past the backward pass. A list of tensors
    # is saved one by one, and ``layout`` keeps its length; any other argument stays in ``layout`` itself.
    tensors: list[Tensor | None] = list(output[2:])
    layout: list[Any] = []
    for value in inputs:
        if isinstance(value, Tensor):
            tensors.append(value)
            layout.append(Tensor)
        elif isinstance(value, (list, tuple)):
            tensors += value
            layout.append([len(value)])
        else:
            layout.append(value)
    ctx.save_for_backward(*tensors)
    ctx.layout = layout
    ctx.set_materialize_grads(False)  # zeros for the logits that are kept would cost what keeping them saves


def _gradients_of(
    gradients: Callable[..., tuple[Tensor, Tensor, Tensor]],
    ctx: Any,
    row_grad: Tensor | None,
    column_grad: Tensor | None,
) -> tuple[Any, ...]:
    """Gives the gradients of all arguments; ``gradients`` computes them, as an operator or not."""
    row_lse, column_lse, kept, *rest = ctx.saved_tensors
    saved = iter(rest)
    arguments: list[Any] = [
        next(saved) if x is Tensor else list(islice(saved, x[0])) if isinstance(x, list) else x for x in ctx.layout
    ]
    image, text, scale = arguments[:3]
    row_grad = scale.new_zeros(image.shape[0]) if row_grad is None else row_grad
    column_grad = scale.new_zeros(text.shape[0]) if column_grad is None else column_grad
    # Of is_grads_batched, which calls an operator with all gradients at once and asks it for no rule.
    is_batched = any(torch._C._functorch.is_legacy_batchedtensor(x) for x in (row_grad, column_grad))
    if torch.is_grad_enabled() or is_batched:
        # ``kept`` is an output of this very node: a gradient through it would come back to it without end.
        grads = _twice_differentiable(_counted(_problem(*arguments), kept.detach()), row_grad, column_grad)
    else:
        wants = ctx.needs_input_grad[:2]
        found = gradients(*arguments, row_lse, column_lse, kept, row_grad, column_grad, *wants)
        grads = [grad if wanted else None for grad, wanted in zip(found, (*wants, True), strict=True)]
    return *grads, *([None] * len(x) if isinstance(x, list) else None for x in arguments[3:])


def _twice_differentiable(problem: Problem, row_grad: Tensor, column_grad: Tensor) -> Sequence[Tensor | None]:
    problem = replace(problem, targets=problem.targets.for_tiles(slice(0, problem.text.shape[0])))
    inputs = (problem.image, problem.text, problem.scale)
    wanted = [x for x in inputs if x.requires_grad]
    is_kept = torch.is_grad_enabled()
    with torch.enable_grad():
        losses = differentiable_losses(problem)
    found = iter(torch.autograd.grad(losses, wanted, (row_grad, column_grad), create_graph=is_kept))
    return [next(found) if x.requires_grad else None for x in inputs]


def _backward(ctx: Any, row_grad: Tensor | None, column_grad: Tensor | None, *_: Any) -> tuple[Any, ...]:
    return _gradients_of(_gradients, ctx, row_grad, column_grad)


_losses.register_autograd(_backward, setup_context=_setup_context)


class _Losses(torch.autograd.Function):
    """The operators without the cost of their calls."""

    @staticmethod
    def forward(*arguments: Any) -> _Outputs:
        return _compute(*arguments)

    setup_context = staticmethod(_setup_context)

    @staticmethod
    def backward(ctx: Any, row_grad: Tensor | None, column_grad: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
        # Under vmap only the operator has a rule.
        is_mapped = torch._C._are_functorch_transforms_active()
        # An operator wants a gradient for each tensor of a list, and a function one for the list.
        grads = _gradients_of(_gradients if is_mapped else _differentiate, ctx, row_grad, column_grad)
        return tuple(None if isinstance(grad, list) else grad for grad in grads)
