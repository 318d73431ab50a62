"""Cached gradients: the exact gradient of a large contrastive batch, with the activations of a small one in memory.

A contrastive loss needs every feature of the batch at once. Plain gradient accumulation therefore trains on other,
smaller batches. GradCache (Gao et al. 2021, "Scaling deep contrastive learning batch size under memory limited setup",
section 3) splits the encoding only. It first computes all features without a graph. Then it computes the loss and the
gradient with respect to the features. At last it encodes each micro-batch once more with a graph, and feeds the
micro-batch's share of that gradient into the graph. The price is one more forward pass of the encoders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Side:
    """One tower and the inputs that it encodes.

    Attributes:
        encode: Maps a micro-batch of inputs to features (rows, d).
        inputs: All inputs of the side, e.g. images or token ids. They are split along the first dimension.
    """

    encode: Callable[[Tensor], Tensor]
    inputs: Shaped[Tensor, "n ..."]


def cached_backward(sides: Sequence[Side], loss: Callable[..., Tensor], *, micro_batch_size: int) -> Float[Tensor, ""]:
    """Adds to every parameter's ``.grad`` exactly what ``loss(*features).backward()`` on the whole batch would add.

    The loss sees all features with all their labels. A label in one micro-batch finds its positives in any other.
    Random numbers (dropout) are the same in both passes. The gradient is not exact if a tower mixes the rows of its
    batch: batch norm in training mode sees micro-batches, as it does under any accumulation.

    Args:
        sides: The towers, e.g. image and text.
        loss: Maps the features of each side, in order, to a scalar. Its parameters (the logit scale) get their
            gradient.
        micro_batch_size: The most rows that a tower encodes with a graph at a time.

    Returns:
        The loss, detached.

    Raises:
        ValueError: ``micro_batch_size`` is below 1, or a side has no rows.

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
    for number, side in enumerate(sides):
        if not len(side.inputs):
            raise ValueError(
                f"expected at least one row in side {number}; got inputs of shape {tuple(side.inputs.shape)}"
            )
    states: list[list[RandomState]] = []
    features: list[Tensor] = []
    with torch.no_grad():
        for side in sides:
            states.append([])
            parts = []
            for inputs in torch.split(side.inputs, micro_batch_size):
                states[-1].append(RandomState.now(inputs.device))
                parts.append(side.encode(inputs))
            features.append(torch.cat(parts))
    leaves = [side_features.requires_grad_() for side_features in features]
    value = loss(*leaves)
    value.backward()  # type: ignore[no-untyped-call]
    for side, leaf, side_states in zip(sides, leaves, states, strict=True):
        if leaf.grad is None:  # the loss does not use this side
            continue
        micro_batches = torch.split(side.inputs, micro_batch_size)
        gradients = torch.split(leaf.grad, micro_batch_size)
        for inputs, gradient, state in zip(micro_batches, gradients, side_states, strict=True):
            with state.restored():
                encoded = side.encode(inputs)
            torch.autograd.backward(encoded, gradient)
    return value.detach()


@dataclass(frozen=True, kw_only=True)
class RandomState:
    """The state, at one moment, of the random generators that an encoder on ``device`` may draw from."""

    cpu: Tensor
    cuda: Tensor | None
    device: torch.device

    @classmethod
    def now(cls, device: torch.device) -> RandomState:
        """Reads the state at this moment."""
        cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        return cls(cpu=torch.get_rng_state(), cuda=cuda, device=device)

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Goes back to this state, and at the end to the state before the call."""
        with torch.random.fork_rng(devices=[self.device] if self.cuda is not None else []):
            torch.set_rng_state(self.cpu)
            if self.cuda is not None:
                torch.cuda.set_rng_state(self.cuda, self.device)
            yield
