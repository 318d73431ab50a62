"""The equation of the loss, written as it is printed: the judge of every faster path.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts, ``d`` width. It holds several matrices of size b x (m + k).

Source: UniCL (Yang et al., CVPR 2022, arXiv 2204.03610, equations 2 to 4). docs/loss.md explains how targets and
weights are generalised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Bool, Float, Int, Num
from torch import Tensor

from unicl.loss.targets.given import GivenLabels
from unicl.loss.targets.sets import Overlap

if TYPE_CHECKING:
    from unicl.labels import LabelSetsLike

__all__ = ["dense_labels", "dense_overlaps", "dense_targets", "reference_losses"]


def reference_losses(
    image_features: Float[Tensor, "b d"],
    text_features: Float[Tensor, "m d"],
    logit_scale: Float[Tensor, ""],
    targets: Num[Tensor, "b columns"] | Bool[Tensor, "b columns"],
    *,
    label_smoothing: float = 0.0,
    exclude_self: bool = False,
    extra_text_features: Float[Tensor, "k d"] | None = None,
) -> tuple[Float[Tensor, " b"], Float[Tensor, " m"], Bool[Tensor, " b"], Bool[Tensor, " m"]]:
    """Gives row losses, column losses, and which rows and columns have a positive; differentiable to any order.

    Half-precision features are computed in float32.

    Args:
        image_features: Unit rows.
        text_features: Unit rows.
        logit_scale: Factor on the cosines.
        targets: q, with m + k columns, from ``dense_labels``, ``dense_targets`` or ``dense_overlaps``.
        label_smoothing: In [0, 1).
        exclude_self: Takes i = j out of targets and softmax.
        extra_text_features: Further columns that only images see, without gradient.

    Example:
        >>> eye = torch.eye(2)
        >>> rows, columns, _, _ = reference_losses(eye, eye, torch.tensor(1.0), eye.bool())
        >>> rows
        tensor([0.3133, 0.3133])
    """
    dtype = torch.promote_types(image_features.dtype, torch.float32)
    image, text = image_features.to(dtype), text_features.to(dtype)
    candidates = text if extra_text_features is None else torch.cat([text, extra_text_features.detach().to(dtype)])
    z = logit_scale.to(dtype) * (image @ candidates.T)
    kept = torch.ones_like(targets, dtype=torch.bool)
    if exclude_self:
        kept.fill_diagonal_(fill_value=0)
    columns, q = text.shape[0], targets.to(dtype)
    row_loss, row_has = _losses(z, q, kept, label_smoothing)
    column_loss, column_has = _losses(z[:, :columns].T, q[:, :columns].T, kept[:, :columns].T, label_smoothing)
    return row_loss, column_loss, row_has, column_has


def dense_labels(
    labels: GivenLabels,
    image: Float[Tensor, "b d"],
    text: Float[Tensor, "m d"],
    extra: Float[Tensor, "k d"] | None,
    *,
    overlap: Overlap,
) -> Num[Tensor, "b columns"] | Bool[Tensor, "b columns"]:
    """Gives the positives of a call as a matrix, shape (b, m + k)."""
    if labels.kind == "pairs":
        none = torch.full((image.shape[0],), -1, device=image.device)
        q = dense_targets(none, none)
    elif labels.kind == "integers":
        q = dense_targets(*cast("tuple[Tensor, Tensor, Tensor | None]", (labels.image, labels.text, labels.extra)))
    else:
        sets = (labels.image, labels.text, labels.extra)
        q = dense_overlaps(
            *cast("tuple[LabelSetsLike, LabelSetsLike, LabelSetsLike | None]", sets), overlap=overlap, like=image
        )
    missing = text.shape[0] + (0 if extra is None else extra.shape[0]) - q.shape[1]
    return torch.nn.functional.pad(q, (0, missing))


def dense_targets(
    image_labels: Int[Tensor, " b"], text_labels: Int[Tensor, " m"], extra_labels: Int[Tensor, " k"] | None = None
) -> Bool[Tensor, "b columns"]:
    """Gives q for integer labels, shape (b, m + k): equal labels match; below 0, image i and text i.

    Example:
        >>> labels = torch.tensor([5, 5, -1])
        >>> dense_targets(labels, labels).int()
        tensor([[1, 1, 0],
                [1, 1, 0],
                [0, 0, 1]], dtype=torch.int32)
    """
    columns = text_labels.shape[0]
    every_text = text_labels if extra_labels is None else torch.cat([text_labels, extra_labels])
    equal = (image_labels[:, None] == every_text) & (image_labels[:, None] >= 0)
    unlabelled = (image_labels[:, None] < 0) & (every_text < 0) & torch.ones_like(equal).tril().triu()
    unlabelled[:, columns:] = False
    return equal | unlabelled


def dense_overlaps(
    image_sets: LabelSetsLike,
    text_sets: LabelSetsLike,
    extra_sets: LabelSetsLike | None = None,
    *,
    overlap: Overlap,
    like: Tensor,
) -> Float[Tensor, "b columns"]:
    """Gives q for sets of labels, shape (b, m + k): the cosine of the weight vectors, or ("any") 1 where they meet."""
    given = [sets for sets in (image_sets, text_sets, extra_sets) if sets is not None]
    known = torch.cat([torch.as_tensor(sets.indices).long() for sets in given]).unique()  # type: ignore[no-untyped-call]
    image, text, *extra = (_dense(sets, known) for sets in given)
    every_text = torch.cat([text, *extra])
    q = torch.nn.functional.normalize(image, dim=1) @ torch.nn.functional.normalize(every_text, dim=1).T
    if overlap == "any":
        q = (q > 0).double()
    empty = (image == 0).all(1)[:, None] & (every_text == 0).all(1) & torch.ones_like(q).bool().tril().triu()
    empty[:, text.shape[0] :] = False
    return (q + empty).to(like.device)


def _dense(sets: LabelSetsLike, known: Int[Tensor, " labels"]) -> Float[Tensor, "rows labels"]:
    """Gives the weights of these labels as a matrix, float64."""
    labels, offsets = torch.as_tensor(sets.indices).long(), torch.as_tensor(sets.offsets).long()
    weights = torch.ones(labels.shape[0]) if sets.weights is None else torch.as_tensor(sets.weights)
    rows = torch.repeat_interleave(offsets.diff())
    return torch.zeros(offsets.shape[0] - 1, len(known), dtype=torch.float64).index_put_(
        (rows, torch.searchsorted(known, labels)), weights.double(), accumulate=True
    )


def _losses(
    z: Float[Tensor, "rows columns"],
    q: Float[Tensor, "rows columns"],
    kept: Bool[Tensor, "rows columns"],
    label_smoothing: float,
) -> tuple[Float[Tensor, " rows"], Bool[Tensor, " rows"]]:
    """Gives the cross-entropy of every row of z with its normalised targets; 0 for a row without a positive."""
    q = q * kept
    has_positive = q.sum(1) > 0
    target = q / q.sum(1, keepdim=True).clamp_min(1e-30)
    target = (1 - label_smoothing) * target + label_smoothing * kept.to(z.dtype) / kept.sum(1, keepdim=True).clamp_min(
        1
    )
    # A finite stand-in for -inf keeps gradients of rows with nothing left free of NaN.
    log_probability = z.masked_fill(~kept, -1e30).log_softmax(1)
    cross_entropy = -(target * log_probability).masked_fill(~kept, 0.0).sum(1)
    return torch.where(has_positive, cross_entropy, 0.0), has_positive
