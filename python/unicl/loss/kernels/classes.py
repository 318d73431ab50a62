"""Numbers the classes of integer labels, for kernels that compare them in every tile, and counts positives.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts.

Labels have 64 bits, and a tile of comparisons in 64 bits takes twice the registers. The number of a class is the place
of its first text, or m plus the place of its first extra text: 32 bits, exactly, and without a sort. It costs a
comparison of all pairs of labels, which is little beside a product of d numbers for each.
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from unicl.loss.problem import Problem

__all__ = ["Classes", "classes_kernel", "number_classes"]

# A class that no other row has. Labels are at least 0, and the classes of unlabelled rows lie just below.
_NEVER = tl.constexpr(-(1 << 62))
_IMAGES, _TEXTS, _EXTRA = (tl.constexpr(side) for side in range(3))
_ROWS, _OTHERS = 32, 64


@triton.jit
def _codes(label_ptr, rows, n, first_pair, paired, SIDE: tl.constexpr):
    """Gives labels or, of an unlabelled image, a class for it and its own text."""
    label = tl.load(label_ptr + rows, rows < n, -1).to(tl.int64)
    own = -1 - rows.to(tl.int64)
    if SIDE == _IMAGES:
        own = tl.where(rows < paired, own - first_pair, _NEVER)
    if SIDE == _EXTRA:
        own = own * 0 + (_NEVER + 1)
    code = tl.where(label < 0, own, label)
    # Rows past the end are in no class.
    return tl.where(rows < n, code, _NEVER + 2 + SIDE)


@triton.jit
def classes_kernel(
    own_ptr,
    image_ptr,
    text_ptr,
    extra_ptr,
    class_ptr,
    count_ptr,
    n,
    b,
    m,
    k,
    first_pair,
    paired,
    SIDE: tl.constexpr,
    EXCLUDE: tl.constexpr,
    ROWS: tl.constexpr,
    OTHERS: tl.constexpr,
):
    """Stores the class of each row of a side, and the number of its positives unless it is an extra text."""
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    code = _codes(own_ptr, rows, n, first_pair, paired, SIDE)
    first = tl.full((ROWS,), 2147483647, dtype=tl.int32)
    count = tl.zeros((ROWS,), dtype=tl.float32)
    for start in range(0, m, OTHERS):
        others = start + tl.arange(0, OTHERS)
        equal = code[:, None] == _codes(text_ptr, others, m, first_pair, paired, _TEXTS)[None, :]
        first = tl.minimum(first, tl.min(tl.where(equal, others[None, :], 2147483647), 1))
        if SIDE == _IMAGES:
            if EXCLUDE:
                equal = equal & (rows[:, None] + first_pair != others[None, :])
            count += tl.sum(equal.to(tl.float32), 1)
    if SIDE != _TEXTS:
        for start in range(0, k, OTHERS):
            others = start + tl.arange(0, OTHERS)
            equal = code[:, None] == _codes(extra_ptr, others, k, first_pair, paired, _EXTRA)[None, :]
            # An unlabelled extra text meets none, not even another.
            equal = equal & (code != _NEVER + 1)[:, None]
            first = tl.minimum(first, tl.min(tl.where(equal, m + others[None, :], 2147483647), 1))
            count += tl.sum(equal.to(tl.float32), 1)
    else:
        for start in range(0, b, OTHERS):
            others = start + tl.arange(0, OTHERS)
            equal = code[:, None] == _codes(image_ptr, others, b, first_pair, paired, _IMAGES)[None, :]
            if EXCLUDE:
                equal = equal & (rows[:, None] != others[None, :] + first_pair)
            count += tl.sum(equal.to(tl.float32), 1)
    # Classes without a text are negative, and unlike on the two sides.
    tl.store(class_ptr + rows, tl.where(first < 2147483647, first, -1 - SIDE), rows < n)
    if SIDE != _EXTRA:
        tl.store(count_ptr + rows, count.to(tl.float64), rows < n)


class Classes(NamedTuple):
    """The classes of images, texts and extra texts, int32, and the positives of images and texts, float64."""

    image: Tensor
    texts: Sequence[Tensor]
    image_count: Tensor
    text_count: Tensor


def number_classes(problem: Problem, paired: int) -> Classes:
    """Gives the classes of the integer labels of a call, and counts its positives."""
    targets, device = problem.targets, problem.image.device
    image, text = targets.image[0], targets.text[0]
    # Extra texts are positives of images only if rows are wanted.
    extra = targets.extra[0] if targets.extra and problem.modes.to_text else None
    sides = [(image, _IMAGES), (text, _TEXTS)]
    if extra is not None:
        sides.append((extra, _EXTRA))
    classes, counts = [], []
    for labels, side in sides:
        n = labels.shape[0]
        classes.append(torch.empty(n, dtype=torch.int32, device=device))
        counts.append(torch.empty(n, dtype=torch.float64, device=device) if side != _EXTRA else classes[-1])
        classes_kernel[(triton.cdiv(n, _ROWS),)](
            labels,
            image,
            text,
            text if extra is None else extra,
            classes[-1],
            counts[-1],
            n,
            image.shape[0],
            text.shape[0],
            0 if extra is None else extra.shape[0],
            problem.first_pair,
            paired,
            SIDE=side.value,
            EXCLUDE=problem.modes.exclude_self,
            ROWS=_ROWS,
            OTHERS=_OTHERS,
            num_warps=4,
        )
    return Classes(image=classes[0], texts=classes[1:], image_count=counts[0], text_count=counts[1])
