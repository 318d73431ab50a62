"""Rows that were left out: counted by reason, the first of each named, and an error past a limit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that gives no sample.

    Attributes:
        row: Its line in the file, from 1.
        reason: What it is counted under.
        detail: The values behind the reason.
    """

    row: int
    reason: str
    detail: str


class SkippedRows:
    """The bad rows of one file. A row counts once, however often it is met.

    Args:
        source: The file's name, for messages.
        max_bad_fraction: The largest share of the rows that may be bad, in [0, 1].

    Attributes:
        total: The rows of the file, good and bad; whoever reads the file sets it.

    Raises:
        ValueError: ``max_bad_fraction`` is not in [0, 1].

    Example:
        >>> skipped = SkippedRows("captions.tsv", max_bad_fraction=0.5)
        >>> skipped.total = 10
        >>> skipped.record([BadRow(3, "missing image", "cat.jpg")])
        >>> print(skipped)
        1 of the 10 rows of captions.tsv cannot be used: 1 missing image (first: row 3, cat.jpg)
    """

    def __init__(self, source: str, *, max_bad_fraction: float) -> None:
        if not 0 <= max_bad_fraction <= 1:
            raise ValueError(f"max_bad_fraction must be in [0, 1], got {max_bad_fraction}")
        self.source, self.max_bad_fraction, self.total = source, max_bad_fraction, 0
        self._rows: set[int] = set()
        self._counts: Counter[str] = Counter()
        self._first: dict[str, BadRow] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def counts(self) -> dict[str, int]:
        """Reason -> number of rows, the most frequent first."""
        return dict(self._counts.most_common())

    def add(self, bad: BadRow) -> None:
        """Counts a row."""
        if bad.row not in self._rows:
            self._rows.add(bad.row)
            self._counts[bad.reason] += 1
            self._first.setdefault(bad.reason, bad)

    def check(self) -> None:
        """Holds the limit.

        Raises:
            ValueError: More than the allowed share of the rows is bad.
        """
        if len(self) > self.max_bad_fraction * self.total:
            raise ValueError(f"{self}. At most max_bad_fraction={self.max_bad_fraction:g} of them may be bad")

    def record(self, bad_rows: Iterable[BadRow]) -> None:
        """Counts rows, then holds the limit.

        Raises:
            ValueError: More than the allowed share of the rows is bad.
        """
        for bad in bad_rows:
            self.add(bad)
        self.check()

    def __str__(self) -> str:
        reasons = "; ".join(
            f"{count} {reason} (first: row {self._first[reason].row}, {self._first[reason].detail})"
            for reason, count in self.counts.items()
        )
        return f"{len(self)} of the {self.total} rows of {self.source} cannot be used" + (
            f": {reasons}" if reasons else ""
        )
