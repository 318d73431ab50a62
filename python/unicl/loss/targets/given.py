"""Reads and checks the labels of a call: pairs, integers, or sets.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeAlias, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from unicl.labels import LabelSetsLike
from unicl.loss.checks import is_shape, is_transformed, readable, short
from unicl.loss.targets.match import Targets, match_labels, match_pairs, match_sets
from unicl.loss.targets.sets import Overlap, is_sets, send

__all__ = ["GivenLabels", "Labels", "read_labels"]

#: One integer, or one set of labels, for each row. ``unicl.LabelSets`` are sets.
Labels: TypeAlias = Int[Tensor, " _"] | NDArray[np.integer[Any]] | Sequence[int] | LabelSetsLike

_SCALE = ": pass the scale by name, logit_scale="
_SHIFT = "shift hashes of 64 bits by one bit, labels >> 1, and pass them as int64"
_INTEGERS = (
    *(torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.uint8, torch.uint16, torch.uint32, torch.uint64),
)


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
        is_counted: bool = True,
        own_texts: slice | None = None,
    ) -> Targets:
        """Gives the positives as vectors, for the tiles of a backend.

        Args:
            image: The image features.
            text: The text features.
            overlap: How two sets are compared.
            exclude_self: Whether i = j is no positive.
            is_counted: Whether the sums of q are wanted. A backend that counts them itself also takes labels as
                they are.
            own_texts: The texts that belong to these images; None for all.
        """
        if self.kind == "pairs" and not is_counted:
            return Targets(kind="pairs", image_count=None, text_count=None)
        if self.kind == "pairs":
            return match_pairs(image.shape[0], device=image.device, exclude_self=exclude_self)
        if self.kind == "integers":
            integers = cast("tuple[Tensor, Tensor, Tensor | None]", (self.image, self.text, self.extra))
            if not is_counted:
                parts = [[] if labels is None else [labels.contiguous()] for labels in integers]
                if integers[1] is integers[0]:
                    parts[1] = parts[0]
                image_part, text_part, extra_part = parts
                return Targets(
                    kind="integers",
                    image=image_part,
                    text=text_part,
                    extra=extra_part,
                    image_count=None,
                    text_count=None,
                )
            return match_labels(*integers, exclude_self=exclude_self, own_texts=own_texts)
        sets = cast("tuple[LabelSetsLike, LabelSetsLike, LabelSetsLike | None]", (self.image, self.text, self.extra))
        like = text.new_empty((), dtype=torch.promote_types(text.dtype, torch.float32))
        return match_sets(
            *sets,
            overlap=overlap,
            exclude_self=exclude_self,
            own_texts=own_texts,
            like=like,
            is_counted=is_counted,
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
    if text_labels is None or text_labels is image_labels:
        read[1] = read[0]  # the same object: one sort serves both
    if isinstance(read[0], Tensor) and isinstance(read[1], Tensor):
        _check_own_texts(read[0], read[1])
    on_device = [
        send(labels, image.device) if isinstance(labels, Tensor) and labels.device != image.device else labels
        for labels in read
    ]
    if read[1] is read[0]:
        on_device[1] = on_device[0]
    elif isinstance(on_device[0], Tensor) and isinstance(on_device[1], Tensor) and on_device[0].is_cuda:
        _assert_own_texts(on_device[0], on_device[1])
    kind: Literal["sets", "integers"] = "sets" if all(sets) else "integers"
    return GivenLabels(kind=kind, image=on_device[0], text=on_device[1], extra=on_device[2])


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
    """Gives integer labels as an int64 tensor of shape (rows,)."""
    tensor = labels if isinstance(labels, Tensor) else _from_array(name, labels)
    if tensor.dim() == 2 and tensor.shape[0] == rows and tensor.shape[1] > 1:
        raise TypeError(
            f"expected one integer for each row in {name}; got shape {tuple(tensor.shape)}: "
            "for multi-hot labels, pass unicl.LabelSets.from_multi_hot(labels)"
        )
    if tensor.dtype == torch.bool:
        raise TypeError(
            f"expected integers in {name}; got bool: pass two classes as 0 and 1, "
            "and multi-hot rows as unicl.LabelSets.from_multi_hot(labels)"
        )
    if tensor.dtype not in _INTEGERS:
        hint = _SCALE if tensor.numel() == 1 and tensor.is_floating_point() else ""
        raise TypeError(f"expected integers in {name}; got {short(tensor.dtype)}{hint}")
    if tensor.dim() != 1 or tensor.shape[0] != rows:
        raise ValueError(
            f"expected {name} with one label for each row of {of}, shape ({rows},); got {tuple(tensor.shape)}"
        )
    if isinstance(labels, Tensor) and tensor.device != device:
        raise ValueError(f"expected {name} on the features' device {device}; got {tensor.device}: move them")
    if tensor.dtype == torch.uint64:
        # From 2**63 on they would wrap to labels below 0. Only the host can look.
        if not readable(tensor):
            raise TypeError(f"expected integers below 2**63 in {name}; got uint64: {_SHIFT}")
        if bool((wrapped := tensor.view(torch.int64)).lt(0).any()):
            _refuse_large(name, int(wrapped[wrapped < 0][0]) + 2**64)
    return tensor.long()


def _from_array(name: str, labels: Any) -> Tensor:
    is_array = hasattr(labels, "__array__") and not isinstance(labels, np.generic)
    if not (is_array or isinstance(labels, Sequence)) or isinstance(labels, str):
        hint = _SCALE if isinstance(labels, float) else ""
        raise TypeError(f"expected {name} as a tensor or array of integers; got {type(labels).__name__}{hint}")
    if not is_array and any(isinstance(row, (list, tuple, np.ndarray, Tensor)) and np.ndim(row) for row in labels):
        raise TypeError(
            f"expected one integer for each row in {name}; got lists: use unicl.LabelSets.from_lists for lists of ids, "
            "and unicl.LabelSets.from_multi_hot for rows of 0 and 1"
        )
    array = np.asarray(labels)
    if array.dtype.kind in "fO" and not is_array:
        for label in labels:
            if isinstance(label, (int, np.integer)) and int(label) >= 2**63:
                _refuse_large(name, int(label))
    if array.dtype.kind in "OUST":
        got = type(array.flat[0]).__name__ if array.dtype.kind == "O" and array.size else array.dtype
        raise TypeError(
            f"expected integers in {name}; got {got}: give each name an id, as "
            "unicl.LabelVocabulary.from_names(names).id(name) does"
        )
    if array.dtype.kind not in "iufb":
        raise TypeError(f"expected integers in {name}; got {array.dtype}")
    if array.dtype == np.uint64 and array.size and (largest := int(array.max())) >= 2**63:
        _refuse_large(name, largest)
    return torch.tensor(array if array.dtype.kind in "fb" else array.astype(np.int64), device="cpu")


def _refuse_large(name: str, label: int) -> NoReturn:
    raise ValueError(f"expected integers below 2**63 in {name}; got {label}: {_SHIFT}")


def _check_own_texts(image: Tensor, text: Tensor) -> None:
    """Refuses an image without a class whose own text has one: nothing at all would be its positive.

    Such a batch is most often one whose texts are in another order than its images.
    """
    if image is text or not (readable(image) and readable(text)):
        return
    of_images, of_texts = image < 0, text < 0
    both = min(len(of_images), len(of_texts))
    lost = (of_images[:both] & ~of_texts[:both]).nonzero()
    if lost.numel():
        row = int(lost[0])
        raise ValueError(
            f"expected text {row} without a class, as image {row} has none (a label below 0) and belongs to it "
            f"alone; text {row} has one: put the texts of such images at the places of their images, or give an image "
            "without a text a class that no text has"
        )


def _assert_own_texts(image: Tensor, text: Tensor) -> None:
    """Makes the same check on the labels' device, without waiting for it: the device stops at the wrong batch."""
    if torch.compiler.is_compiling() or any(is_shape(labels) or is_transformed(labels) for labels in (image, text)):
        return
    both = min(len(image), len(text))
    fits = ((image[:both] >= 0) | (text[:both] < 0)).all()
    torch._assert_async(
        fits,
        "expected each image without a class (a label below 0) to have a text without one at its place; "
        "got a text with a class: put the texts of such images at the places of their images",
    )


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
    if labels.dtype == np.uint64 and labels.size and (largest := int(labels.max())) >= 2**63:
        _refuse_large(name, largest)
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
