"""Which image is a positive of which text, kept as vectors and never as a matrix.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts, ``d`` width.

Equal labels are a positive pair. A label below 0 means "no class": image ``i`` and text ``i`` are then positive with
each other and with nothing else. Both rules become one comparison once every row has a *class*: rows with a label
share the class of that label, and the pair ``i`` of unlabelled rows gets a class of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Targets", "match_labels", "match_pairs"]

# float32 holds every integer up to here, and comparing floats costs a ninth of comparing int64 on a CPU (0.05 and 0.47
# ns an element, AVX-512).
_EXACT_IN_FLOAT32 = 1 << 24


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The positives of a batch: q_ij = 1 where the classes are equal, or where i = j if there are no classes.

    Attributes:
        image_class: Class of each image, shape (b,), an integer held in a float; None for pairs (q is the identity).
        text_class: Class of each text, shape (m,).
        extra_class: Class of each extra text, shape (k,), or None without extra texts.
        image_count: Number of positives of each image, sum_j q_ij, shape (b,).
        text_count: Number of positives of each text, sum_i q_ij, shape (m,).
    """

    image_class: Tensor | None
    text_class: Tensor | None
    extra_class: Tensor | None
    image_count: Tensor
    text_count: Tensor


def match_pairs(rows: int, *, device: torch.device, exclude_self: bool = False) -> Targets:
    """Targets of CLIP: image i and text i, and nothing else.

    Args:
        rows: Number of images and of texts, b = m.
        device: Where the vectors live.
        exclude_self: Takes i = j out, which leaves no positive at all.

    Example:
        >>> match_pairs(3, device=torch.device("cpu")).image_count
        tensor([1., 1., 1.])
    """
    count = torch.full((rows,), 0.0 if exclude_self else 1.0, device=device)
    return Targets(image_class=None, text_class=None, extra_class=None, image_count=count, text_count=count)


def match_labels(
    image_labels: Tensor, text_labels: Tensor, extra_labels: Tensor | None = None, *, exclude_self: bool = False
) -> Targets:
    """Targets of integer labels: equal labels match; below 0, only image i with text i.

    Sorting and searching give the classes and the counts, so nothing has a shape that depends on the data and a GPU is
    never waited for.

    Args:
        image_labels: Shape (b,), integer.
        text_labels: Shape (m,), integer.
        extra_labels: Shape (k,), integer; below 0 matches nothing.
        exclude_self: Takes i = j out of the positives.

    Example:
        >>> match_labels(torch.tensor([7, 7, -1]), torch.tensor([7, 0, -1])).image_count
        tensor([1., 1., 1.])
    """
    rows, columns = image_labels.shape[0], text_labels.shape[0]
    image_code = _distinct_below_zero(image_labels, first=0)
    text_code = _distinct_below_zero(text_labels, first=0)
    codes = [image_code, text_code]
    column_codes = text_code
    if extra_labels is not None:
        # Unlabelled images hold the codes down to -max(b, m); those of unlabelled extra texts start below them.
        extra_code = _distinct_below_zero(extra_labels, first=max(rows, columns))
        codes.append(extra_code)
        column_codes = torch.cat([text_code, extra_code])
    every_code = torch.cat(codes).sort().values
    exact = torch.float32 if every_code.shape[0] < _EXACT_IN_FLOAT32 else torch.float64
    classes = [torch.searchsorted(every_code, code).to(exact) for code in codes]
    image_count = _count(image_code, column_codes.sort().values)
    text_count = _count(text_code, image_code.sort().values)
    if exclude_self:
        own = (image_code == text_code).to(image_count.dtype)
        image_count, text_count = image_count - own, text_count - own
    return Targets(
        image_class=classes[0],
        text_class=classes[1],
        extra_class=classes[2] if extra_labels is not None else None,
        image_count=image_count,
        text_count=text_count,
    )


def _distinct_below_zero(labels: Tensor, *, first: int) -> Tensor:
    own = -1 - first - torch.arange(labels.shape[0], device=labels.device)
    return torch.where(labels < 0, own, labels.long())


def _count(codes: Tensor, sorted_codes: Tensor) -> Tensor:
    after = torch.searchsorted(sorted_codes, codes, right=True)
    return (after - torch.searchsorted(sorted_codes, codes)).float()
