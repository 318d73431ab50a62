"""``fused_loss`` and ``row_losses``: the arguments are checked, and a backend computes the losses.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts, ``d`` width.
"""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Never, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize as unit_rows

from unicl.loss.backends import backend_for, backend_named
from unicl.loss.checks import (
    check_choice,
    check_features,
    check_same_kind,
    check_unit_rows,
    check_weight,
    is_shape,
    is_transformed,
    readable,
    refuse_unknown,
    scale_tensor,
    warn,
)
from unicl.loss.modes import BackendName, DirectionName, LossModes
from unicl.loss.operators import contrastive_losses
from unicl.loss.over_ranks.collectives import Group, read_group
from unicl.loss.over_ranks.operators import distributed_losses, sum_over_ranks
from unicl.loss.problem import Problem
from unicl.loss.reference import dense_labels, reference_losses
from unicl.loss.targets.given import GivenLabels, Labels, read_labels
from unicl.loss.targets.match import Targets
from unicl.loss.targets.sets import Overlap

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

__all__ = ["INSTEAD", "Call", "fused_loss", "mean_loss", "read_call", "row_losses"]

#: Options of other losses, and what to do instead.
INSTEAD = {
    **dict.fromkeys(("temperature", "tau"), "pass logit_scale=1 / temperature"),
    **dict.fromkeys(("labels", "targets"), "pass image_labels, and text_labels where they differ"),
    "logit_bias": "leave it out, as a constant added to all logits cancels in a softmax",
}


