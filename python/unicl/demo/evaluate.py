"""The scores of a trained model on the held-out images of the demo."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from unicl.demo.prepare import CONTEXT_LENGTH, TEMPLATES, DemoData
from unicl.evaluation import hit_shares, positive_ranks, retrieval_recall, zero_shot_accuracy, zero_shot_classifier
from unicl.models import DualTower
from unicl.text import ClipTokenizer


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Shares in [0, 1] of the held-out images.

    Attributes:
        subgroup_accuracy: The share for which the prompts of the right subgroup, of 98, are nearest.
        subgroup_accuracy_per_class: The same share within each subgroup, averaged over the subgroups that have a
            held-out image.
        group_accuracy: The share for which the nearest prompts are those of a subgroup of the right group, of 9.
        image_to_text: By k, the share of images with one of their captions among the k nearest of all held-out
            captions.
        text_to_image: By k, the share of captions with one of their images among the k nearest of all held-out images.
    """

    subgroup_accuracy: float
    subgroup_accuracy_per_class: float
    group_accuracy: float
    image_to_text: dict[int, float]
    text_to_image: dict[int, float]


@torch.no_grad()
def held_out_features(model: DualTower, data: DemoData) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n d"]]:
    """Encodes the held-out images and their captions as features of norm 1."""
    index = torch.from_numpy(data.held_out)
    return model.encode_image(data.images[index]), model.encode_text(data.captions[index])


def subgroup_classifier(model: DualTower, data: DemoData) -> Float[Tensor, "k d"]:
    """Makes the classifier over the 98 subgroups from the demo's templates."""
    tokenizer = ClipTokenizer(context_length=CONTEXT_LENGTH)
    return zero_shot_classifier(
        lambda prompts: model.encode_text(torch.from_numpy(tokenizer(prompts))), data.class_names, TEMPLATES
    )


def evaluate(model: DualTower, data: DemoData) -> Scores:
    """Measures zero-shot classification over subgroups and groups, and retrieval in both directions.

    Args:
        model: The model in evaluation mode.
        data: The data set.
    """
    image_features, text_features = held_out_features(model, data)
    index = torch.from_numpy(data.held_out)
    labels, classifier = data.labels[index], subgroup_classifier(model, data)
    groups = data.class_groups[labels]
    subgroup = zero_shot_accuracy(image_features, labels, classifier, top_k=(1,))
    group_ranks = positive_ranks(image_features, classifier, groups, data.class_groups)
    ids = torch.tensor(data.source.image_ids)[index]
    recall = retrieval_recall(image_features, text_features, ids, ids)
    return Scores(
        subgroup_accuracy=subgroup.top[1],
        subgroup_accuracy_per_class=subgroup.mean_per_class,
        group_accuracy=hit_shares(group_ranks, (1,))[1],
        image_to_text=dict(recall.image_to_text),
        text_to_image=dict(recall.text_to_image),
    )
