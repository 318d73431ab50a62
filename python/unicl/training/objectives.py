"""The training objectives by name: one signature for the losses "unicl", "clip" and "ce"."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from jaxtyping import Float, Integer
from torch import Tensor

from unicl.labels import LabelSets
from unicl.loss import fused_loss

Objective: TypeAlias = Literal["unicl", "clip", "ce"]


def objective_loss(
    objective: Objective,
    image_features: Float[Tensor, "b d"],
    text_features: Float[Tensor, "m d"],
    image_labels: Integer[Tensor, " b"] | LabelSets,
    text_labels: Integer[Tensor, " m"] | LabelSets,
    logit_scale: Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Computes the loss of one batch, in nats.

    Args:
        objective: ``"unicl"``: all pairs of equal label are positives, in both directions, and the two directions are
            averaged (Yang et al. 2022, equations 2 and 3). ``"clip"``: only image i and text i are a pair, whatever the
            labels (Radford et al. 2021, figure 3; ALIGN has the same loss). ``"ce"``: softmax cross-entropy of each
            image over the texts, which are the classes.
        image_features: Rows of norm 1.
        text_features: Rows of norm 1.
        image_labels: One label an image, where < 0 is "no class"; or one set of labels an image.
        text_labels: One label or one set of labels a text, of the same kind.
        logit_scale: The inverse temperature, > 0.

    Raises:
        ValueError: The objective is unknown; the message lists the known ones.

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
    known = ", ".join(map(repr, get_args(Objective)))
    raise ValueError(f"expected objective to be one of {known}; got {objective!r}")
