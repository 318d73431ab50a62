"""Reads and checks the labels of a call: pairs, integers, or sets.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from unicl.labels import LabelSetsLike
from unicl.loss.checks import short
from unicl.loss.targets.match import CountMeetings, Targets, match_labels, match_pairs, match_sets
from unicl.loss.targets.sets import Overlap, is_sets, send

__all__ = ["GivenLabels", "Labels", "read_labels"]

#: One integer, or one set of labels, for each row. ``unicl.LabelSets`` are sets.
Labels: TypeAlias = Int[Tensor, " _"] | NDArray[np.integer[Any]] | Sequence[int] | LabelSetsLike

_SCALE = ": pass the scale by name, logit_scale="


@dataclass(frozen=True, kw_only=True)
class GivenLabels:
    """The labels of a call, checked.

    Attributes:
        kind: "pairs", "integers" or "sets".
        image: None for pairs; integers (b,) or sets.
        text: None for pairs; integers (m,) or sets.
        extra: Integers (k,) or sets; None if no extra text is a positive.
    """

    kind: Literal["pairs", "integers", "sets"]
    image: Tensor | LabelSetsLike | None = None
    text: Tensor | LabelSetsLike | None = None
    extra: Tensor | LabelSetsLike | None = None

    def targets(
        self,
        image: Float[Tensor, "b d"],
        text: Float[Tensor, "m d"],
        *,
        overlap: Overlap,
        exclude_self: bool,
        count_meetings: CountMeetings,
        own_texts: slice | None = None,
    ) -> Targets:
        """Gives the positives as vectors, for the tiles of a backend.

        Args:
            image: The image features.
            text: The text features.
            overlap: How two sets are compared.
            exclude_self: Whether i = j is no positive.
            count_meetings: The count of the backend: the one for tiles waits for a GPU.
            own_texts: The texts that belong to these images; None for all.
        """
        if self.kind == "pairs":
            return match_pairs(image.shape[0], device=image.device, exclude_self=exclude_self)
        if self.kind == "integers":
            integers = cast("tuple[Tensor, Tensor, Tensor | None]", (self.image, self.text, self.extra))
            return match_labels(*integers, exclude_self=exclude_self, own_texts=own_texts)
        sets = cast("tuple[LabelSetsLike, LabelSetsLike, LabelSetsLike | None]", (self.image, self.text, self.extra))
        like = text.new_empty((), dtype=torch.promote_types(text.dtype, torch.float32))
        return match_sets(
            *sets,
            overlap=overlap,
            exclude_self=exclude_self,
            own_texts=own_texts,
            like=like,
            count=count_meetings,
        )


def read_labels(
    image: Float[Tensor, "b d"],
    text: Float[Tensor, "m d"],
    extra: Float[Tensor, "k d"] | None,
    image_labels: Labels | None,
    text_labels: Labels | None,
    extra_labels: Labels | None,
) -> GivenLabels:
    """Checks the labels of a call against its features."""
    _check_presence(image, text, extra, image_labels, text_labels, extra_labels)
    if image_labels is None:
        return GivenLabels(kind="pairs")
    given = (
        ("image_labels", image_labels, "image_features", image),
        ("text_labels", image_labels if text_labels is None else text_labels, "text_features", text),
        ("extra_text_labels", extra_labels, "extra_text_features", extra),
    )
    sets = [is_sets(labels) for _, labels, _, _ in given if labels is not None]
    if any(sets) and not all(sets):
        raise TypeError(
            "expected image, text and extra labels of one kind, all integers or all LabelSets; got both: "
            "LabelSets.from_lists([[label] if label >= 0 else [] for label in labels]) makes sets of integers"
        )
    read: list[Tensor | LabelSetsLike | None] = []
    for name, labels, of, features in given:
        if labels is None or features is None:
            read.append(None)
        elif is_sets(labels):
            _check_sets(name, labels, rows=features.shape[0], of=of)
            read.append(labels)
        else:
            read.append(_label_tensor(name, labels, rows=features.shape[0], of=of, device=image.device))
    return GivenLabels(kind="sets" if all(sets) else "integers", image=read[0], text=read[1], extra=read[2])


def _check_presence(
    image: Tensor, text: Tensor, extra: Tensor | None, image_labels: object, text_labels: object, extra_labels: object
) -> None:
    rows, columns = image.shape[0], text.shape[0]
    if image_labels is None and text_labels is not None:
        raise ValueError("expected image_labels with text_labels; got text_labels alone: pass both or image_labels")
    if image_labels is None and extra_labels is not None:
        raise ValueError("expected image_labels with extra_text_labels; got extra_text_labels alone: pass both")
    if extra is None and extra_labels is not None:
        raise ValueError("expected extra_text_features with extra_text_labels; got the labels alone: pass both")
    if text_labels is None and rows != columns:
        missing = "labels" if image_labels is None else "text_labels"
        raise ValueError(
            f"expected as many images as texts without {missing}, as image i then belongs to text i; "
            f"got {rows} and {columns}: pass image_labels and text_labels"
        )


def _label_tensor(name: str, labels: object, *, rows: int, of: str, device: torch.device) -> Int[Tensor, " rows"]:
    """Gives integer labels as a tensor of shape (rows,) on ``device``."""
    tensor = labels if isinstance(labels, Tensor) else _from_array(name, labels, device)
    if tensor.dtype not in (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8):
        hint = _SCALE if tensor.numel() == 1 and tensor.is_floating_point() else ""
        raise TypeError(f"expected integers in {name}; got {short(tensor.dtype)}{hint}")
    if tensor.dim() != 1 or tensor.shape[0] != rows:
        raise ValueError(
            f"expected {name} with one label for each row of {of}, shape ({rows},); got {tuple(tensor.shape)}"
        )
    if tensor.device != device:
        raise ValueError(f"expected {name} on the features' device {device}; got {tensor.device}: move them")
    return tensor


def _from_array(name: str, labels: object, device: torch.device) -> Tensor:
    if not isinstance(labels, (np.ndarray, Sequence)) or isinstance(labels, str):
        hint = _SCALE if isinstance(labels, float) else ""
        raise TypeError(f"expected {name} as a tensor or array of integers; got {type(labels).__name__}{hint}")
    if not isinstance(labels, np.ndarray) and any(isinstance(row, (list, tuple, np.ndarray)) for row in labels):
        raise TypeError(f"expected one integer for each row in {name}; got lists: use unicl.LabelSets.from_lists")
    array = np.asarray(labels)
    if array.dtype.kind not in "iu":
        raise TypeError(f"expected integers in {name}; got {array.dtype}")
    return send(torch.from_numpy(array.astype(np.int64)), device)


def _check_sets(name: str, sets: LabelSetsLike, *, rows: int, of: str) -> None:
    """Refuses sets of another number than the features' rows, with bad offsets, or with bad labels or weights."""
    labels, offsets = np.asarray(sets.indices), np.asarray(sets.offsets)
    if labels.dtype.kind not in "iu" or offsets.dtype.kind not in "iu":
        raise TypeError(f"expected integer indices and offsets in {name}; got {labels.dtype} and {offsets.dtype}")
    if offsets.shape != (rows + 1,):
        raise ValueError(f"expected {name} with one set for each row of {of}, {rows}; got {offsets.size - 1}")
    if offsets[0] != 0 or offsets[-1] != len(labels) or bool((np.diff(offsets) < 0).any()):
        raise ValueError(
            f"expected {name} with offsets that rise from 0 to {len(labels)}, the number of indices; "
            f"got {np.array2string(offsets, threshold=8)}"
        )
    if labels.size and int(labels.min()) < 0:
        raise ValueError(
            f"expected labels of at least 0 in {name}; got {int(labels.min())}: leave the set empty for no class"
        )
    if sets.weights is not None:
        weights = np.asarray(sets.weights)
        if weights.shape != labels.shape:
            raise ValueError(
                f"expected one finite weight of at least 0 for each of {len(labels)} indices in {name}; "
                f"got weights of shape {weights.shape}"
            )
        if not bool((np.isfinite(weights) & (weights >= 0)).all()):
            bad = weights[~(np.isfinite(weights) & (weights >= 0))][0]
            raise ValueError(
                f"expected one finite weight of at least 0 for each of {len(labels)} indices in {name}; got {bad}"
            )
