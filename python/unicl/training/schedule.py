"""The schedule of the learning rate: a linear warm-up, then a cosine."""

from __future__ import annotations

import math


def warmup_cosine(step: int, *, steps: int, warmup: int) -> float:
    """Gives the share of the peak learning rate at a step.

    It rises in a line over ``warmup`` steps, then falls along half a cosine to 0 at ``steps``.

    Example:
        >>> [round(warmup_cosine(step, steps=10, warmup=2), 2) for step in (0, 1, 2, 6, 9)]
        [0.5, 1.0, 1.0, 0.5, 0.04]
    """
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))
