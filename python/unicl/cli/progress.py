"""Shows progress on stderr: a bar on a terminal, a line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from unicl.cli.ending import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def show_progress(title: str, total: int | None, unit: str = "captions") -> Iterator[Callable[[int], None]]:
    """Shows how many items are done, and how many a second. It is a :class:`unicl.jobs.Progress`.

    Args:
        title: The name of the work.
        total: How many items there are; None if that is unknown.
        unit: The name of the items.
    """
    if sys.stderr.isatty() and find_spec("tqdm") is not None:
        from tqdm import tqdm

        with tqdm(total=total, desc=title, unit=f" {unit}", unit_scale=True, dynamic_ncols=True) as bar:
            yield bar.update
        return
    start = last = time.monotonic()
    count = 0
    of_all = "" if total is None else f" of {total:,}"

    def advance(items: int) -> None:
        nonlocal count, last
        count += items
        if (now := time.monotonic()) - last >= SECONDS_BETWEEN_LINES:
            tell(f"{title}: {count:,}{of_all} {unit}, {_rate(count, now - start)}")
            last = now

    yield advance
    seconds = time.monotonic() - start
    tell(f"{title}: {count:,} {unit} in {seconds:.1f} s, {_rate(count, seconds)}")


def _rate(count: int, seconds: float) -> str:
    a_second = count / max(seconds, 1e-9)
    return f"{a_second:,.0f} a second" if a_second >= 10 else f"{a_second:.1f} a second"
