"""The labels of a call, read once: pairs, integers, or sets.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, cast

import torch
from torch import Tensor

from unicl.loss.checks import check_sets, label_tensor
from unicl.loss.targets.overlap import count_meetings
from unicl.loss.reference import dense_overlaps, dense_targets
from unicl.loss.targets.sets import is_sets
from unicl.loss.targets.match import Targets, match_labels, match_pairs, match_sets

__all__ = ["Labels", "read_labels"]


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What says which pairs are positive.

    Attributes:
        kind: "pairs", "integers" or "sets".
        image: None for pairs; integers (b,) or sets.
        text: None for pairs; integers (m,) or sets.
        extra: Integers (k,) or sets; None if no extra text is a positive.
        overlap: "cosine" or "any", for sets.
    """

    kind: Literal["pairs", "integers", "sets"]
    image: Any = None
    text: Any = None
    extra: Any = None
    overlap: Literal["cosine", "any"] = "cosine"

    def targets(
        self, image: Tensor, text: Tensor, *, exclude_self: bool, backend: str, own_texts: slice | None = None
    ) -> Targets:
        """The positives as vectors, for the backend "tiled" or "triton"."""
        if self.kind == "pairs":
            return match_pairs(image.shape[0], device=image.device, exclude_self=exclude_self)
        if self.kind == "integers":
            return match_labels(self.image, self.text, self.extra, exclude_self=exclude_self, own_texts=own_texts)
        like = text.new_empty((), dtype=torch.promote_types(text.dtype, torch.float32))
        return match_sets(
            self.image,
            self.text,
            self.extra,
            overlap=self.overlap,
            exclude_self=exclude_self,
            own_texts=own_texts,
            like=like,
            # A count of its own, since that of the tiles waits for a GPU.
            count=import_module("unicl.loss.kernels").count_meetings if backend == "triton" else count_meetings,
        )

    def dense(self, image: Tensor, text: Tensor, extra: Tensor | None) -> Tensor:
        """The positives as a matrix, shape (b, m + k), for the reference."""
        if self.kind == "pairs":
            none = torch.full((image.shape[0],), -1, device=image.device)
            q = dense_targets(none, none)
        elif self.kind == "integers":
            q = dense_targets(self.image, self.text, self.extra)
        else:
            q = dense_overlaps(self.image, self.text, self.extra, overlap=self.overlap, like=image)
        missing = text.shape[0] + (0 if extra is None else extra.shape[0]) - q.shape[1]
        return torch.nn.functional.pad(q, (0, missing))


def read_labels(
    image: Tensor,
    text: Tensor,
    extra: Tensor | None,
    image_labels: Any,
    text_labels: Any,
    extra_labels: Any,
    *,
    overlap: str,
) -> Labels:
    """Checks the labels of a call against its features."""
    rows, columns = image.shape[0], text.shape[0]
    if image_labels is None and text_labels is not None:
        raise ValueError("text_labels was given without image_labels; give both, or image_labels alone to share them")
    if image_labels is None and extra_labels is not None:
        raise ValueError("extra_text_labels was given without image_labels, so nothing could equal them; give both")
    if extra is None and extra_labels is not None:
        raise ValueError("extra_text_labels was given without extra_text_features; give both")
    if text_labels is None and rows != columns:
        kind = "without labels" if image_labels is None else "without text_labels"
        raise ValueError(
            f"{kind}, image i belongs to text i, which needs as many images as texts; got {rows} and {columns}: "
            "pass image_labels and text_labels"
        )
    if image_labels is None:
        return Labels(kind="pairs")
    given = {"image": image_labels, "text": image_labels if text_labels is None else text_labels, "extra": extra_labels}
    sets = [is_sets(labels) for labels in given.values() if labels is not None]
    if any(sets) and not all(sets):
        raise TypeError(
            "image, text and extra labels must be of one kind, all integers or all LabelSets; got both: "
            "LabelSets.from_lists([[label] if label >= 0 else [] for label in labels]) makes sets of integers"
        )
    sizes = {"image": image, "text": text, "extra": extra}
    for side, labels in given.items():
        if labels is None:
            continue
        name, of = (f"{side}{'_text' if side == 'extra' else ''}_{what}" for what in ("labels", "features"))
        size = cast("Tensor", sizes[side]).shape[0]
        if all(sets):
            check_sets(name, labels, rows=size, of=of)
        else:
            given[side] = label_tensor(name, labels, rows=size, of=of, device=image.device)
    return Labels(kind="sets" if all(sets) else "integers", **given, overlap=cast('Literal["cosine", "any"]', overlap))
