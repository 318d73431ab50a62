"""One training batch: images, texts, and the labels that tell which of them belong together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from unicl.labels import LabelSets


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images and texts in one label space. Their numbers may differ.

    Attributes:
        images: The images, all of one size.
        tokens: The token ids of the texts.
        image_labels: One label an image, where a label < 0 is "no class": image i then belongs to text i alone. Or one
            set of labels an image, where an empty set is "no class". ``unicl.fused_loss`` takes either.
        text_labels: One label or one set of labels a text, of the same kind as ``image_labels``.
    """

    images: Float[Tensor, "b 3 h w"]
    tokens: Int[Tensor, "m length"]
    image_labels: Integer[Tensor, " b"] | LabelSets
    text_labels: Integer[Tensor, " m"] | LabelSets

    def pin_memory(self) -> Batch:
        """Gives the batch with its tensors in pinned memory. ``DataLoader(pin_memory=True)`` calls this.

        Sets of labels stay as they are. The loss reads them on the host, and pins what it sends to the device.
        """
        return self._with(lambda tensor: tensor.pin_memory())

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """Gives the batch with its tensors on a device. Sets of labels stay on the host, where the loss wants them."""
        return self._with(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def _with(self, move: Callable[[Tensor], Tensor]) -> Batch:
        fields = {name: getattr(self, name) for name in ("images", "tokens", "image_labels", "text_labels")}
        return replace(self, **{name: move(value) for name, value in fields.items() if isinstance(value, Tensor)})
