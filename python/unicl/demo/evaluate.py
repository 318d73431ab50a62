"""What a trained pair of towers can do on the held-out pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unicl.demo.prepare import CONTEXT_LENGTH, TEMPLATES
from unicl.evaluation import hit_shares, positive_ranks, retrieval_recall, zero_shot_accuracy, zero_shot_classifier
from unicl.text import ClipTokenizer

if TYPE_CHECKING:
    from torch import Tensor

    from unicl.demo.prepare import DemoData
    from unicl.models import DualTower


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Shares in [0, 1] over the held-out pictures.

    Attributes:
        subgroup_accuracy: The prompts of the right subgroup, of 98, are nearest.
        subgroup_accuracy_per_class: The same within each subgroup, averaged over those that have a held-out picture.
        group_accuracy: The nearest prompt is one of a subgroup of the right group, of 9.
        image_to_text: k -> a caption of the picture is among the k nearest of all held-out captions.
        text_to_image: k -> a picture of the caption is among the k nearest of all held-out pictures.
    """

    subgroup_accuracy: float
    subgroup_accuracy_per_class: float
    group_accuracy: float
    image_to_text: dict[int, float]
    text_to_image: dict[int, float]


@torch.no_grad()
def held_out_features(model: DualTower, data: DemoData) -> tuple[Tensor, Tensor]:
    """The unit features of the held-out pictures and of their captions, (n, d) each."""
    index = torch.from_numpy(data.held_out)
    return model.encode_image(data.images[index]), model.encode_text(data.captions[index])


def subgroup_classifier(model: DualTower, data: DemoData) -> Tensor:
    """(98, d): the prompts of every subgroup in the demo's templates."""
    tokenizer = ClipTokenizer(context_length=CONTEXT_LENGTH)
    return zero_shot_classifier(
        lambda prompts: model.encode_text(torch.from_numpy(tokenizer(prompts))), data.class_names, TEMPLATES
    )


def evaluate(model: DualTower, data: DemoData) -> Scores:
    """Zero-shot classification over subgroups and groups, and retrieval both ways.

    Args:
        model: In evaluation mode.
        data: The data set.

    Returns:
        The scores.
    """
    image_features, text_features = held_out_features(model, data)
    index = torch.from_numpy(data.held_out)
    labels, classifier = data.labels[index], subgroup_classifier(model, data)
    groups = data.class_groups[labels]
    subgroup = zero_shot_accuracy(image_features, labels, classifier, top_k=(1,))
    group_ranks = positive_ranks(image_features, classifier, groups, data.class_groups)
    ids = torch.tensor(data.source.picture_ids)[index]
    recall = retrieval_recall(image_features, text_features, ids, ids)
    return Scores(
        subgroup_accuracy=subgroup.top[1],
        subgroup_accuracy_per_class=subgroup.mean_per_class,
        group_accuracy=hit_shares(group_ranks, (1,))[1],
        image_to_text=dict(recall.image_to_text),
        text_to_image=dict(recall.text_to_image),
    )
