"""Prepares the emoji for training: the split, the two kinds of data, prompts, tokens and dense labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor

from unicl.demo.emoji import EmojiImages, split_by_base, stable_hash
from unicl.labels import DenseLabeler, DocumentFrequency, LabelSets, LabelVocabulary
from unicl.models import scale_pixels
from unicl.text import ClipTokenizer

CONTEXT_LENGTH = 20  # tokens; the longest name has 18 with both control tokens
TEMPLATES = ("{}", "an emoji of {}", "a picture of {}", "{} icon")
NO_CLASS = -1


@dataclass(frozen=True, kw_only=True)
class DemoData:
    """The data set, ready for training: n images, k classes (the subgroups), p prompts a class.

    Attributes:
        source: The images and their names in Unicode.
        images: The images with about zero mean.
        captions: The tokens of the names.
        class_names: The k subgroups as words, e.g. ``"food fruit"``.
        class_prompts: The tokens of the class prompts, one row of prompts a template.
        labels: The subgroup of each image, in [0, k).
        group_names: The names of the groups.
        class_groups: The group of each class.
        label_part: The indices of the training images that come with their label.
        caption_part: The indices of the training images that come with their caption.
        held_out: The indices of the held-out images.
        vocabulary: The names of the dense labels. The first k are ``class_names``, so that labels and captions share
            one space.
        dense_labels: The set of dense labels of each caption, weighted by rarity. Only the captions of
            ``caption_part`` are trained on.
    """

    source: EmojiImages
    images: Float[Tensor, "n 3 size size"]
    captions: Int64[Tensor, "n length"]
    class_names: tuple[str, ...]
    class_prompts: Int64[Tensor, "p k length"]
    labels: Int64[Tensor, " n"]
    group_names: tuple[str, ...]
    class_groups: Int64[Tensor, " k"]
    label_part: NDArray[np.int64]
    caption_part: NDArray[np.int64]
    held_out: NDArray[np.int64]
    vocabulary: LabelVocabulary
    dense_labels: LabelSets


def words_of(name: str) -> str:
    """Gives a subgroup or group as words.

    Example:
        >>> words_of("light & video"), words_of("food-fruit")
        ('light and video', 'food fruit')
    """
    return name.replace("-", " ").replace("&", "and").lower()


def prepare_data(
    source: EmojiImages, *, label_share: float, held_out_share: float, min_document_frequency: int
) -> DemoData:
    """Splits, tokenizes and labels the data set. It is a pure function of the data and the arguments.

    Args:
        source: The images.
        label_share: The share of the training images that come as image-label data, in (0, 1). The rest come as
            image-text data.
        held_out_share: The share of base emoji held out, in (0, 1).
        min_document_frequency: A phrase becomes a dense label if this many captions of the caption part have it.

    Returns:
        The data set, ready for training.

    Raises:
        ValueError: A share is not inside (0, 1).
    """
    if not 0 < label_share < 1:
        raise ValueError(f"expected label_share inside (0, 1); got {label_share}")
    train, held_out = split_by_base(source, held_out_share)
    by_hash = sorted(train, key=lambda index: stable_hash("label part", source.emoji[index].name))
    cut = round(label_share * len(by_hash))
    label_part, caption_part = np.sort(by_hash[:cut]), np.sort(by_hash[cut:])

    subgroups = sorted({(emoji.group, emoji.subgroup) for emoji in source.emoji})
    groups = sorted({group for group, _ in subgroups})
    class_names = tuple(words_of(subgroup) for _, subgroup in subgroups)
    class_of = {subgroup: index for index, (_, subgroup) in enumerate(subgroups)}

    tokenizer = ClipTokenizer(context_length=CONTEXT_LENGTH)
    prompts = [tokenizer([template.format(name) for name in class_names]) for template in TEMPLATES]
    vocabulary = dense_vocabulary(
        class_names, [source.emoji[index].name for index in caption_part], min_document_frequency
    )
    pixels = torch.from_numpy(source.images).permute(0, 3, 1, 2).contiguous()
    return DemoData(
        source=source,
        images=scale_pixels(pixels),
        captions=torch.from_numpy(tokenizer(source.captions)),
        class_names=class_names,
        class_prompts=torch.from_numpy(np.stack(prompts)),
        labels=torch.tensor([class_of[emoji.subgroup] for emoji in source.emoji]),
        group_names=tuple(groups),
        class_groups=torch.tensor([groups.index(group) for group, _ in subgroups]),
        label_part=label_part,
        caption_part=caption_part,
        held_out=np.array(held_out),
        vocabulary=vocabulary,
        dense_labels=labels_by_rarity(vocabulary, source.captions, counted=caption_part),
    )


def dense_vocabulary(
    class_names: Sequence[str], captions: Sequence[str], min_document_frequency: int
) -> LabelVocabulary:
    """Makes a vocabulary of the class names, then the nouns and noun phrases that are frequent in ``captions``."""
    mined = LabelVocabulary.mine(captions, min_document_frequency=min_document_frequency).names
    known = set(class_names)
    return LabelVocabulary.from_names([*class_names, *(name for name in mined if name not in known)])


def labels_by_rarity(vocabulary: LabelVocabulary, captions: Sequence[str], *, counted: NDArray[np.int64]) -> LabelSets:
    """Gives the dense labels of captions, weighted by the logarithm of one over the share of ``counted`` with them.

    This is inverse document frequency (Sparck Jones 1972): "skin tone" tells little about an image, "guitar" much.
    """
    sets = DenseLabeler(vocabulary)(captions)
    return sets.weighted(DocumentFrequency.of(sets.take(counted), num_labels=len(vocabulary)).rarity())
