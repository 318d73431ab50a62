"""Mixes sources smoothly by weight, as a formula: position -> source, and how often it was drawn before.

A binary tree has the sources as leaves. A node of weight W whose right child has weight w sends
floor((p w + W/2) / W) of its first p draws to the right: an evenly spaced pattern, as of Bresenham's line. So each
source is within one draw a level of its exact share, at every position.
"""

from __future__ import annotations

import math
from fractions import Fraction
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MAX_POSITION = 2**50
_MAX_TOTAL = 2**40
"""The weights of a mix add up to this at most. Weights that need more are rounded to this many parts."""


class Mix:
    """An endless mix of sources.

    Args:
        weights: One finite weight > 0 a source. Only their ratios count.

    Attributes:
        weights: The weights as integers without a common divisor.

    Raises:
        ValueError: There is no weight, or one is not finite, not positive, or too small beside the others.
    """

    def __init__(self, weights: Sequence[int | float | Fraction]) -> None:
        self.weights = _integers(weights)
        self._levels = (len(self.weights) - 1).bit_length()
        first_leaf = 1 << self._levels
        tree = [0] * first_leaf + self.weights + [0] * (first_leaf - len(self.weights))
        for node in range(first_leaf - 1, 0, -1):
            tree[node] = tree[2 * node] + tree[2 * node + 1]
        self._tree = tree
        self._nodes = np.array(tree, dtype=np.int64)

    def split(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Gives the source at each position < 2^50, and how many draws of that source come before."""
        node, draws = np.ones_like(positions), positions
        for _ in range(self._levels):
            whole, part = self._nodes[node], self._nodes[2 * node + 1]
            before, rest = _divide(draws, part, whole)
            is_right = rest + part >= whole
            draws = np.where(is_right, before, draws - before)
            node = 2 * node + is_right
        return node - (1 << self._levels), draws

    def count(self, source: int, position: int) -> int:
        """Gives how many draws of a source come before a position."""
        for node in reversed(self._path(source)):
            whole = self._tree[node >> 1]
            right = (position * self._tree[node | 1] + whole // 2) // whole
            position = right if node & 1 else position - right
        return position

    def position(self, source: int, draw: int) -> int:
        """Gives the position of a draw of a source, both counted from 0: the inverse of :meth:`count`."""
        for node in self._path(source):
            whole, part = self._tree[node >> 1], self._tree[node]
            reached = draw * whole + whole // 2
            if node & 1:  # the first p with (p + 1) part + whole // 2 >= (draw + 1) whole
                reached = (draw + 1) * whole - whole // 2 - 1
            draw = reached // part  # on the left: the first p with (p + 1) part - whole // 2 > draw whole
        return draw

    def _path(self, source: int) -> list[int]:
        """The nodes from a source up to the root, without the root."""
        leaf = (1 << self._levels) + source
        return [leaf >> level for level in range(self._levels)]


def budget_weights(
    lengths: Sequence[int], kinds: Sequence[str], budgets: Mapping[str, int | float | Fraction]
) -> list[Fraction]:
    """Divides budgets among sources: each kind of source gets its share, and each row of a kind the same.

    Args:
        lengths: The number of rows of each source.
        kinds: The kind of each source, such as ``"image-label"``.
        budgets: The share of each kind; only the ratios count.

    Returns:
        The weights for :class:`unicl.data.SampleOrder`, exact, with the sum 1.

    Raises:
        ValueError: A source has no budget, a budget has no source, or a number is not positive.

    Example:
        >>> kinds = ["image-label", "image-text", "image-text"]
        >>> weights = budget_weights([1000, 300, 100], kinds, {"image-label": 0.5, "image-text": 0.5})
        >>> [str(weight) for weight in weights]
        ['1/2', '3/8', '1/8']
    """
    if len(lengths) != len(kinds):
        raise ValueError(f"expected one kind a source; got {len(lengths)} sources and {len(kinds)} kinds")
    if set(kinds) != set(budgets):
        raise ValueError(
            f"expected a budget for each kind of source, and no other; "
            f"got the kinds {sorted(set(kinds))} and budgets for {sorted(budgets)}"
        )
    rows = [_positive("length", source, length) for source, length in enumerate(lengths)]
    shares = {kind: _positive("budget", kind, share) for kind, share in budgets.items()}
    totals = {kind: sum(length for length, of in zip(rows, kinds, strict=True) if of == kind) for kind in shares}
    whole = sum(shares.values())
    return [shares[kind] / whole * length / totals[kind] for length, kind in zip(rows, kinds, strict=True)]


def _divide(
    draws: NDArray[np.int64], part: NDArray[np.int64], whole: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divides ``draws * part + whole // 2`` by ``whole``, exactly, although the product can pass 64 bits.

    The quotient in double precision is off by one at most below 2^50. The remainder is exact modulo 2^64.
    """
    quotient = np.floor(draws * (part / whole) + 0.5).astype(np.int64)
    rest = draws * part + whole // 2 - quotient * whole
    slip = (rest >= whole).astype(np.int64) - (rest < 0)
    return quotient + slip, rest - slip * whole


def _integers(weights: Sequence[int | float | Fraction]) -> list[int]:
    """Gives weights as integers: exact where their sum allows it."""
    if not len(weights):
        raise ValueError("expected at least one source; got none")
    exact = [_positive("weight", source, weight) for source, weight in enumerate(weights)]
    scale = math.lcm(*(weight.denominator for weight in exact))
    integers = [int(weight * scale) for weight in exact]
    divisor = math.gcd(*integers)
    integers = [weight // divisor for weight in integers]
    if (total := sum(integers)) > _MAX_TOTAL:
        integers = [round(Fraction(weight * _MAX_TOTAL, total)) for weight in integers]
        if 0 in integers:
            source = integers.index(0)
            raise ValueError(
                f"expected weights that differ by a factor of 10^12 at most; "
                f"source {source} has {weights[source]}: leave the source out"
            )
    return integers


def _positive(name: str, of: object, number: int | float | Fraction) -> Fraction:
    """Gives a number as an exact fraction."""
    try:
        exact = (
            number
            if isinstance(number, Fraction)
            else Fraction(int(number) if isinstance(number, Integral) else float(number))
        )
    except (OverflowError, ValueError):  # infinite, or not a number
        exact = Fraction(0)
    if exact <= 0:
        remedy = "" if name == "budget" else ": leave the source out"
        raise ValueError(f"expected every {name} finite and > 0; got {number} for {of!r}{remedy}")
    return exact
