"""One training batch: images, texts, and the labels that tell which of them belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from unicl.labels import LabelSets

_FIELDS = ("images", "tokens", "image_labels", "text_labels")


@dataclass(frozen=True, kw_only=True, eq=False, init=False)
class Batch(Mapping[str, Any]):
    """Images and texts in one label space. Their numbers may differ.

    It is a mapping of its attributes, so ``model(**batch)`` passes them by name. HF's ``Trainer`` does that, with
    ``remove_unused_columns=False``, as the columns of the data set are not the arguments of the model.

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

    def __init__(
        self,
        fields: Mapping[str, Any] | None = None,
        /,
        *,
        images: Float[Tensor, "b 3 h w"] | None = None,
        tokens: Int[Tensor, "m length"] | None = None,
        image_labels: Integer[Tensor, " b"] | LabelSets | None = None,
        text_labels: Integer[Tensor, " m"] | LabelSets | None = None,
    ) -> None:
        if fields is not None:  # as HF's Trainer makes one
            Batch.__init__(self, **fields)
            return
        given = dict(zip(_FIELDS, (images, tokens, image_labels, text_labels), strict=True))
        present = [name for name, value in given.items() if value is not None]
        if len(present) < len(_FIELDS):
            raise TypeError(f"expected the fields {', '.join(_FIELDS)} of a Batch; got {', '.join(present) or 'none'}")
        for name, value in given.items():
            object.__setattr__(self, name, value)

    def __getitem__(self, name: str) -> Any:
        """Gives an attribute by its name."""
        if name not in _FIELDS:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        """Gives the names of the attributes."""
        return iter(_FIELDS)

    def __len__(self) -> int:
        """Gives the number of attributes, as every mapping does; ``len(batch.images)`` is the number of images."""
        return len(_FIELDS)

    def pin_memory(self) -> Batch:
        """Gives the batch with its tensors in pinned memory. ``DataLoader(pin_memory=True)`` calls this.

        Sets of labels stay as they are. The loss reads them on the host, and pins what it sends to the device.
        """
        return self._with(lambda tensor: tensor.pin_memory())

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """Gives the batch with its tensors on a device. Sets of labels stay on the host, where the loss wants them."""
        return self._with(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def _with(self, move: Callable[[Tensor], Tensor]) -> Batch:
        return Batch({name: move(value) if isinstance(value, Tensor) else value for name, value in self.items()})
