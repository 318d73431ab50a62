"""How the engines tell how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
"""Given what the work is called and how many captions there are (None: unknown), gives a function that is told, within
the ``with`` block, how many more of them are done."""


@contextmanager
def no_progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:  # noqa: ARG001
    """Tells nobody."""
    yield lambda captions: None  # noqa: ARG005
