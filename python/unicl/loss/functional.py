"""``fused_loss``: the checks, and one dispatch to a backend.

Legend: ``b`` images, ``m`` texts, ``d`` width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize as unit_rows

from unicl.loss.checks import (
    check_choice,
    check_features,
    check_same_kind,
    check_unit_rows,
    label_tensor,
    readable,
    scale_tensor,
)
from unicl.loss.operators import tiled_losses
from unicl.loss.reference import reference_losses
from unicl.loss.targets import match_labels, match_pairs
from unicl.loss.tiles import Problem

__all__ = ["fused_loss"]

_DIRECTIONS = ("both", "image_to_text", "text_to_image")


def fused_loss(
    image_features: Tensor,
    text_features: Tensor,
    image_labels: Any = None,
    text_labels: Any = None,
    logit_scale: float | Tensor = 1 / 0.07,
    *,
    image_weight: Tensor | None = None,
    text_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    overlap: str = "cosine",
    direction: str = "both",
    exclude_self: bool = False,
    extra_text_features: Tensor | None = None,
    extra_text_labels: Any = None,
    normalize: bool = False,
    reduction: str = "mean",
    group: Any = None,
    backend: str = "auto",
    chunk_size: int | None = None,
    deterministic: bool = True,
) -> Tensor:
    """The contrastive loss whose positives are all pairs of equal label, in nats, without a b x m matrix.

    L = (L_image_to_text + L_text_to_image) / 2, where L_image_to_text is the mean over images of the cross-entropy
    between the softmax over all texts and the uniform distribution over the texts with the image's label, and
    L_text_to_image is the same with the sides swapped. Without labels this is the loss of CLIP. (The paper writes the
    sum of the two; the mean is what its pseudo-code and CLIP use.)

    Surprising, perhaps: a row without any positive is left out of the mean (it still is a negative of others), and a
    batch without any positive has loss 0 and zero gradients. Nothing is positive merely because it sits at i = j,
    except where both sides have no label.

    Values (norms, NaN, the scale) are checked on the CPU only, and not under torch.compile: on a GPU the check would
    make the host wait. Half-precision features are compared in float32, and the loss is returned in float32.

    Source: Yang et al., "Unified Contrastive Learning in Image-Text-Label Space", CVPR 2022, arXiv 2204.03610,
        equations 2-4.

    Args:
        image_features: Shape (b, d), rows of norm 1 (within 0.01), any floating dtype.
        text_features: Shape (m, d), rows of norm 1, the same dtype and device.
        image_labels: Shape (b,), integers; equal labels are positives. A label below 0 means "no class": image i and
            text i, both below 0, are positive with each other and nothing else. None, with text_labels also None:
            pairs, needs b = m.
        text_labels: Shape (m,), integers. None, with image_labels given: text i has the label of image i, needs b = m.
        logit_scale: Factor on the cosines, positive: a number, or a tensor of one element that may require a gradient.
        image_weight: Not built yet.
        text_weight: Not built yet.
        label_smoothing: Not built yet.
        overlap: Not built yet.
        direction: "both", "image_to_text" (rows only: softmax over class embeddings), or "text_to_image".
        exclude_self: Not built yet.
        extra_text_features: Not built yet.
        extra_text_labels: Not built yet.
        normalize: Divide every row by its norm first.
        reduction: "mean".
        group: Not built yet.
        backend: "tiled" (plain torch, any device), "reference" (the equation; b x m in memory), or "auto", which is
            "tiled".
        chunk_size: Rows of z held at a time by the tiled backend; None chooses.
        deterministic: Results are bitwise the same from run to run; there is no other mode yet.

    Returns:
        Shape (), float32 (float64 for float64 features), differentiable in the features and the scale.

    Raises:
        ValueError: A shape, length, device or value is wrong; the message names it.
        TypeError: A dtype or type is wrong.
        NotImplementedError: An argument is not built yet.

    Example:
        >>> import torch, unicl
        >>> images = torch.nn.functional.normalize(torch.eye(4)[:3] + 0.1, dim=1).requires_grad_()
        >>> texts = torch.nn.functional.normalize(torch.eye(4)[:3], dim=1)
        >>> labels = torch.tensor([7, 7, -1])  # two images of class 7, and a captioned one without a class
        >>> loss = unicl.fused_loss(images, texts, labels, logit_scale=10.0)
        >>> loss.backward()
        >>> round(loss.item(), 4), tuple(images.grad.shape)
        (2.9937, (3, 4))
    """
    _refuse_what_is_not_built(
        image_weight=image_weight is not None,
        text_weight=text_weight is not None,
        label_smoothing=label_smoothing != 0,
        overlap=overlap != "cosine",
        exclude_self=exclude_self,
        extra_text_features=extra_text_features is not None,
        extra_text_labels=extra_text_labels is not None,
        reduction=reduction == "none",
        group=group is not None,
        deterministic=not deterministic,
    )
    check_choice("direction", direction, _DIRECTIONS)
    check_choice("reduction", reduction, ("mean", "none"))
    check_choice("backend", backend, ("auto", "reference", "tiled"))
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"chunk_size must be at least 1, or None to choose; got {chunk_size}")
    check_features("image_features", image_features)
    check_features("text_features", text_features)
    kind = image_features.device.type
    image_features, text_features = _autocast(image_features, kind), _autocast(text_features, kind)
    check_same_kind("text_features", text_features, like=image_features)
    scale = scale_tensor(logit_scale, image_features)
    image_labels, text_labels = _labels(image_features, text_features, image_labels, text_labels)
    for name, features in (("image_features", image_features), ("text_features", text_features)):
        if readable(features):
            check_unit_rows(name, features, normalize=normalize)
    if normalize:
        image_features, text_features = unit_rows(image_features, dim=1), unit_rows(text_features, dim=1)
    to_text, to_image = direction != "text_to_image", direction != "image_to_text"
    if backend == "reference":
        row_loss, column_loss, row_counts, column_counts = reference_losses(
            image_features, text_features, image_labels, text_labels, scale
        )
    else:
        targets = (
            match_pairs(image_features.shape[0], device=image_features.device)
            if image_labels is None or text_labels is None
            else match_labels(image_labels, text_labels)
        )
        problem = Problem(
            image=image_features,
            text=text_features,
            extra=None,
            scale=scale,
            targets=targets,
            to_text=to_text,
            to_image=to_image,
            chunk_size=chunk_size,
        )
        row_loss, column_loss = tiled_losses(problem)
        row_counts, column_counts = targets.image_count > 0, targets.text_count > 0
    directions = []
    if to_text:
        directions.append(_weighted_mean(row_loss, row_counts.to(row_loss.dtype)))
    if to_image:
        directions.append(_weighted_mean(column_loss, column_counts.to(column_loss.dtype)))
    return torch.stack(directions).mean()


def _labels(image: Tensor, text: Tensor, image_labels: Any, text_labels: Any) -> tuple[Tensor | None, Tensor | None]:
    rows, columns, device = image.shape[0], text.shape[0], image.device
    if image_labels is None and text_labels is not None:
        raise ValueError("text_labels was given without image_labels; give both, or image_labels alone to share them")
    if text_labels is None and rows != columns:
        kind = "without labels" if image_labels is None else "without text_labels"
        raise ValueError(
            f"{kind}, image i belongs to text i, which needs as many images as texts; got {rows} and {columns}: "
            "pass image_labels and text_labels"
        )
    if image_labels is None:
        return None, None
    of_images = label_tensor("image_labels", image_labels, rows=rows, of="image_features", device=device)
    if text_labels is None:
        return of_images, of_images
    return of_images, label_tensor("text_labels", text_labels, rows=columns, of="text_features", device=device)


def _weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    total = weights.sum()
    return torch.dot(weights, losses) / torch.where(total > 0, total, 1.0)


def _autocast(features: Tensor, kind: str) -> Tensor:
    """The features in the dtype that a matmul would take them in under autocast."""
    if features.dtype != torch.float64 and torch.is_autocast_enabled(kind):
        return features.to(torch.get_autocast_dtype(kind))
    return features


def _refuse_what_is_not_built(**given: bool) -> None:
    for name, is_given in given.items():
        if is_given:
            raise NotImplementedError(f"{name} is not built yet; leave it at its default")
