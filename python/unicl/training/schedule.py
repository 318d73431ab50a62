"""The learning rate over the steps."""

from __future__ import annotations

import math


def warmup_cosine(step: int, *, steps: int, warmup: int) -> float:
    """The share of the peak learning rate: a line up over ``warmup`` steps, then half a cosine down to 0 at ``steps``.

    Example:
        >>> [round(warmup_cosine(step, steps=10, warmup=2), 2) for step in (0, 1, 2, 6, 9)]
        [0.5, 1.0, 1.0, 0.5, 0.04]
    """
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))
