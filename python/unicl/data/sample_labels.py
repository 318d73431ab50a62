"""Labels images and texts of a batch, so that each image belongs to its own texts and to those of its classes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from unicl.data.tokenize import threads_of_process
from unicl.labels import LabelSets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unicl.data.label_space import LabelSpace
    from unicl.data.sample import Sample
    from unicl.labels import DenseLabeler

Labels: TypeAlias = Int64[Tensor, " _"] | LabelSets

_OF_HASHES = 2**62
"""Labels of captions lie from here on. Those of images lie below, after those of the label space."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchTexts:
    """The texts of a batch; text i is of image i, and further texts follow.

    Attributes:
        texts: The texts.
        images: The number of each text's image in the batch; -1 for the prompts of all classes.
        classes: The class of each prompt; None for a caption.
    """

    texts: list[str]
    images: list[int]
    classes: list[str | None]


@dataclass(frozen=True, kw_only=True)
class SampleLabels:
    """Labels images and texts of a batch.

    An image has the labels of its classes, and with a labeler those of its captions in the batch. Its captions have the
    same labels, and the prompt of a class has the label of this class. An image without labels belongs to its texts
    alone: it has no class if it has one text, and a label of its own if it has several.

    Attributes:
        space: The label space; None if there are neither classes nor labels of captions.
        labeler: Labels captions; None: captions have no labels.
        sets: Whether labels are sets. If not, a sample has one class at most.
        equal_captions: Whether captions of the same words, in samples without labels, are one class.
    """

    space: LabelSpace | None
    labeler: DenseLabeler | None
    sets: bool
    equal_captions: bool

    def __call__(
        self, samples: Sequence[Sample], texts: BatchTexts, positions: Sequence[int], rows: NDArray[np.int64]
    ) -> tuple[Labels, Labels]:
        """Gives the labels of images and of texts.

        Args:
            samples: b samples.
            texts: Their texts.
            positions: Their positions.
            rows: Integers that tell the rows of all sources apart.

        Raises:
            ValueError: A sample has several classes, and labels are integers.
        """
        ids = {} if self.space is None else self.space.ids
        of_classes = [[ids[name] for name in sample.classes if ids[name] >= 0] for sample in samples]
        is_caption = [name is None for name in texts.classes]
        of_prompts = np.array([-1 if name is None else ids[name] for name in texts.classes], dtype=np.int64)
        if not self.sets:
            return self._integers(samples, texts, positions, of_classes, of_prompts)
        images = LabelSets.from_pairs(
            np.repeat(np.arange(len(samples)), [len(each) for each in of_classes]),
            np.array([label for each in of_classes for label in each], dtype=np.int64),
            num_rows=len(samples),
        )
        images = images.union(self._of_captions(texts, rows, len(samples)))
        own = self._own(texts, positions, np.diff(images.offsets) == 0)
        of_texts = np.where(own >= 0, own, of_prompts)
        (with_own,) = np.nonzero(own >= 0)
        of_images = np.array(texts.images, dtype=np.int64)
        images = images.union(LabelSets.from_pairs(of_images[with_own], own[with_own], num_rows=len(samples)))
        has_one = of_texts >= 0
        singles = LabelSets.from_lengths(of_texts[has_one], has_one)
        inherits = np.array(is_caption, dtype=bool) & ~has_one
        places = np.where(inherits, of_images, len(samples) + np.arange(len(of_texts)))
        return images, LabelSets.concatenate([images, singles]).take(places)

    def _integers(
        self,
        samples: Sequence[Sample],
        texts: BatchTexts,
        positions: Sequence[int],
        of_classes: list[list[int]],
        of_prompts: NDArray[np.int64],
    ) -> tuple[Labels, Labels]:
        for sample, labels in zip(samples, of_classes, strict=True):
            if len(set(labels)) > 1:
                raise ValueError(
                    f"{sample.source}, {sample.key}: expected one class at most, as labels are integers; got "
                    f"{', '.join(sample.classes)}: pass label_sets=True"
                )
        images = np.array([labels[0] if labels else -1 for labels in of_classes], dtype=np.int64)
        of_images = np.array(texts.images, dtype=np.int64)
        own = self._own(texts, positions, images < 0)
        images[of_images[own >= 0]] = own[own >= 0]  # all of an image's own are equal, as there are no sets
        inherits = np.array([name is None for name in texts.classes], dtype=bool)
        of_texts = np.where(inherits, np.append(images, -1)[of_images], of_prompts)
        return torch.from_numpy(images), torch.from_numpy(of_texts)

    def _of_captions(self, texts: BatchTexts, rows: NDArray[np.int64], count: int) -> LabelSets:
        """The labels that the captions of each image mean."""
        captions = [at for at, name in enumerate(texts.classes) if name is None]
        if self.labeler is None or not captions:
            return LabelSets.from_lists([[] for _ in range(count)])
        of = np.array([texts.images[at] for at in captions], dtype=np.int64)
        found = self.labeler([texts.texts[at] for at in captions], row_ids=rows[of], threads=threads_of_process())
        return LabelSets.from_pairs(of[found.rows()], found.indices.astype(np.int64), num_rows=count)

    def _own(self, texts: BatchTexts, positions: Sequence[int], is_bare: NDArray[np.bool_]) -> NDArray[np.int64]:
        """A label for each caption whose image has no other label; -1 for other texts, and where none is needed."""
        own = np.full(len(texts.texts), -1, dtype=np.int64)
        first = 0 if self.space is None else len(self.space)
        counts = np.bincount([image for image in texts.images if image >= 0], minlength=len(is_bare))
        for at, (image, name) in enumerate(zip(texts.images, texts.classes, strict=True)):
            if name is not None or not is_bare[image]:
                continue
            if self.equal_captions:
                own[at] = caption_label(texts.texts[at])
            elif counts[image] > 1:
                own[at] = first + positions[image]
        return own


def caption_label(caption: str) -> int:
    r"""Gives the label of all captions of the same words: a hash in [2^62, 2^63) that ignores case and spacing.

    Example:
        >>> caption_label("A dog\n runs") == caption_label("a dog runs") != caption_label("a dog ran")
        True
    """
    words = " ".join(caption.casefold().split())
    digest = hashlib.blake2b(words.encode(), digest_size=8).digest()
    return _OF_HASHES | int.from_bytes(digest) >> 2
