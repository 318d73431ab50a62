"""Defines how a job over files tells its progress, and the counts that every job has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
"""Given what the work is called and how many captions there are (None: unknown), gives a function that is told, within
the ``with`` block, how many more of them are done."""


@contextmanager
def no_progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:  # noqa: ARG001
    """Tells nobody."""
    yield lambda captions: None  # noqa: ARG005


@dataclass(kw_only=True)
class RunStats:
    """The counts that every run over files has.

    Attributes:
        files: Files written.
        captions: Rows read, skipped ones included.
        skipped: Rows without an answer, by reason.
        seconds: Time in all, reading and writing included.
    """

    files: int = 0
    captions: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
