"""Counts values that occur again in bounded memory, by their hashes."""

from __future__ import annotations

import hashlib
from collections import Counter

from unicl.data.overview.content import Repeats

MOST_HASHES = 2**18
"""How many different values are compared. Beyond, only those whose hash ends in zero bits, so that a part stays."""
SHOWN = 3
_LONGEST = 200


class Repetitions:
    """Counts values by their hashes. Up to 262,144 different values the counts are exact; beyond, they are estimates.

    Example:
        >>> seen = Repetitions()
        >>> for text in ("a dog", "a cat", "a dog"):
        ...     seen.add(text.encode(), text)
        >>> seen.result().repeated, seen.result().most
        (1, (('a dog', 2),))
    """

    def __init__(self, most_hashes: int = MOST_HASHES) -> None:
        self._most, self._bits = most_hashes, 0
        self._counts: Counter[int] = Counter()
        self._names: dict[int, str] = {}
        self.values = 0

    def add(self, value: bytes, name: str) -> None:
        """Counts a value. The name shows it if it occurs again."""
        self.values += 1
        key = int.from_bytes(hashlib.blake2b(value, digest_size=8).digest())
        if not self._is_kept(key):
            return
        self._counts[key] += 1
        if self._counts[key] == 2:
            self._names[key] = name[:_LONGEST]
        self._shrink()

    def merge(self, other: Repetitions) -> None:
        """Adds the values of another source."""
        self.values += other.values
        self._bits = max(self._bits, other._bits)
        for key, count in other._counts.items():
            self._counts[key] += count
        self._names |= other._names
        self._drop()
        self._shrink()

    def result(self) -> Repeats:
        """Gives the counts so far."""
        compared = self._counts.total()
        share = 1 - len(self._counts) / compared if compared else 0.0
        most = [(key, count) for key, count in self._counts.most_common(SHOWN) if count > 1]
        return Repeats(
            values=self.values,
            repeated=round(share * self.values),
            exact=self._bits == 0,
            most=tuple((self._names.get(key, ""), count) for key, count in most),
        )

    def _is_kept(self, key: int) -> bool:
        return key & ((1 << self._bits) - 1) == 0

    def _shrink(self) -> None:
        while len(self._counts) > self._most:
            self._bits += 1
            self._drop()

    def _drop(self) -> None:
        if self._bits:
            self._counts = Counter({key: count for key, count in self._counts.items() if self._is_kept(key)})
            self._names = {key: name for key, name in self._names.items() if self._is_kept(key)}
