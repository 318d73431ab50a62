"""Progress for people: a bar on a terminal, a line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