def fused_loss(
    image_features: Float[Tensor, "b d"],
    text_features: Float[Tensor, "m d"],
    image_labels: Labels | None = None,
    text_labels: Labels | None = None,
    logit_scale: float | Float[Tensor, ""] = 1 / 0.07,
    *,
    image_weight: Float[Tensor, " b"] | None = None,
    text_weight: Float[Tensor, " m"] | None = None,
    label_smoothing: float = 0.0,
    overlap: Overlap = "cosine",
    direction: DirectionName = "both",
    exclude_self: bool = False,
    extra_text_features: Float[Tensor, "k d"] | None = None,
    extra_text_labels: Labels | None = None,
    normalize: bool = False,
    group: Group = None,
    backend: BackendName = "auto",
    chunk_size: int | None = None,
    deterministic: bool = True,
    reduction: Literal["mean", "none"] = "mean",
    **unknown: Never,
) -> Float[Tensor, ""]:
    """Gives the contrastive loss whose positives are all pairs of equal label, without a large b x m matrix.

    L = (L_image_to_text + L_text_to_image) / 2, in nats. L_image_to_text is a mean over images. For each image it is
    the cross-entropy between the softmax over all texts and the uniform distribution over the texts with the image's
    label. L_text_to_image is the same with images and texts swapped. Without labels this is the loss of CLIP. (The
    paper writes the sum of the two; the mean is what its pseudo-code and CLIP use.)

    Three points may surprise. A row without any positive does not count in the mean, but remains a negative of others.
    A batch without any positive has loss 0 and zero gradients. No pair is positive merely because i = j, unless image
    and text both have no label.

    Values (norms, NaN, the scale, weights) are checked on the CPU only, and not under torch.compile: on a GPU the check
    would make the host wait. Half-precision features are compared in float32, and the loss is returned in float32.

    Source: Yang et al., "Unified Contrastive Learning in Image-Text-Label Space", CVPR 2022, arXiv 2204.03610, eqs.
        2-4.

    Args:
        image_features: Rows of norm 1 (within 0.01), any floating dtype.
        text_features: Rows of norm 1, of the same dtype and device.
        image_labels: One integer for each image; equal labels are positives. A label below 0 means "no class": image i
            and text i, both below 0, are positive with each other and nothing else. Or ``LabelSets``: see ``overlap``.
            None, with text_labels also None: pairs; needs b = m.
        text_labels: One for each text, of the kind of image_labels. None, with image_labels given: text i has the
            labels of image i; needs b = m.
        logit_scale: Factor on the cosines, positive: a number, or a tensor of one element that may require a gradient.
            It is neither its logarithm (CLIP's parameter: pass its ``exp()``) nor the temperature (pass
            1 / temperature).
        image_weight: At least 0; the mean over images becomes a weighted mean.
        text_weight: At least 0; the same for texts.
        label_smoothing: In [0, 1): this share of every target is spread evenly over all columns that are not excluded,
            as in torch's cross_entropy.
        overlap: How positive two ``LabelSets`` are: "cosine" of their weight vectors, or "any" (1 where they meet). Two
            empty sets are positive at i = j only.
        direction: "both", "image_to_text" (rows only: softmax over class embeddings), or "text_to_image".
        exclude_self: Take i = j out of targets and softmax, for SupCon, which compares one set with itself. Needs
            b = m.
        extra_text_features: Further texts (a queue, a bank) that only images are compared with. They get no gradient.
        extra_text_labels: One for each extra text, of the kind of image_labels. None, below 0, or an empty set:
            negatives only.
        normalize: Divide every row by its norm first.
        group: A ``torch.distributed`` process group, or "world": the processes that there are when the loss is called,
            which may be this one alone. (``torch.distributed.group.WORLD`` is None before ``init_process_group``.)
            Every rank passes its own rows (at least one, and the same kind
            of labels), which are compared with those of all ranks. The mean over ranks of the returned losses is the
            loss of the joined batch, and under DistributedDataParallel every parameter gets its gradient. Each rank
            has its own extra texts. Texts that all ranks have, such as class prompts, are to be shared out with
            :func:`unicl.loss.share_of_rank`.
        backend: "tiled" (plain torch, any device), "triton" (kernels for NVIDIA GPUs of compute capability 8.0 or
            above, features of at most 32 bits), or "reference" (the equation; b x m in memory). "auto" takes "triton"
            where it can, and "tiled" elsewhere. The kernels were measured on an H100 before they were rebuilt, and not
            since.
        chunk_size: Rows of logits held at a time; None chooses.
        deterministic: Results are bitwise the same from run to run. All backends do the same with either value.
        reduction: Deprecated. "none" gives the result of :func:`row_losses`, which is to be called instead.
        **unknown: Refused, with what to pass instead.

    Returns:
        One number, float32 (float64 for float64 features), differentiable in the features and the scale.

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
    refuse_unknown("fused_loss", unknown, INSTEAD)
    check_choice("reduction", reduction, ("mean", "none"))
    modes = LossModes(
        label_smoothing=label_smoothing,
        overlap=overlap,
        direction=direction,
        exclude_self=exclude_self,
        backend=backend,
        chunk_size=chunk_size,
        deterministic=deterministic,
    )
    call = read_call(
        image_features,
        text_features,
        image_labels,
        text_labels,
        logit_scale,
        extra_text_features,
        extra_text_labels,
        modes=modes,
        normalize=normalize,
        group=group,
    )
    if reduction == "none":
        warnings.warn("reduction='none' is deprecated: call unicl.row_losses", DeprecationWarning, stacklevel=2)
        # The type that callers of the deprecated form expect cannot be written without overloads.
        return cast("Tensor", _losses(call)[:2])
    return mean_loss(call, image_weight, text_weight)


def row_losses(
    image_features: Float[Tensor, "b d"],
    text_features: Float[Tensor, "m d"],
    image_labels: Labels | None = None,
    text_labels: Labels | None = None,
    logit_scale: float | Float[Tensor, ""] = 1 / 0.07,
    *,
    label_smoothing: float = 0.0,
    overlap: Overlap = "cosine",
    direction: DirectionName = "both",
    exclude_self: bool = False,
    extra_text_features: Float[Tensor, "k d"] | None = None,
    extra_text_labels: Labels | None = None,
    normalize: bool = False,
    group: Group = None,
    backend: BackendName = "auto",
    chunk_size: int | None = None,
    deterministic: bool = True,
    **unknown: Never,
) -> tuple[Float[Tensor, " b"], Float[Tensor, " m"]]:
    """Gives the loss of every image and of every text: the terms of :func:`fused_loss` before their means.

    The arguments are those of :func:`fused_loss`, without the weights of its means.

    Returns:
        The losses of the images and of the texts, in nats, unweighted. A loss is 0 where a row has no positive, or its
        direction is not wanted. Both are differentiable in the features and the scale.

    Raises:
        ValueError: As in :func:`fused_loss`.
        TypeError: As in :func:`fused_loss`.

    Example:
        >>> import torch
        >>> from unicl.loss import row_losses
        >>> of_images, of_texts = row_losses(torch.eye(2), torch.eye(2), [0, 1], [0, 5], logit_scale=1.0)
        >>> of_images, of_texts
        (tensor([0.3133, 0.0000]), tensor([0.3133, 0.0000]))
    """
    weights = dict.fromkeys(("image_weight", "text_weight"), "multiply the losses by it")
    refuse_unknown("row_losses", unknown, {**INSTEAD, **weights})
    modes = LossModes(
        label_smoothing=label_smoothing,
        overlap=overlap,
        direction=direction,
        exclude_self=exclude_self,
        backend=backend,
        chunk_size=chunk_size,
        deterministic=deterministic,
    )
    call = read_call(
        image_features,
        text_features,
        image_labels,
        text_labels,
        logit_scale,
        extra_text_features,
        extra_text_labels,
        modes=modes,
        normalize=normalize,
        group=group,
    )
    return _losses(call)[:2]


@dataclass(frozen=True, kw_only=True)
class Call:
    """The arguments of one call, checked, with the features in the dtype of the comparison.

    Attributes:
        image: Unit rows.
        text: Unit rows.
        extra: Unit rows without gradient, or None.
        scale: Positive.
        labels: The labels of images, texts and extra texts.
        modes: What stays the same from step to step.
        group: The process group, or None for this process alone.
    """

    image: Float[Tensor, "b d"]
    text: Float[Tensor, "m d"]
    extra: Float[Tensor, "k d"] | None
    scale: Float[Tensor, ""]
    labels: GivenLabels
    modes: LossModes
    group: ProcessGroup | None


def read_call(
    image_features: Tensor,
    text_features: Tensor,
    image_labels: Labels | None,
    text_labels: Labels | None,
    logit_scale: float | Tensor,
    extra_text_features: Tensor | None,
    extra_text_labels: Labels | None,
    *,
    modes: LossModes,
    normalize: bool,
    group: Group,
) -> Call:
    """Checks the arguments of a call against one another."""
    image = _read_features("image_features", image_features, like=None, normalize=normalize)
    text = _read_features("text_features", text_features, like=image, normalize=normalize)
    extra = None
    if extra_text_features is not None:
        extra = _read_features("extra_text_features", extra_text_features, like=image, normalize=normalize).detach()
    modes = replace(modes, backend=backend_for(modes.backend, image))
    backend_named(modes.backend).check_device(image)
    if modes.exclude_self and image.shape[0] != text.shape[0]:
        raise ValueError(
            "expected as many images as texts with exclude_self, which compares a set with itself; "
            f"got {image.shape[0]} and {text.shape[0]}"
        )
    scale = scale_tensor(logit_scale, image)
    labels = read_labels(image, text, extra, image_labels, text_labels, extra_text_labels)
    ranks = read_group(group)
    if ranks is not None and modes.backend == "reference":
        raise ValueError(
            "expected a backend for several processes with a group; got backend='reference': "
            "use backend='auto' or 'tiled'"
        )
    return Call(image=image, text=text, extra=extra, scale=scale, labels=labels, modes=modes, group=ranks)


def mean_loss(
    call: Call, image_weight: Float[Tensor, " b"] | None, text_weight: Float[Tensor, " m"] | None
) -> Float[Tensor, ""]:
    """Gives the mean of the wanted directions, each a weighted mean over its rows."""
    if image_weight is not None:
        image_weight = check_weight("image_weight", image_weight, of="image_features", like=call.image)
    if text_weight is not None:
        text_weight = check_weight("text_weight", text_weight, of="text_features", like=call.text)
    if _has_own_mean(call, image_weight, text_weight):
        from unicl.loss.kernels.mean import kernel_mean

        loss, counts = kernel_mean(_problem(call), image_weight, text_weight)
        if readable(counts) and not counts.any():
            _warn_without_positive()
        return loss
    row_loss, column_loss, row_has, column_has = _losses(call)
    means = []
    if call.modes.to_text:
        means.append(_weighted_mean(row_loss, row_has, image_weight, call.group))
    if call.modes.to_image:
        means.append(_weighted_mean(column_loss, column_has, text_weight, call.group))
    if call.group is None and readable(row_has) and not (row_has.any() or column_has.any()):
        _warn_without_positive()
    return torch.stack(means).mean()


def _has_own_mean(call: Call, image_weight: Tensor | None, text_weight: Tensor | None) -> bool:
    """Tells whether the backend computes the mean too, which saves launches."""
    return (
        call.modes.backend == "triton"
        and call.group is None
        and not any(weight is not None and weight.requires_grad for weight in (image_weight, text_weight))
        and not torch.compiler.is_compiling()
        and not is_shape(call.image)
        and not is_transformed(call.image, call.text, call.scale)
    )


def _warn_without_positive() -> None:
    warn(
        "expected a positive for some image or text; got none, so the loss is 0 and nothing is learnt: "
        "check that image_labels and text_labels are of one label space"
    )


def _read_features(name: str, given: Tensor, *, like: Tensor | None, normalize: bool) -> Float[Tensor, "rows d"]:
    """Gives features, checked, in the dtype of the comparison and normalised if asked."""
    check_features(name, given)
    if readable(given):
        check_unit_rows(name, given, normalize=normalize)
    features, kind = given, (given if like is None else like).device.type
    if normalize:
        features = _unit_rows(features)
    if given.dtype != torch.float64 and kind != "meta" and torch.is_autocast_enabled(kind):
        # As a matmul under autocast would take them.
        features = features.to(torch.get_autocast_dtype(kind))
    if like is not None:
        check_same_kind(name, features, like=like)
    return features


def _unit_rows(features: Float[Tensor, "rows d"]) -> Float[Tensor, "rows d"]:
    """Divides every row by its norm, whatever the norm: its square may leave the dtype. A row of zeros stays."""
    # As a factor cancels, so does its derivative.
    largest = features.detach().abs().amax(dim=1, keepdim=True)
    with torch.autocast(features.device.type, enabled=False) if features.device.type != "meta" else nullcontext():
        wide = features.to(torch.promote_types(features.dtype, torch.float32))
        return unit_rows(wide / torch.where(largest > 0, largest, 1), dim=1).to(features.dtype)


def _losses(call: Call) -> tuple[Float[Tensor, " b"], Float[Tensor, " m"], Bool[Tensor, " b"], Bool[Tensor, " m"]]:
    """Gives the losses of the images and of the texts, and which of them have a positive."""
    modes = call.modes
    is_transform = is_transformed(call.image, call.text, call.scale)
    if is_transform and call.group is not None:
        raise ValueError(
            "expected no transform of torch.func and no forward-mode derivative with a group; got one: "
            "use backward(), or group=None with backend='reference'"
        )
    # Operators have no rule for transforms; the equation in plain operations needs none.
    if modes.backend == "reference" or is_transform:
        rows, columns, row_has, column_has = reference_losses(
            call.image,
            call.text,
            call.scale,
            dense_labels(call.labels, call.image, call.text, call.extra, overlap=modes.overlap),
            label_smoothing=modes.label_smoothing,
            exclude_self=modes.exclude_self,
            extra_text_features=call.extra,
        )
        return rows * modes.to_text, columns * modes.to_image, row_has, column_has
    if call.group is not None:
        return distributed_losses(call.image, call.text, call.extra, call.scale, call.labels, modes, call.group)
    return contrastive_losses(_problem(call))


def _problem(call: Call) -> Problem:
    """Gives a call within one process as the backends take it."""
    modes = call.modes
    if is_shape(call.image) and call.labels.kind == "sets":
        # Sets are read on the host, and without values there is nothing to compare them with: any targets will do.
        targets = Targets(
            kind="pairs",
            image_count=call.image.new_ones(len(call.image)),
            text_count=call.text.new_ones(len(call.text)),
        )
    else:
        targets = call.labels.targets(
            call.image,
            call.text,
            overlap=modes.overlap,
            exclude_self=modes.exclude_self,
            is_counted=not backend_named(modes.backend).COUNTS,
        )
    return Problem(image=call.image, text=call.text, extra=call.extra, scale=call.scale, targets=targets, modes=modes)


def _weighted_mean(
    losses: Float[Tensor, " rows"],
    has_positive: Bool[Tensor, " rows"],
    weight: Float[Tensor, " rows"] | None,
    group: ProcessGroup | None,
) -> Float[Tensor, ""]:
    weights = has_positive.to(losses.dtype) if weight is None else weight * has_positive
    total = weights.sum()
    if group is not None:
        # The mean over ranks of these is the mean over the joined batch.
        total = sum_over_ranks(total.detach(), group.group_name) / group.size()
    return torch.dot(weights, losses) / torch.where(total > 0, total, 1.0)
