"""Progress for people: a bar on a terminal, a line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
SECONDS_BETWEEN_LINES = 30.0


def show_progress(items: Iterable[T], total: int, title: str) -> Iterator[T]:
    """Passes ``items`` on and shows on stderr how many of ``total`` are done.

    Args:
        items: What is worked through.
        total: How many there are.
        title: What the work is called.
    """
    if sys.stderr.isatty():
        with tqdm(total=total, desc=title, dynamic_ncols=True) as bar:
            for item in items:
                bar.update()
                yield item
        return
    start = last = time.monotonic()
    count = 0
    try:
        for item in items:
            count += 1
            if (now := time.monotonic()) - last >= SECONDS_BETWEEN_LINES:
                sys.stderr.write(f"{title}: {count} of {total}, {count / (now - start):.1f} a second\n")
                last = now
            yield item
    finally:  # also where the last item is taken and nobody asks for one more
        sys.stderr.write(f"{title}: {count} of {total} in {time.monotonic() - start:.1f} s\n")


@contextmanager
def show_captions(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Shows on stderr how many captions are done, and how many a second; a :data:`unicl.jobs.Progress`.

    Args:
        title: What the work is called.
        total: How many captions there are; None: unknown.
    """
    if sys.stderr.isatty():
        with tqdm(total=total, desc=title, unit=" captions", unit_scale=True, dynamic_ncols=True) as bar:
            yield bar.update
        return
    start = last = time.monotonic()
    count = 0
    of_all = "" if total is None else f" of {total:,}"

    def advance(captions: int) -> None:
        nonlocal count, last
        count += captions
        if (now := time.monotonic()) - last >= SECONDS_BETWEEN_LINES:
            sys.stderr.write(f"{title}: {count:,}{of_all} captions, {count / (now - start):,.0f} a second\n")
            last = now

    yield advance
    seconds = time.monotonic() - start
    sys.stderr.write(f"{title}: {count:,} captions in {seconds:.1f} s, {count / max(seconds, 1e-9):,.0f} a second\n")
