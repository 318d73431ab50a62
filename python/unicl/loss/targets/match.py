"""Keeps the positives of a batch as vectors, and never as a matrix.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts.

Equal labels are a positive pair. A label below 0 means "no class": image ``i`` and text ``i`` are then positive with
each other and with nothing else. Both rules become one comparison once every row has a *class*. Rows with a label
share the class of that label. The pair ``i`` of unlabelled rows gets a class of its own. The overlap of sets of labels
is in overlap.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unicl.loss.targets.overlap import count_meetings, overlap_tile
from unicl.loss.targets.sets import Overlap, read_sets, send, sums_of_cosines, to_device

if TYPE_CHECKING:
    from unicl.labels import LabelSetsLike

__all__ = ["Kind", "Targets", "match_labels", "match_pairs", "match_sets"]

Kind = Literal["pairs", "classes", "integers", "cosine", "any"]

# float32 holds every integer up to here. Comparing floats costs a ninth of comparing int64 on a CPU (0.05 and 0.47 ns
# an element, AVX-512).
_EXACT_IN_FLOAT32 = 1 << 24


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The positives of a batch, q_ij >= 0, from which any tile of q can be made.

    Attributes:
        kind: "pairs" (q is the identity), "classes" (q_ij = 1 where classes are equal), "integers" (labels as they were
            given), or the overlap of label sets, "cosine" or "any".
        image: Nothing for pairs; the class of each image, shape (b,), an integer held in a float; its label; or the
            labels, offsets and weights of the images' sets.
        text: The same for the texts.
        extra: The same for the extra texts; empty if none of them is a positive of anything.
        image_count: sum_j q_ij. None if the backend counts them itself.
        text_count: sum_i q_ij, or None.
    """

    kind: Kind
    image: Sequence[Tensor] = field(default=())
    text: Sequence[Tensor] = field(default=())
    extra: Sequence[Tensor] = field(default=())
    image_count: Float[Tensor, " b"] | None
    text_count: Float[Tensor, " m"] | None

    def counts(self) -> tuple[Float[Tensor, " b"], Float[Tensor, " m"]]:
        """Gives the sums of q of images and of texts."""
        return cast("Tensor", self.image_count), cast("Tensor", self.text_count)

    def for_tiles(self, own_texts: slice) -> Targets:
        """Gives the same targets with classes in the place of integers, for ``tile``."""
        if self.kind != "integers":
            return self
        extra = self.extra[0] if self.extra else None
        matched = match_labels(self.image[0], self.text[0], extra, own_texts=own_texts)
        return replace(matched, image_count=self.image_count, text_count=self.text_count)

    def tile(
        self, rows: slice, columns: slice, out: Float[Tensor, "rows columns"], *, is_extra: bool
    ) -> Float[Tensor, "rows columns"] | None:
        """Makes q of one tile in ``out``; gives None where q is known to be 0. Not for pairs."""
        others = self.extra if is_extra else self.text
        if not others:
            return None
        if self.kind == "classes":
            return torch.eq(self.image[0][rows, None], others[0][None, columns], out=out)
        return overlap_tile(self.image, rows, others, columns, out, binary=self.kind == "any")


def match_pairs(rows: int, *, device: torch.device, exclude_self: bool = False) -> Targets:
    """Gives the targets of CLIP: image i and text i, and nothing else.

    Args:
        rows: Number of images and of texts, b = m.
        device: The device of the vectors.
        exclude_self: Takes i = j out of the positives; none is then left.

    Example:
        >>> match_pairs(3, device=torch.device("cpu")).image_count
        tensor([1., 1., 1.])
    """
    count = torch.full((rows,), 0.0 if exclude_self else 1.0, device=device)
    return Targets(kind="pairs", image_count=count, text_count=count)


