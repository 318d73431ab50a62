"""One training batch: pictures, texts, and the labels that say which of them belong together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from unicl.labels import LabelSets


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Pictures and texts in one label space; b pictures and m texts need not be equally many.

    Attributes:
        images: (b, 3, h, w) float.
        tokens: (m, length) token ids.
        image_labels: (b,) int64; a label < 0 is "no class": picture i then belongs to text i alone. Or b sets of
            labels; an empty one is "no class". ``unicl.fused_loss`` takes either.
        text_labels: (m,) int64 or m sets, likewise and of the same kind.
    """

    images: Tensor
    tokens: Tensor
    image_labels: Tensor | LabelSets
    text_labels: Tensor | LabelSets

    def pin_memory(self) -> Batch:
        """The batch with its tensors in pinned memory: what ``DataLoader(pin_memory=True)`` calls.

        Sets of labels stay as they are: the loss reads them on the host, and pins what it sends to the device.
        """
        return self._with(lambda tensor: tensor.pin_memory())

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """The batch with its tensors on a device; sets of labels stay on the host, where the loss wants them."""
        return self._with(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def _with(self, move: Any) -> Batch:
        fields = {name: getattr(self, name) for name in ("images", "tokens", "image_labels", "text_labels")}
        return replace(self, **{name: move(value) for name, value in fields.items() if hasattr(value, "pin_memory")})
