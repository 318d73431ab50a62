"""Zero-shot classification: class names become a classifier through the text tower.

``n`` pictures, ``d`` width of the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unicl.evaluation.prompts import PICTURE_TEMPLATES, Template, class_prompts
from unicl.evaluation.ranks import check_features, check_ids, hit_shares, positive_ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ZeroShotAccuracy:
    """How often the true class is among the first.

    Attributes:
        top: k -> share in [0, 1] of pictures whose true class is among the k classes of highest score; a tie counts
            against it.
        mean_per_class: The top-1 share within each class, averaged over the classes that have a picture, in [0, 1].
    """

    top: Mapping[int, float]
    mean_per_class: float


def zero_shot_classifier(
    encode_text: Callable[[list[str]], Tensor],
    class_names: Sequence[str],
    templates: Sequence[Template] = PICTURE_TEMPLATES,
    *,
    classes_per_batch: int = 16,
) -> Tensor:
    """One unit row a class: the normalised mean of the normalised text features of its prompts.

    The prompt ensemble of CLIP (Radford et al. 2021, section 3.1.4), as open_clip builds it (there the classes are
    columns).

    Args:
        encode_text: Prompts -> (prompts, d) features, on any device; they need not be normalised. Called without
            gradients.
        class_names: The classes, in the order of their ids.
        templates: See :func:`unicl.evaluation.prompts.class_prompts`.
        classes_per_batch: How many classes' prompts go through ``encode_text`` at once.

    Returns:
        (classes, d), float32 (float64 where the features are).

    Raises:
        TypeError: ``class_names`` or ``templates`` is a single string.
        ValueError: No class names, an empty or bad template, features of another shape, or a zero or non-finite
            feature; names the prompt.

    Example:
        >>> def encode_text(prompts):
        ...     return torch.tensor([[float("cat" in prompt), float("dog" in prompt)] for prompt in prompts])
        >>> zero_shot_classifier(encode_text, ["cat", "dog"])
        tensor([[1., 0.],
                [0., 1.]])
    """
    if isinstance(class_names, str):
        raise TypeError(
            f"class_names must be a sequence of names, got the single string {class_names!r}: put it in a list"
        )
    if not class_names:
        raise ValueError("class_names is empty: a classifier needs at least one class")
    if classes_per_batch < 1:
        raise ValueError(f"classes_per_batch must be >= 1, got {classes_per_batch}")
    rows = []
    with torch.no_grad():
        for start in range(0, len(class_names), classes_per_batch):
            names = class_names[start : start + classes_per_batch]
            prompts = [prompt for name in names for prompt in class_prompts(name, templates)]
            features = encode_text(prompts)
            if features.ndim != 2 or len(features) != len(prompts):
                raise ValueError(
                    f"encode_text must give ({len(prompts)}, d) for {len(prompts)} prompts, got {tuple(features.shape)}"
                )
            units = _unit_rows(features, [f"the text feature of the prompt {prompt!r}" for prompt in prompts])
            means = units.view(len(names), len(templates), -1).mean(dim=1)
            rows.append(_unit_rows(means, [f"the mean over the prompts of class {name!r}" for name in names]))
    return torch.cat(rows)


def zero_shot_accuracy(
    image_features: Tensor, labels: Tensor, classifier: Tensor, *, top_k: Sequence[int] = (1, 5)
) -> ZeroShotAccuracy:
    """Top-k accuracy and mean accuracy per class.

    Scores are dot products; the length of a picture's feature has no influence. Ties count against the true class.

    Args:
        image_features: (n, d).
        labels: (n,) integers in [0, classes).
        classifier: (classes, d), from :func:`zero_shot_classifier`.
        top_k: The values of k.

    Returns:
        The accuracies, in [0, 1].

    Raises:
        ValueError: No pictures, a label outside [0, classes), shapes that do not fit, or a non-finite feature; names
            the argument.
        TypeError: Labels that are not integers.

    Example:
        >>> zero_shot_accuracy(torch.tensor([[0.9, 0.1], [0.6, 0.4]]), torch.tensor([0, 1]), torch.eye(2), top_k=(1, 2))
        ZeroShotAccuracy(top={1: 0.5, 2: 1.0}, mean_per_class=0.5)
    """
    check_features("image_features", image_features)
    if len(image_features) == 0:
        raise ValueError("image_features has no rows: accuracy needs at least one picture")
    check_ids("labels", labels, len(image_features))
    outside = (labels < 0) | (labels >= len(classifier))
    if outside.any():
        position = int(outside.nonzero()[0, 0])
        raise ValueError(
            f"labels must be in [0, {len(classifier)}), the classes of the classifier, "
            f"got {int(labels[position])} at position {position}"
        )
    ranks = positive_ranks(image_features, classifier, labels, torch.arange(len(classifier)))
    labels, hits = labels.to(ranks.device), (ranks == 0).double()
    pictures = torch.bincount(labels, minlength=len(classifier))
    per_class = torch.bincount(labels, weights=hits, minlength=len(classifier))[pictures > 0] / pictures[pictures > 0]
    return ZeroShotAccuracy(top=hit_shares(ranks, top_k), mean_per_class=per_class.mean().item())


def classify(image_features: Tensor, classifier: Tensor, logit_scale: float, *, k: int = 3) -> tuple[Tensor, Tensor]:
    """The k most probable classes of each picture: softmax over all classes of ``logit_scale`` times the cosine.

    Args:
        image_features: (n, d); normalised here.
        classifier: (classes, d), unit rows.
        logit_scale: The inverse temperature, > 0; what the model was trained with.
        k: How many; all classes where there are fewer.

    Returns:
        Probabilities (n, k) in [0, 1], descending, and the class ids (n, k) int64.

    Raises:
        ValueError: A zero or non-finite feature, or ``k`` or ``logit_scale`` not positive.

    Example:
        >>> probabilities, classes = classify(torch.tensor([[0.0, 2.0]]), torch.eye(2), 10.0, k=1)
        >>> round(probabilities.item(), 4), classes.item()
        (1.0, 1)
    """
    if k < 1 or not logit_scale > 0:
        raise ValueError(f"k must be >= 1 and logit_scale > 0, got k={k} and logit_scale={logit_scale}")
    check_features("image_features", image_features)
    units = _unit_rows(image_features, [f"row {row} of image_features" for row in range(len(image_features))])
    logits = logit_scale * (units @ classifier.to(units).T)
    probabilities, classes = logits.softmax(dim=1).topk(min(k, len(classifier)), dim=1)
    return probabilities, classes


def _unit_rows(features: Tensor, names: Sequence[str]) -> Tensor:
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    norms: Tensor = features.norm(dim=1, keepdim=True)
    bad = ~(norms.isfinite() & (norms > 0)).flatten()
    if bad.any():
        position = int(bad.nonzero()[0, 0])
        raise ValueError(f"{names[position]} has norm {norms[position].item()}: it cannot be normalised")
    return features / norms