def match_labels(
    image_labels: Int[Tensor, " b"],
    text_labels: Int[Tensor, " m"],
    extra_labels: Int[Tensor, " k"] | None = None,
    *,
    exclude_self: bool = False,
    own_texts: slice | None = None,
) -> Targets:
    """Gives the targets of integer labels: equal labels match; below 0, only image i with text i.

    Sorting and searching give the classes and the counts. So no shape depends on the data, and the host never waits for
    a GPU.

    Args:
        image_labels: Any integers.
        text_labels: Any integers.
        extra_labels: Any integers; one below 0 matches nothing.
        exclude_self: Takes i = j out of the positives.
        own_texts: The texts that belong to these images, text ``own_texts.start + i`` to image i; None for all. The
            others are those of other ranks.

    Example:
        >>> match_labels(torch.tensor([7, 7, -1]), torch.tensor([7, 0, -1])).image_count
        tensor([1., 1., 1.])
    """
    rows, columns = image_labels.shape[0], text_labels.shape[0]
    own_texts = own_texts or slice(0, columns)
    text_code = _distinct_below_zero(text_labels, first=0)
    if image_labels is text_labels and extra_labels is None and own_texts == slice(0, columns):
        # One sort serves images and texts.
        classes, count = _ranks([text_code]), _count(text_code, text_code.sort().values)
        classes, image_code, image_count, text_count = classes * 2, text_code, count, count
    else:
        image_code = _distinct_below_zero(image_labels, first=own_texts.start)
        # An unlabelled image beyond the last of its texts must not meet the first text of the next rank.
        past = torch.arange(rows, device=image_code.device) >= own_texts.stop - own_texts.start
        image_code = torch.where((image_labels < 0) & past, image_code - columns - 1, image_code)
        codes, column_codes = [image_code, text_code], text_code
        if extra_labels is not None:
            # The codes of unlabelled extra texts lie below all others.
            extra_code = _distinct_below_zero(extra_labels, first=2 * (rows + columns) + 1)
            codes.append(extra_code)
            column_codes = torch.cat([text_code, extra_code])
        classes = _ranks(codes)
        image_count = _count(image_code, column_codes.sort().values)
        text_count = _count(text_code, image_code.sort().values)
    if exclude_self:
        own = (image_code == text_code[own_texts]).to(image_count.dtype)
        image_count, text_count = image_count - own, text_count.clone()
        text_count[own_texts] -= own
    return Targets(
        kind="classes",
        image=classes[:1],
        text=classes[1:2],
        extra=classes[2:],
        image_count=image_count,
        text_count=text_count,
    )


def match_sets(
    image_sets: LabelSetsLike,
    text_sets: LabelSetsLike,
    extra_sets: LabelSetsLike | None = None,
    *,
    overlap: Overlap,
    exclude_self: bool = False,
    own_texts: slice | None = None,
    like: Tensor,
    is_counted: bool = True,
) -> Targets:
    """Gives the targets of sets of labels: q_ij is the cosine of the weight vectors, or 1 where the sets meet.

    Two empty sets match at i = j only, as two labels below 0 do.

    Args:
        image_sets: One set for each image.
        text_sets: One set for each text.
        extra_sets: One set for each extra text; an empty one matches nothing.
        overlap: "cosine" or "any".
        exclude_self: Takes i = j out of the positives.
        own_texts: The texts that belong to these images; None for all.
        like: Gives the device, and the dtype of the weights.
        is_counted: Whether the sums of q are wanted.

    Example:
        >>> from types import SimpleNamespace
        >>> import numpy as np
        >>> sets = SimpleNamespace(indices=np.array([3, 5, 5]), offsets=np.array([0, 2, 3, 3]), weights=None)
        >>> match_sets(sets, sets, overlap="any", like=torch.ones(())).image_count
        tensor([2., 2., 1.], dtype=torch.float64)
    """
    columns = len(np.asarray(text_sets.offsets)) - 1
    own = own_texts or slice(0, columns)
    given, codes = [image_sets, text_sets], [range(own.start, own.stop), range(columns)]
    if extra_sets is not None:
        given.append(extra_sets)
        codes.append(range(0))
    images, texts, *extras = every = read_sets(given, codes, dtype=like.dtype)
    image, text, extra = (*(to_device(sets, like=like) for sets in every), ())[:3]
    if not is_counted:
        return Targets(kind=overlap, image=image, text=text, extra=extra, image_count=None, text_count=None)
    if overlap == "any":
        image_count, text_count = count_meetings(image, text, extra, excluded=own.start if exclude_self else None)
    else:
        partners = (texts, images) if exclude_self else (None, None)
        of_images = sums_of_cosines(images, [texts, *extras], partners=partners[0], first_partner=own.start)
        of_texts = sums_of_cosines(texts, [images], partners=partners[1], first_partner=-own.start)
        image_count, text_count = send(of_images, like.device), send(of_texts, like.device)
    return Targets(kind=overlap, image=image, text=text, extra=extra, image_count=image_count, text_count=text_count)


def _distinct_below_zero(labels: Tensor, *, first: int) -> Tensor:
    own = -1 - first - torch.arange(labels.shape[0], device=labels.device)
    return torch.where(labels < 0, own, labels.long())


def _ranks(codes: list[Tensor]) -> list[Tensor]:
    """Gives the rank of each code among all, in a float that holds it exactly."""
    every_code = torch.cat(codes).sort().values
    exact = torch.float32 if every_code.shape[0] < _EXACT_IN_FLOAT32 else torch.float64
    return [torch.searchsorted(every_code, code).to(exact) for code in codes]


def _count(codes: Tensor, sorted_codes: Tensor) -> Tensor:
    after = torch.searchsorted(sorted_codes, codes, right=True)
    return (after - torch.searchsorted(sorted_codes, codes)).float()
