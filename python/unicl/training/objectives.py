"""The objectives behind one name: same towers, same batches, another loss.

``b`` pictures, ``m`` texts, ``d`` width of the features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from unicl.loss import fused_loss

if TYPE_CHECKING:
    from torch import Tensor

    from unicl.labels import LabelSets

Objective = Literal["unicl", "clip", "ce"]


def objective_loss(
    objective: Objective,
    image_features: Tensor,
    text_features: Tensor,
    image_labels: Tensor | LabelSets,
    text_labels: Tensor | LabelSets,
    logit_scale: Tensor,
) -> Tensor:
    """The loss of one batch, in nats.

    Args:
        objective: ``"unicl"``: all pairs of equal label are positives, both directions (Yang et al. 2022, equations 2
            and 3; the mean of the two). ``"clip"``: only picture i and text i, whatever the labels (Radford et al.
            2021, figure 3; ALIGN has the same loss). ``"ce"``: softmax cross-entropy of each picture over the texts,
            which are the classes.
        image_features: (b, d), unit rows.
        text_features: (m, d), unit rows.
        image_labels: (b,) int64, < 0 for "no class"; or b sets of labels.
        text_labels: (m,) int64 or m sets, likewise.
        logit_scale: The inverse temperature, a scalar > 0.

    Returns:
        A scalar.

    Raises:
        ValueError: An unknown objective; lists the known ones.

    Example:
        >>> import torch
        >>> features, labels = torch.eye(3), torch.arange(3)
        >>> scale = torch.tensor(10.0)
        >>> losses = [objective_loss(name, features, features, labels, labels, scale) for name in get_args(Objective)]
        >>> [round(loss.item() * 1e4, 2) for loss in losses]
        [0.91, 0.91, 0.91]
    """
    if objective == "unicl":
        return fused_loss(image_features, text_features, image_labels, text_labels, logit_scale)
    if objective == "clip":
        return fused_loss(image_features, text_features, logit_scale=logit_scale)
    if objective == "ce":
        return fused_loss(
            image_features, text_features, image_labels, text_labels, logit_scale, direction="image_to_text"
        )
    raise ValueError(f"unknown objective {objective!r}: choose one of {', '.join(get_args(Objective))}")
