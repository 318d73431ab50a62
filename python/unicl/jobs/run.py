"""Defines how a job over files reports its progress, and the counts that every job has."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


class Progress(Protocol):
    """Shows how far the work is, for example with a progress bar.

    Example:
        >>> with no_progress("labelling captions.txt", 100) as advance:
        ...     advance(40)
        ...     advance(60)
    """

    def __call__(
        self, title: str, total: int | None, unit: str = "captions"
    ) -> AbstractContextManager[Callable[[int], None]]:
        """Gives a function to call, within the ``with`` block, with the number of items that were done since.

        Args:
            title: The name of the work.
            total: How many items there are; None if that is unknown.
            unit: The name of the items.
        """


@contextmanager
def no_progress(title: str, total: int | None, unit: str = "captions") -> Iterator[Callable[[int], None]]:  # noqa: ARG001
    """Shows nothing."""
    yield lambda items: None  # noqa: ARG005


@dataclass(kw_only=True)
class RunStats:
    """The counts that every run over files has.

    Attributes:
        files: Files written.
        captions: Rows read, skipped ones included.
        skipped: Rows without a result, by reason.
        seconds: Time in all, reading and writing included.
    """

    files: int = 0
    captions: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
