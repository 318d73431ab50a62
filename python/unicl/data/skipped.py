"""Counts rows that were skipped, by reason, and raises an error when they pass a limit."""

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
        reason: The reason it is counted under.
        detail: The values that explain the reason.
    """

    row: int
    reason: str
    detail: str


class SkippedRows:
    """The bad rows of one file. A row counts once, even if it is met in every epoch.

    Args:
        source: The file's name, for messages.
        max_bad_fraction: The largest share of the rows that may be bad, in [0, 1].

    Attributes:
        total: The rows of the file, good and bad. The reader of the file sets it.

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
            raise ValueError(f"expected max_bad_fraction in [0, 1]; got {max_bad_fraction}")
        self.source, self.max_bad_fraction, self.total = source, max_bad_fraction, 0
        self._rows: set[int] = set()
        self._counts: Counter[str] = Counter()
        self._first: dict[str, BadRow] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def counts(self) -> dict[str, int]:
        """The number of rows by reason, the most frequent reason first."""
        return dict(self._counts.most_common())

    def add(self, bad: BadRow) -> None:
        """Counts a row."""
        if bad.row not in self._rows:
            self._rows.add(bad.row)
            self._counts[bad.reason] += 1
            self._first.setdefault(bad.reason, bad)

    def check(self) -> None:
        """Raises an error if the limit is passed.

        Raises:
            ValueError: More than the allowed share of the rows is bad.
        """
        if len(self) > self.max_bad_fraction * self.total:
            raise ValueError(
                f"expected at most max_bad_fraction={self.max_bad_fraction:g} of the rows to be bad: {self}"
            )

    def record(self, bad_rows: Iterable[BadRow]) -> None:
        """Counts rows, then raises an error if the limit is passed.

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
