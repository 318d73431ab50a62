"""The batches of the demo: images with captions, images with labels, and the class prompts as further texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unicl.data import Batch, SampleOrder, augment
from unicl.demo.prepare import NO_CLASS
from unicl.labels import LabelSets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from unicl.demo.prepare import DemoData
    from unicl.training import Objective


@dataclass(frozen=True, kw_only=True)
class ObjectiveRecipe:
    """The data and the loss of one row of the table.

    Attributes:
        objective: The loss.
        label_share: The share of each batch that is image-label data: 0 (captions only), 1 (labels only) or between.
        dense_labels: Whether captions have their dense labels. If not, each caption is a class of its own.
    """

    objective: Objective
    label_share: float
    dense_labels: bool = False


RECIPES = {
    "ce": ObjectiveRecipe(objective="ce", label_share=1.0),
    "clip": ObjectiveRecipe(objective="clip", label_share=0.0),
    "unicl": ObjectiveRecipe(objective="unicl", label_share=0.5),
    "unicl + dense labels": ObjectiveRecipe(objective="unicl", label_share=0.5, dense_labels=True),
}


def make_batches(
    data: DemoData, recipe: ObjectiveRecipe, *, batch_size: int, seed: int, augmentation: float
) -> Iterator[Batch]:
    """Makes an endless stream of batches, a pure function of the arguments.

    Images with captions come first, so that image i and caption i are a pair. Images with labels follow. If there are
    labels, the texts of the batch are the captions and one prompt for each class. Every labelled image then meets its
    class and all others. With labels alone, this is softmax cross-entropy over the class prompts.

    Args:
        data: The data set.
        recipe: The composition of a batch.
        batch_size: The images of a batch.
        seed: Fixes order, templates and augmentation.
        augmentation: The strength of :func:`unicl.data.augment`.

    Yields:
        Batches of ``batch_size`` images, scaled and augmented.
    """
    labelled = round(recipe.label_share * batch_size)
    captioned = batch_size - labelled
    labels_order, captions_order = (
        SampleOrder([len(part)], seed=seed) for part in (data.label_part, data.caption_part)
    )
    generator = torch.Generator().manual_seed(seed)
    step = 0
    while True:
        with_caption = _next_rows(data.caption_part, captions_order, step * captioned, captioned)
        with_label = _next_rows(data.label_part, labels_order, step * labelled, labelled)
        tokens = data.captions[with_caption]
        if labelled:
            template = int(torch.randint(len(data.class_prompts), (1,), generator=generator))
            tokens = torch.cat([tokens, data.class_prompts[template]])
        image_classes = data.labels[with_label]
        text_classes = torch.arange(len(data.class_names) if labelled else 0)
        image_labels: Tensor | LabelSets
        text_labels: Tensor | LabelSets
        if recipe.dense_labels:
            sets = data.dense_labels.take(with_caption.numpy())
            image_labels, text_labels = (
                LabelSets.concatenate([sets, LabelSets.from_lists([[label] for label in classes.tolist()])])
                for classes in (image_classes, text_classes)
            )
        else:
            none = torch.full((captioned,), NO_CLASS)
            image_labels, text_labels = (torch.cat([none, classes]) for classes in (image_classes, text_classes))
        yield Batch(
            images=augment(data.images[torch.cat([with_caption, with_label])], generator, strength=augmentation),
            tokens=tokens[:, : int(np.count_nonzero(tokens.numpy(), axis=1).max())],
            image_labels=image_labels,
            text_labels=text_labels,
        )
        step += 1


def _next_rows(part: NDArray[np.int64], order: SampleOrder, start: int, count: int) -> Tensor:
    """Gives ``count`` rows of a part of the data from a position on."""
    return torch.from_numpy(part[order.take(np.arange(start, start + count))[1]])
