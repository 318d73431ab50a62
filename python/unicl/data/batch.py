"""One training batch: images, texts, and the labels that tell which of them belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int, Integer, Shaped
from torch import Tensor

from unicl.labels import LabelSets

if TYPE_CHECKING:
    from unicl.data.skipped_samples import BadSample

_REQUIRED = ("images", "tokens", "image_labels", "text_labels")
_FIELDS = (*_REQUIRED, "image_weight", "text_weight", "sample_keys", "positions")


@dataclass(frozen=True, kw_only=True, eq=False, init=False)
class Batch(Mapping[str, Any]):
    """Images and texts in one label space. Their numbers may differ.

    It is a mapping of its fields, so ``model(**batch)`` passes them by name. HF's ``Trainer`` does that, with
    ``remove_unused_columns=False``, as the columns of the data set are not the arguments of the model. The mapping has
    images, tokens and labels, and of the other fields those that are given.

    Attributes:
        images: The images, all of one size. Several views of each image are a dimension after the first.
        tokens: The token ids of the texts.
        image_labels: One label an image, where a label < 0 is "no class": image i then belongs to text i alone. Or one
            set of labels an image, where an empty set is "no class". ``unicl.fused_loss`` takes either.
        text_labels: One label or one set of labels a text, of the same kind as ``image_labels``.
        image_weight: The weight of each image in the loss; None if not given.
        text_weight: The weight of each text in the loss; None if not given.
        sample_keys: The key of each image's sample; None if not given.
        positions: The position of each image's sample in the order; None if not given.
        bad: The samples that were skipped, by their place among those that the batch should have had. The mapping does
            not have it. :class:`unicl.data.SampleLoader` counts them.
    """

    images: Shaped[Tensor, "b *views 3 h w"]
    tokens: Int[Tensor, "m length"]
    image_labels: Integer[Tensor, " b"] | LabelSets
    text_labels: Integer[Tensor, " m"] | LabelSets
    image_weight: Float[Tensor, " b"] | None
    text_weight: Float[Tensor, " m"] | None
    sample_keys: tuple[str, ...] | None
    positions: Integer[Tensor, " b"] | None
    bad: Mapping[int, BadSample]

    def __init__(
        self,
        fields: Mapping[str, Any] | None = None,
        /,
        *,
        images: Shaped[Tensor, "b *views 3 h w"] | None = None,
        tokens: Int[Tensor, "m length"] | None = None,
        image_labels: Integer[Tensor, " b"] | LabelSets | None = None,
        text_labels: Integer[Tensor, " m"] | LabelSets | None = None,
        image_weight: Float[Tensor, " b"] | None = None,
        text_weight: Float[Tensor, " m"] | None = None,
        sample_keys: tuple[str, ...] | None = None,
        positions: Integer[Tensor, " b"] | None = None,
        bad: Mapping[int, BadSample] | None = None,
    ) -> None:
        if fields is not None:  # as HF's Trainer makes one
            Batch.__init__(self, **fields)
            return
        required = (images, tokens, image_labels, text_labels)
        present = [name for name, value in zip(_REQUIRED, required, strict=True) if value is not None]
        if len(present) < len(required):
            raise TypeError(
                f"expected the fields {', '.join(_REQUIRED)} of a Batch; got {', '.join(present) or 'none'}"
            )
        values = (*required, image_weight, text_weight, sample_keys, positions)
        for name, value in zip(_FIELDS, values, strict=True):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "bad", bad or {})

    def __getitem__(self, name: str) -> Any:
        """Gives a field by its name."""
        if name not in _FIELDS or getattr(self, name) is None:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        """Gives the names of the fields."""
        return (name for name in _FIELDS if getattr(self, name) is not None)

    def __len__(self) -> int:
        """Gives the number of fields, as every mapping does; ``len(batch.images)`` is the number of images."""
        return sum(1 for _ in self)

    def pin_memory(self) -> Batch:
        """Gives the batch with its tensors in pinned memory. ``DataLoader(pin_memory=True)`` calls this.

        Sets of labels stay as they are. The loss reads them on the host, and pins what it sends to the device.
        """
        return self._with(lambda tensor: tensor.pin_memory())

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """Gives the batch with its tensors on a device. Sets of labels stay on the host, where the loss wants them."""
        return self._with(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def _with(self, move: Callable[[Tensor], Tensor]) -> Batch:
        fields = {name: move(value) if isinstance(value, Tensor) else value for name, value in self.items()}
        return Batch({**fields, "bad": self.bad})
