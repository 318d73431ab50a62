"""Zero-shot classification: the text tower turns class names into a classifier.

``n`` images, ``k`` classes, ``d`` width of the features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64, Integer
from torch import Tensor

from unicl.evaluation.checks import check_finite_rows, check_ids, check_listed, unit_rows
from unicl.evaluation.prompts import IMAGE_TEMPLATES, Template, class_prompts
from unicl.evaluation.ranks import hit_shares, positive_ranks


@dataclass(frozen=True, kw_only=True)
class ZeroShotAccuracy:
    """How often the true class is among the first.

    Attributes:
        top: By k, the share in [0, 1] of images whose true class is among the k classes of highest score. A tie counts
            against the true class.
        mean_per_class: The top-1 share within each class, in [0, 1], averaged over the classes that have an image.
    """

    top: Mapping[int, float]
    mean_per_class: float


def zero_shot_classifier(
    encode_text: Callable[[list[str]], Tensor],
    class_names: Sequence[str],
    templates: Sequence[Template] = IMAGE_TEMPLATES,
    *,
    classes_per_batch: int = 16,
) -> Float[Tensor, "k d"]:
    """Makes one row of norm 1 a class: the normalised mean of the normalised text features of its prompts.

    This is the prompt ensemble of CLIP (Radford et al. 2021, section 3.1.4), as open_clip builds it. There the classes
    are columns.

    Args:
        encode_text: Maps prompts to features (prompts, d), on any device. They need not be normalised. It is called
            without gradients.
        class_names: The classes, in the order of their ids.
        templates: The templates of the prompts; see :func:`unicl.evaluation.class_prompts`.
        classes_per_batch: How many classes' prompts go through ``encode_text`` at once.

    Returns:
        The classifier in float32, or in float64 where the features are.

    Raises:
        TypeError: ``class_names`` or ``templates`` is a single string.
        ValueError: There are no class names, a template is empty or bad, the features have another shape, or a feature
            is zero or not finite. The message names the prompt.

    Example:
        >>> def encode_text(prompts):
        ...     return torch.tensor([[float("cat" in prompt), float("dog" in prompt)] for prompt in prompts])
        >>> zero_shot_classifier(encode_text, ["cat", "dog"])
        tensor([[1., 0.],
                [0., 1.]])
    """
    check_listed("class_names", class_names, "['dog', 'cat']")
    if classes_per_batch < 1:
        raise ValueError(f"expected classes_per_batch >= 1; got {classes_per_batch}")
    rows = []
    with torch.no_grad():
        for start in range(0, len(class_names), classes_per_batch):
            names = class_names[start : start + classes_per_batch]
            prompts = [prompt for name in names for prompt in class_prompts(name, templates)]
            features = encode_text(prompts)
            if features.ndim != 2 or len(features) != len(prompts):
                raise ValueError(
                    f"expected encode_text to give ({len(prompts)}, d) for {len(prompts)} prompts; "
                    f"got {tuple(features.shape)}"
                )
            units = unit_rows(
                features, [f"the text feature of the prompt {prompt!r}" for prompt in prompts].__getitem__
            )
            means = units.view(len(names), len(templates), -1).mean(dim=1)
            rows.append(
                unit_rows(means, [f"the mean over the prompts of class {name!r}" for name in names].__getitem__)
            )
    return torch.cat(rows)


def zero_shot_accuracy(
    image_features: Float[Tensor, "n d"],
    labels: Integer[Tensor, " n"],
    classifier: Float[Tensor, "k d"],
    *,
    top_k: Sequence[int] = (1, 5),
) -> ZeroShotAccuracy:
    """Computes top-k accuracy, and the mean accuracy per class.

    Scores are dot products. The length of an image's feature has no influence. Ties count against the true class.

    Args:
        image_features: The features of the images.
        labels: The true class of each image, in [0, k).
        classifier: The classifier from :func:`zero_shot_classifier`.
        top_k: The values of k in "top-k".

    Returns:
        The accuracies, in [0, 1].

    Raises:
        ValueError: There are no images, a label is not a class, shapes do not fit, or a feature is not finite. The
            message names the argument.
        TypeError: The labels are not integers, or the features are not floating-point tensors.

    Example:
        >>> zero_shot_accuracy(torch.tensor([[0.9, 0.1], [0.6, 0.4]]), torch.tensor([0, 1]), torch.eye(2), top_k=(1, 2))
        ZeroShotAccuracy(top={1: 0.5, 2: 1.0}, mean_per_class=0.5)
    """
    check_finite_rows("image_features", image_features)
    check_ids("labels", labels, len(image_features))
    outside = (labels < 0) | (labels >= len(classifier))
    if outside.any():
        position = int(outside.nonzero()[0, 0])
        raise ValueError(
            f"expected labels in [0, {len(classifier)}), the classes of the classifier; "
            f"got {int(labels[position])} at position {position}"
        )
    ranks = positive_ranks(image_features, classifier, labels, torch.arange(len(classifier)))
    labels, hits = labels.to(ranks.device), (ranks == 0).double()
    counts = torch.bincount(labels, minlength=len(classifier))
    per_class = torch.bincount(labels, weights=hits, minlength=len(classifier))[counts > 0] / counts[counts > 0]
    return ZeroShotAccuracy(top=hit_shares(ranks, top_k), mean_per_class=per_class.mean().item())


def classify(
    image_features: Float[Tensor, "n d"], classifier: Float[Tensor, "k d"], logit_scale: float, *, k: int = 3
) -> tuple[Float[Tensor, "n shown"], Int64[Tensor, "n shown"]]:
    """Finds the k most probable classes of each image, by the softmax of ``logit_scale`` times the cosine.

    Args:
        image_features: The features of the images; they are normalised here.
        classifier: One row of norm 1 a class.
        logit_scale: The inverse temperature that the model was trained with, > 0.
        k: How many classes to give; all classes if there are fewer.

    Returns:
        The probabilities in [0, 1], in descending order, and the ids of their classes.

    Raises:
        ValueError: A feature is zero or not finite, or ``k`` or ``logit_scale`` is not positive.

    Example:
        >>> probabilities, classes = classify(torch.tensor([[0.0, 2.0]]), torch.eye(2), 10.0, k=1)
        >>> round(probabilities.item(), 4), classes.item()
        (1.0, 1)
    """
    if k < 1 or not logit_scale > 0:
        raise ValueError(f"expected k >= 1 and logit_scale > 0; got k={k} and logit_scale={logit_scale}")
    check_finite_rows("image_features", image_features, may_be_empty=True)
    units = unit_rows(image_features, "row {} of image_features".format)
    logits = logit_scale * (units @ classifier.to(units).T)
    probabilities, classes = logits.softmax(dim=1).topk(min(k, len(classifier)), dim=1)
    return probabilities, classes
