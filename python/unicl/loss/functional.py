"""``fused_loss``: the checks, and one dispatch to a backend.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts, ``d`` width.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal, cast, overload

import torch
from torch import Tensor
from torch.nn.functional import normalize as unit_rows

from unicl.loss.checks import (
    check_choice,
    check_features,
    check_same_kind,
    check_unit_rows,
    check_weight,
    readable,
    scale_tensor,
)
from unicl.loss.over_ranks.operators import distributed_losses, sum_over_ranks
from unicl.loss.targets.given import Labels, read_labels
from unicl.loss.operators import tiled_losses
from unicl.loss.over_ranks.collectives import check_group
from unicl.loss.reference import reference_losses
from unicl.loss.tiled.tile import Problem

__all__ = ["fused_loss"]


@overload
def fused_loss(
    image_features: Tensor,
    text_features: Tensor,
    image_labels: Any = ...,
    text_labels: Any = ...,
    logit_scale: float | Tensor = ...,
    *,
    image_weight: Tensor | None = ...,
    text_weight: Tensor | None = ...,
    label_smoothing: float = ...,
    overlap: str = ...,
    direction: str = ...,
    exclude_self: bool = ...,
    extra_text_features: Tensor | None = ...,
    extra_text_labels: Any = ...,
    normalize: bool = ...,
    reduction: Literal["mean"] = ...,
    group: Any = ...,
    backend: str = ...,
    chunk_size: int | None = ...,
    deterministic: bool = ...,
) -> Tensor: ...
@overload
def fused_loss(
    image_features: Tensor,
    text_features: Tensor,
    image_labels: Any = ...,
    text_labels: Any = ...,
    logit_scale: float | Tensor = ...,
    *,
    image_weight: Tensor | None = ...,
    text_weight: Tensor | None = ...,
    label_smoothing: float = ...,
    overlap: str = ...,
    direction: str = ...,
    exclude_self: bool = ...,
    extra_text_features: Tensor | None = ...,
    extra_text_labels: Any = ...,
    normalize: bool = ...,
    reduction: Literal["none"],
    group: Any = ...,
    backend: str = ...,
    chunk_size: int | None = ...,
    deterministic: bool = ...,
) -> tuple[Tensor, Tensor]: ...
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
) -> Tensor | tuple[Tensor, Tensor]:
    """The contrastive loss whose positives are all pairs of equal label, in nats, without a large b x m matrix.

    L = (L_image_to_text + L_text_to_image) / 2, where L_image_to_text is the mean over images of the cross-entropy
    between the softmax over all texts and the uniform distribution over the texts with the image's label, and
    L_text_to_image is the same with the sides swapped. Without labels this is the loss of CLIP. (The paper writes the
    sum of the two; the mean is what its pseudo-code and CLIP use.)

    Surprising, perhaps: a row without any positive is left out of the mean (it still is a negative of others), and a
    batch without any positive has loss 0 and zero gradients. Nothing is positive merely because it sits at i = j,
    except where both sides have no label.

    Values (norms, NaN, the scale, weights) are checked on the CPU only, and not under torch.compile: on a GPU the check
    would make the host wait. Half-precision features are compared in float32, and the loss is returned in float32.

    Source: Yang et al., "Unified Contrastive Learning in Image-Text-Label Space", CVPR 2022, arXiv 2204.03610, eqs.
        2-4.

    Args:
        image_features: Shape (b, d), rows of norm 1 (within 0.01), any floating dtype.
        text_features: Shape (m, d), rows of norm 1, the same dtype and device.
        image_labels: Shape (b,), integers; equal labels are positives. A label below 0 means "no class": image i and
            text i, both below 0, are positive with each other and nothing else. Or ``LabelSets``: see ``overlap``.
            None, with text_labels also None: pairs, needs b = m.
        text_labels: Shape (m,), of the kind of image_labels. None, with image_labels given: text i has the labels of
            image i, needs b = m.
        logit_scale: Factor on the cosines, positive: a number, or a tensor of one element that may require a gradient.
            Neither its logarithm (CLIP's parameter: pass its ``exp()``) nor the temperature (pass 1 / temperature).
        image_weight: Shape (b,), at least 0: the mean over images becomes a weighted mean.
        text_weight: Shape (m,), at least 0: the same for texts.
        label_smoothing: In [0, 1): this much of every target is spread evenly over all columns (of what is not
            excluded), as in torch's cross_entropy.
        overlap: How positive two ``LabelSets`` are: "cosine" of their weight vectors, or "any" (1 where they meet). Two
            empty sets are positive at i = j only.
        direction: "both", "image_to_text" (rows only: softmax over class embeddings), or "text_to_image".
        exclude_self: Take i = j out of targets and softmax, for SupCon, where both sides are the same set. Needs b = m.
        extra_text_features: Shape (k, d), further texts (a queue, a bank) that only images are compared with; they get
            no gradient.
        extra_text_labels: Shape (k,), of the kind of image_labels; None, or below 0, or an empty set: negatives only.
        normalize: Divide every row by its norm first.
        reduction: "mean", or "none" for the two vectors of row losses.
        group: A ``torch.distributed`` process group: every rank passes its own rows (at least one, and the same
            kind of labels), which are compared with those of all ranks. The mean over ranks of what they return is the
            loss of the joined batch, and under DistributedDataParallel every parameter gets its gradient. Extra texts
            are those of the rank.
        backend: "tiled" (plain torch, any device), "triton" (CUDA kernels; not yet run on a GPU, only interpreted and
            compiled ahead of time), "reference" (the equation; b x m in memory), or "auto", which is "tiled".
        chunk_size: Rows of logits held at a time by the tiled backend; None chooses.
        deterministic: Results are bitwise the same from run to run. False lets the triton backend time a few tile
            shapes the first time that it meets a kind of problem, and keep the fastest, so that sums may be in another
            order in another process. (No GPU has timed them yet.) The other backends are the same with either.

    Returns:
        Shape (), float32 (float64 for float64 features), differentiable in the features and the scale. With
        ``reduction="none"``: the unweighted losses of the images, shape (b,), and of the texts, shape (m,), 0 where a
        row has no positive or its direction is not wanted.

    Raises:
        ValueError: A shape, length, device or value is wrong; the message names it.
        TypeError: A dtype or type is wrong.

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
    check_choice("overlap", overlap, ("cosine", "any"))
    check_choice("direction", direction, ("both", "image_to_text", "text_to_image"))
    check_choice("reduction", reduction, ("mean", "none"))
    check_choice("backend", backend, ("auto", "reference", "tiled", "triton"))
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing must be in [0, 1); got {label_smoothing}")
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"chunk_size must be at least 1, or None to choose; got {chunk_size}")
    image, text, extra = _read_features(image_features, text_features, extra_text_features, normalize=normalize)
    if backend == "triton":
        import_module("unicl.loss.kernels").check_device(image)
    if exclude_self and image.shape[0] != text.shape[0]:
        raise ValueError(
            f"exclude_self compares a set with itself, which needs as many images as texts; got {image.shape[0]} and "
            f"{text.shape[0]}"
        )
    scale = scale_tensor(logit_scale, image)
    labels = read_labels(image, text, extra, image_labels, text_labels, extra_text_labels, overlap=overlap)
    row_weight, column_weight = (
        None if weight is None else check_weight(f"{side}_weight", weight, rows=len(of), of=f"{side}_features", like=of)
        for side, weight, of in (("image", image_weight, image), ("text", text_weight, text))
    )
    if group is not None:
        check_group(group)
        if backend == "reference":
            raise ValueError("backend='reference' knows one process only; use 'auto' or 'tiled' with a group")
    row_loss, column_loss, row_has, column_has = _row_losses(
        image,
        text,
        extra,
        scale,
        labels,
        label_smoothing,
        direction,
        backend,
        chunk_size,
        group,
        exclude_self=exclude_self,
        deterministic=deterministic,
    )
    if reduction == "none":
        return row_loss, column_loss
    means = []
    if direction != "text_to_image":
        means.append(_weighted_mean(row_loss, row_has, row_weight, group))
    if direction != "image_to_text":
        means.append(_weighted_mean(column_loss, column_has, column_weight, group))
    return torch.stack(means).mean()


