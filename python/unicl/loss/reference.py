"""The equation of the loss, written as it is printed: the judge of every faster path.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts, ``d`` width. Memory is b x (m + k), several times over.

UniCL (Yang et al., CVPR 2022, arXiv 2204.03610, equations 2 to 4), with targets and weights generalised as
docs/loss.md says.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["dense_targets", "reference_losses"]


def reference_losses(
    image_features: Tensor,
    text_features: Tensor,
    image_labels: Tensor | None,
    text_labels: Tensor | None,
    logit_scale: Tensor,
    *,
    label_smoothing: float = 0.0,
    exclude_self: bool = False,
    extra_text_features: Tensor | None = None,
    extra_text_labels: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Row losses (b,), column losses (m,), and which rows and columns have a positive; differentiable to any order.

    Half-precision features are computed in float32.

    Example:
        >>> eye = torch.eye(2)
        >>> rows, columns, _, _ = reference_losses(eye, eye, None, None, torch.tensor(1.0))
        >>> rows
        tensor([0.3133, 0.3133])
    """
    dtype = torch.promote_types(image_features.dtype, torch.float32)
    image, text = image_features.to(dtype), text_features.to(dtype)
    candidates = text if extra_text_features is None else torch.cat([text, extra_text_features.detach().to(dtype)])
    z = logit_scale.to(dtype) * (image @ candidates.T)
    q = dense_targets(
        image_labels,
        text_labels,
        rows=image.shape[0],
        columns=text.shape[0],
        device=image.device,
        extra_text_labels=extra_text_labels,
        extras=candidates.shape[0] - text.shape[0],
    ).to(dtype)
    kept = torch.ones_like(q, dtype=torch.bool)
    if exclude_self:
        kept[: text.shape[0], : image.shape[0]].fill_diagonal_(fill_value=0)
    columns = text.shape[0]
    rows_out = _losses(z, q, kept, label_smoothing)
    columns_out = _losses(z[:, :columns].T, q[:, :columns].T, kept[:, :columns].T, label_smoothing)
    return rows_out[0], columns_out[0], rows_out[1], columns_out[1]


def dense_targets(
    image_labels: Tensor | None,
    text_labels: Tensor | None,
    *,
    rows: int,
    columns: int,
    device: torch.device,
    extra_text_labels: Tensor | None = None,
    extras: int = 0,
) -> Tensor:
    """q, shape (b, m + k), bool: equal labels match; below 0, or without labels, only i = j.

    Example:
        >>> labels = torch.tensor([5, 5, -1])
        >>> dense_targets(labels, labels, rows=3, columns=3, device=labels.device).int()
        tensor([[1, 1, 0],
                [1, 1, 0],
                [0, 0, 1]], dtype=torch.int32)
    """
    none = torch.full((max(rows, columns, extras),), -1, device=device)
    image_labels = none[:rows] if image_labels is None else image_labels
    text_labels = none[:columns] if text_labels is None else text_labels
    extra_text_labels = none[:extras] if extra_text_labels is None else extra_text_labels
    every_text = torch.cat([text_labels, extra_text_labels])
    equal = (image_labels[:, None] == every_text[None, :]) & (image_labels[:, None] >= 0)
    index = torch.arange(rows, device=device)[:, None] == torch.arange(columns + extras, device=device)[None, :]
    unlabelled = (image_labels[:, None] < 0) & (every_text[None, :] < 0)
    unlabelled[:, columns:] = False
    return equal | (index & unlabelled)


def _losses(z: Tensor, q: Tensor, kept: Tensor, label_smoothing: float) -> tuple[Tensor, Tensor]:
    """Cross-entropy of every row of z against its normalised targets; 0 for a row without a positive."""
    q = q * kept
    has_positive = q.sum(1) > 0
    target = q / q.sum(1, keepdim=True).clamp_min(1e-30)
    target = (1 - label_smoothing) * target + label_smoothing * kept / kept.sum(1, keepdim=True).clamp_min(1)
    # A finite stand-in for -inf keeps gradients of rows with nothing left free of NaN.
    log_probability = z.masked_fill(~kept, -1e30).log_softmax(1)
    cross_entropy = -(target * log_probability).masked_fill(~kept, 0.0).sum(1)
    return torch.where(has_positive, cross_entropy, 0.0), has_positive
