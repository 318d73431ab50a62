"""Reads the next batch on a thread while the caller works on the last one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


def read_ahead(batches: Iterator[T]) -> Iterator[T]:
    """Gives the same batches in the same order. One more batch than before is in memory.

    An error of the reader is raised where its batch would come.

    Example:
        >>> list(read_ahead(iter("abc")))
        ['a', 'b', 'c']
    """
    with ThreadPoolExecutor(1, "reader") as thread:  # its end waits for a batch in reading
        end = object()
        coming = thread.submit(next, batches, end)
        while (batch := coming.result()) is not end:
            coming = thread.submit(next, batches, end)
            yield batch  # type: ignore[misc]
