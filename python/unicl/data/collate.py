"""Collates samples with images, tokens and label sets to batches, for ``torch.utils.data.DataLoader``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unicl.data.batch import Batch
from unicl.labels import LabelSets


@dataclass(frozen=True, kw_only=True)
class CollateLabelSets:
    """Makes a batch of samples that each have an image, tokens and any number of labels.

    It is a ``collate_fn`` for a DataLoader, with workers and pinned memory. Its default keys are the columns that
    ``DenseLabeler.on_column`` and ``TokenTransform.on_column`` make. The loss takes the batch as it is::

        loss = unicl.UniCLLoss()
        for batch in DataLoader(samples, batch_size=256, collate_fn=CollateLabelSets()):
            image_features, text_features, logit_scale = model(batch.images, batch.tokens)
            loss(image_features, text_features, logit_scale, image_labels=batch.image_labels).backward()

    Attributes:
        image: The key of the image in a sample: a tensor (3, h, w). All images have one size.
        tokens: The key of the token ids (length,). All samples have one length.
        labels: The key of the labels: a list, array or tensor of ids. One id alone is allowed too, where an id < 0 is
            no label. None is no label.
        label_weights: The key of as many weights. A sample without the key, or with None there, has weights 1. If no
            sample has weights, the sets have none.

    Example:
        >>> samples = [
        ...     {"image": torch.zeros(3, 2, 2), "input_ids": [1, 5, 2], "labels": [7, 3], "label_weights": [0.5, 1.0]},
        ...     {"image": torch.ones(3, 2, 2), "input_ids": [1, 6, 2], "labels": []},
        ... ]
        >>> batch = CollateLabelSets()(samples)
        >>> batch.images.shape, batch.tokens.tolist()
        (torch.Size([2, 3, 2, 2]), [[1, 5, 2], [1, 6, 2]])
        >>> batch.image_labels.to_list(), batch.image_labels.weights.tolist()
        ([[3, 7], []], [1.0, 0.5])
    """

    image: str = "image"
    tokens: str = "input_ids"
    labels: str = "labels"
    label_weights: str = "label_weights"

    def __call__(self, samples: Sequence[Mapping[str, Any]]) -> Batch:
        """Makes the batch of some samples. Its images and texts share one ``LabelSets``.

        Raises:
            KeyError: A sample lacks image, tokens or labels.
            TypeError: The image or the tokens are no tensor, array or list, or a label is no integer.
            ValueError: There are no samples. Or images or tokens differ in shape, labels and weights differ in number,
                or the labels of a sample are no set of ids. The message names the sample where it can.
        """
        if not samples:
            raise ValueError("expected at least one sample; got none")
        labels = self._column(samples, self.labels)
        for position, value in enumerate(labels):
            if isinstance(value, str):
                raise TypeError(
                    f"expected label ids in sample {position}; got {value!r}: LabelVocabulary.id gives its id"
                )
        labels = [_ids(value) for value in labels]
        given = [sample.get(self.label_weights) for sample in samples]
        weights = None
        if any(row is not None for row in given):
            pairs = zip(given, labels, strict=True)
            weights = [[1.0] * len(ids) if row is None else list(row) for row, ids in pairs]
            for position, (row, ids) in enumerate(zip(weights, labels, strict=True)):
                if len(row) != len(ids):
                    counts = f"{len(ids)} labels and {len(row)} weights"
                    raise ValueError(f"expected one weight a label in sample {position}; got {counts}")
        sets = LabelSets.from_lists(labels, weights=weights)
        return Batch(
            images=self._stack(samples, self.image),
            tokens=self._stack(samples, self.tokens),
            image_labels=sets,
            text_labels=sets,
        )

    def _stack(self, samples: Sequence[Mapping[str, Any]], key: str) -> Tensor:
        """Stacks the values of one key, which must have one shape."""
        values = self._column(samples, key)
        for position, value in enumerate(values):
            if not isinstance(value, Tensor | np.ndarray | Sequence) or isinstance(value, str | bytes):
                kind = type(value).__name__
                raise TypeError(
                    f"expected {key!r} of sample {position} as a tensor; got {kind}: decode it in the data set"
                )
        tensors = [torch.as_tensor(value) for value in values]
        for position, tensor in enumerate(tensors):
            if tensor.shape != tensors[0].shape:
                shapes = f"{tuple(tensors[0].shape)} in sample 0, {tuple(tensor.shape)} in sample {position}"
                raise ValueError(f"expected {key!r} of one shape in all samples; got {shapes}")
        return torch.stack(tensors)

    @staticmethod
    def _column(samples: Sequence[Mapping[str, Any]], key: str) -> list[Any]:
        for position, sample in enumerate(samples):
            if key not in sample:
                raise KeyError(f"expected {key!r} in sample {position}; got {', '.join(map(repr, sample))}")
        return [sample[key] for sample in samples]


def _ids(labels: Any) -> list[Any]:
    """Gives the labels of one sample as a list of ids."""
    if labels is None:
        return []
    values = labels.tolist() if hasattr(labels, "tolist") else labels
    if isinstance(values, Iterable):
        return list(values)
    return [int(values)] if values >= 0 else []