def _read_features(
    image: Tensor, text: Tensor, extra: Tensor | None, *, normalize: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The features, checked, in the dtype of the comparison and normalised if asked."""
    check_features("image_features", image)
    kind = image.device.type
    read: list[Tensor] = []
    for name, given in (("image_features", image), ("text_features", text), ("extra_text_features", extra)):
        if given is None and name == "extra_text_features":
            return read[0], read[1], None
        check_features(name, given)
        features = cast("Tensor", given)
        if features.dtype != torch.float64 and torch.is_autocast_enabled(kind):
            # As a matmul under autocast would take them.
            features = features.to(torch.get_autocast_dtype(kind))
        check_same_kind(name, features, like=read[0] if read else features)
        if readable(features):
            check_unit_rows(name, features, normalize=normalize)
        read.append(unit_rows(features, dim=1) if normalize else features)
    return read[0], read[1], read[2].detach()


def _row_losses(
    image: Tensor,
    text: Tensor,
    extra: Tensor | None,
    scale: Tensor,
    labels: Labels,
    label_smoothing: float,
    direction: str,
    backend: str,
    chunk_size: int | None,
    group: Any,
    *,
    exclude_self: bool,
    deterministic: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Losses of the images and of the texts, and which of them have a positive."""
    to_text, to_image = direction != "text_to_image", direction != "image_to_text"
    if backend == "reference":
        rows, columns, row_has, column_has = reference_losses(
            image,
            text,
            scale,
            labels.dense(image, text, extra),
            label_smoothing=label_smoothing,
            exclude_self=exclude_self,
            extra_text_features=extra,
        )
        return rows * to_text, columns * to_image, row_has, column_has
    modes: dict[str, Any] = {
        "label_smoothing": label_smoothing,
        "exclude_self": exclude_self,
        "to_text": to_text,
        "to_image": to_image,
        "chunk_size": chunk_size,
        "backend": "triton" if backend == "triton" else "tiled",
        "deterministic": deterministic,
    }
    if group is not None:
        return distributed_losses(image, text, extra, scale, labels, group, **modes)
    targets = labels.targets(image, text, exclude_self=exclude_self, backend=modes["backend"])
    problem = Problem(image=image, text=text, extra=extra, scale=scale, targets=targets, **modes)
    return *tiled_losses(problem), targets.image_count > 0, targets.text_count > 0


def _weighted_mean(losses: Tensor, has_positive: Tensor, weight: Tensor | None, group: Any) -> Tensor:
    weights = has_positive.to(losses.dtype) if weight is None else weight * has_positive
    total = weights.sum()
    if group is not None:
        # The mean over ranks of these is the mean over the joined batch.
        total = sum_over_ranks(total.detach(), group.group_name) / group.size()
    return torch.dot(weights, losses) / torch.where(total > 0, total, 1.0)
