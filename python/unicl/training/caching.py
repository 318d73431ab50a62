"""Cached gradients: the exact gradient of a large contrastive batch, with the activations of a small one in memory.

A contrastive loss needs every feature of the batch at once. Plain gradient accumulation therefore trains on other,
smaller batches. GradCache (Gao et al. 2021, "Scaling deep contrastive learning batch size under memory limited setup",
section 3) splits the encoding only. It first computes all features without a graph. Then it computes the loss and the
gradient with respect to the features. At last it encodes each micro-batch once more with a graph, and feeds the
micro-batch's share of that gradient into the graph. The price is one more forward pass of the encoders.

Legend: ``n`` rows of a side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.nn.parallel import DistributedDataParallel

from unicl.labels import LabelSets


@dataclass(frozen=True, kw_only=True)
class Side:
    """One tower and the inputs that it encodes, or several towers that encode a row together.

    Attributes:
        encode: Maps a micro-batch of inputs to features (rows, d), or to several tensors: features, and numbers such as
            the logit scale, which are the same for every micro-batch.
        inputs: All inputs of the side: a tensor, array, list or ``LabelSets`` of n rows. Or a mapping or tuple of such
            (``BatchEncoding``: token ids and mask), and ``encode`` gets a mapping or tuple of the same type. Whatever
            else a mapping holds is passed on whole.
    """

    encode: Callable[[Any], Tensor | Sequence[Tensor]]
    inputs: Any


def cached_backward(
    sides: Sequence[Side],
    loss: Callable[..., Tensor],
    *,
    micro_batch_size: int,
    wrappers: Sequence[DistributedDataParallel] = (),
) -> Float[Tensor, ""]:
    """Adds to every parameter's ``.grad`` exactly what ``loss(*features).backward()`` on the whole batch would add.

    The loss sees all features with all their labels. A label in one micro-batch finds its positives in any other.
    Random numbers (dropout) are the same in both passes. The gradient is not exact if a tower mixes the rows of its
    batch: batch norm in training mode sees micro-batches, as it does under any accumulation. A side without trainable
    parameters (a frozen tower) is encoded once.

    Under DistributedDataParallel the gradients are reduced over ranks once a step, after all micro-batches. So ranks
    may have different numbers of rows. The loss then needs ``group="world"``.

    Args:
        sides: The towers, e.g. image and text.
        loss: Maps the features of each side, in order, to a scalar. Its parameters (the logit scale) get their
            gradient.
        micro_batch_size: The most rows that a tower encodes with a graph at a time.
        wrappers: The DistributedDataParallel wrappers that no ``encode`` calls, as it calls a method of their
            ``module``. Those that are called are found.

    Returns:
        The loss, detached.

    Raises:
        TypeError: The inputs of a side cannot be split into rows.
        ValueError: ``micro_batch_size`` is below 1, a side has no rows, the parts of its inputs differ in number, or
            no gradient is wanted.

    Example:
        >>> import unicl
        >>> image_tower, text_tower = torch.nn.Linear(6, 4), torch.nn.Linear(5, 4)
        >>> labels = torch.tensor([0, 1, 0, 2])
        >>> cached_backward(
        ...     [Side(encode=image_tower, inputs=torch.randn(4, 6)), Side(encode=text_tower, inputs=torch.randn(4, 5))],
        ...     lambda u, v: unicl.fused_loss(u, v, labels, labels, normalize=True),
        ...     micro_batch_size=2,
        ... ).shape
        torch.Size([])
    """
    if micro_batch_size < 1:
        raise ValueError(f"expected micro_batch_size >= 1; got {micro_batch_size}")
    sizes = [_count_rows(side.inputs, side=number) for number, side in enumerate(sides)]
    with _reduced_once(wrappers):
        cached = [_encode(side, size, micro_batch_size) for side, size in zip(sides, sizes, strict=True)]
        value = loss(*chain.from_iterable(side.leaves for side in cached))
        if not value.requires_grad:
            raise ValueError("expected a tower or a loss with parameters to train; got none that requires a gradient")
        value.backward()  # type: ignore[no-untyped-call]
        for side in cached:
            side.backward()
    return value.detach()


@dataclass(frozen=True, kw_only=True)
class _CachedSide:
    """A side whose features are known.

    Attributes:
        side: The side.
        spans: The rows of each micro-batch.
        states: The random numbers that each micro-batch began with.
        leaves: What ``encode`` gave, for all rows; a leaf of the graph where it depends on trainable parameters.
    """

    side: Side
    spans: Sequence[slice]
    states: Sequence[RandomState]
    leaves: Sequence[Tensor]

    def backward(self) -> None:
        """Encodes each micro-batch once more, and passes the gradients of its features on to the parameters."""
        if all(leaf.grad is None for leaf in self.leaves):  # a frozen tower, or one that the loss does not use
            return
        for span, state in zip(self.spans, self.states, strict=True):
            with state.restored():
                encoded = _several(self.side.encode(_take(self.side.inputs, span)))
            pairs = []
            for tensor, leaf in zip(encoded, self.leaves, strict=True):
                if leaf.grad is not None and tensor.requires_grad:
                    # A number is the same in all micro-batches: one of them passes its gradient on.
                    if tensor.dim() > 1:
                        pairs.append((tensor, leaf.grad[span]))
                    elif span == self.spans[-1]:
                        pairs.append((tensor, leaf.grad))
            torch.autograd.backward([tensor for tensor, _ in pairs], [gradient for _, gradient in pairs])


def _encode(side: Side, rows: int, micro_batch_size: int) -> _CachedSide:
    """Encodes all rows without keeping a graph."""
    spans = [slice(start, min(start + micro_batch_size, rows)) for start in range(0, rows, micro_batch_size)]
    states: list[RandomState] = []
    parts: list[list[Tensor]] = []
    wanted = [False]
    for span in spans:
        states.append(RandomState.now())
        # The graph of the first micro-batch tells which tensors depend on parameters; it is dropped at once.
        with torch.set_grad_enabled(not parts):
            encoded = _several(side.encode(_take(side.inputs, span)))
        if not parts:
            wanted = [tensor.requires_grad for tensor in encoded]
        parts.append([tensor.detach() for tensor in encoded])
        del encoded
    leaves = [
        torch.cat(tensors) if tensors[0].dim() > 1 else tensors[0].clone() for tensors in zip(*parts, strict=True)
    ]
    for leaf, is_wanted in zip(leaves, wanted, strict=True):
        leaf.requires_grad_(is_wanted)
    return _CachedSide(side=side, spans=spans, states=states, leaves=leaves)


def _several(encoded: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    return (encoded,) if isinstance(encoded, Tensor) else tuple(encoded)


@contextmanager
def _reduced_once(wrappers: Sequence[DistributedDataParallel]) -> Iterator[None]:
    """Keeps DistributedDataParallel from reducing gradients inside, and reduces them at the end.

    Inside, every rank only adds to its own gradients. So ranks may call their towers in any number of micro-batches.
    Under the caller's own ``no_sync``, nothing is reduced.
    """
    found = {wrapper: wrapper.require_backward_grad_sync for wrapper in wrappers}

    def find(module: torch.nn.Module, _: object) -> None:
        if isinstance(module, DistributedDataParallel):
            found.setdefault(module, module.require_backward_grad_sync)
            module.require_backward_grad_sync = False

    handle = register_module_forward_pre_hook(find)
    try:
        yield
    finally:
        handle.remove()
        for wrapper, is_reduced in found.items():
            wrapper.require_backward_grad_sync = is_reduced
    for wrapper, is_reduced in found.items():
        if is_reduced:
            _reduce(wrapper)


def _reduce(wrapper: DistributedDataParallel) -> None:
    """Reduces the gradients of a wrapper as the backward pass of its own call does, its hooks and buckets included."""
    is_used = [
        parameter.requires_grad and (parameter.grad is not None or not wrapper.find_unused_parameters)
        for parameter in wrapper.parameters()
    ]
    # A gradient of zeros for each parameter: it changes nothing, and tells the wrapper that the gradient is complete.
    views = [p.view_as(p) for p, flag in zip(wrapper.parameters(), is_used, strict=True) if flag]
    wrapper.reducer.prepare_for_forward()
    wrapper.reducer.prepare_for_backward(views)
    torch.autograd.backward(views, [torch.zeros_like(view) for view in views])


def _count_rows(inputs: Any, *, side: int) -> int:
    """Gives the number of rows of the inputs of a side."""
    if isinstance(inputs, (Mapping, tuple)):
        parts = dict(inputs) if isinstance(inputs, Mapping) else dict(enumerate(inputs))
        counts = {key: len(part) for key, part in parts.items() if _has_rows(part)}
        if len(set(counts.values())) > 1:
            got = ", ".join(f"{count} of {key!r}" for key, count in counts.items())
            raise ValueError(f"expected as many rows in all inputs of side {side}; got {got}")
        rows = next(iter(counts.values()), 0)
        shown = f"no rows in {', '.join(map(repr, parts)) or 'nothing'}"
    elif _has_rows(inputs):
        rows = len(inputs)
        shown = f"inputs of shape {tuple(inputs.shape)}" if hasattr(inputs, "shape") else "none"
    else:
        raise TypeError(
            f"expected the inputs of side {side} as a tensor, array, list or LabelSets, or a mapping or tuple of such; "
            f"got {type(inputs).__name__}: pass Side(inputs=...) what can be split into rows"
        )
    if not rows:
        raise ValueError(f"expected at least one row in side {side}; got {shown}")
    return rows


def _has_rows(part: Any) -> bool:
    return isinstance(part, (list, LabelSets)) or (isinstance(part, (Tensor, np.ndarray)) and part.ndim > 0)


def _take(inputs: Any, span: slice) -> Any:
    """Gives some rows of the inputs of a side, in a container of the same type."""
    if isinstance(inputs, Mapping):
        taken: Any = copy(inputs)  # with the keys in their order, and what is no row
        for key, part in inputs.items():
            if _has_rows(part):
                taken[key] = _take(part, span)
        return taken
    if isinstance(inputs, tuple):
        parts = [_take(part, span) if _has_rows(part) else part for part in inputs]
        return type(inputs)(*parts) if hasattr(inputs, "_fields") else tuple(parts)
    if isinstance(inputs, LabelSets):
        return inputs.take(np.arange(span.start, span.stop))
    return inputs[span]


@dataclass(frozen=True, kw_only=True)
class RandomState:
    """The state, at one moment, of the random generators that an encoder may draw from, wherever its inputs are.

    Attributes:
        cpu: The state of the CPU's generator.
        cuda: The states of the generators of all CUDA devices; none where CUDA is not in use.
    """

    cpu: Tensor
    cuda: Sequence[Tensor]

    @classmethod
    def now(cls) -> RandomState:
        """Reads the states at this moment."""
        is_used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        return cls(cpu=torch.get_rng_state(), cuda=torch.cuda.get_rng_state_all() if is_used else [])

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Goes back to this state, and at the end to the state before the call."""
        with torch.random.fork_rng(devices=range(len(self.cuda))):
            torch.set_rng_state(self.cpu)
            if self.cuda:
                torch.cuda.set_rng_state_all(self.cuda)
            yield
