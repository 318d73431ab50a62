"""Indexes tar shards, several at a time."""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from unicl.files import find_shards, index_shard, sidecar_of
from unicl.jobs.run import Progress, no_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(kw_only=True)
class IndexStats:
    """What :func:`index_shards` did.

    Attributes:
        shards: Shards that have an index now.
        kept: How many of them had one that fits.
        counts: What the shards hold, those included that had an index: samples, images, captions, labels, files, and
            members that are no files or cannot be used, by reason.
        seconds: Time in all.
    """

    shards: int = 0
    kept: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class _StoppedError(Exception):
    """The caller no longer waits."""


def index_shards(
    inputs: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> IndexStats:
    """Writes the index of tar shards, for :class:`unicl.files.TarIndex`. Shards whose index fits are not read again.

    Args:
        inputs: Plain tar files, or folders of them.
        out: The folder for ``NAME.tar.index``; None: beside each shard.
        overwrite: Index all shards again, and replace also files of these names that are no index.
        threads: How many shards are read at a time; None: one for each core.
        progress: Shows how many bytes are done.

    Raises:
        FileNotFoundError: An input is missing.
        ValueError: A shard is damaged, is cut off, or changes meanwhile: the first one is named, when all others are
            indexed. Or two shards would have one index.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"expected threads >= 1, or None for all cores; got {threads}")
    start = time.perf_counter()
    shards = find_shards(inputs)
    sidecars = [sidecar_of(shard, out) for shard in shards]
    for shard, count in Counter(sidecars).items():
        if count > 1:
            raise ValueError(
                f"expected one shard for each index; got {count} for {shard}: name each shard once, or use "
                "several folders"
            )
    sizes = [shard.stat().st_size for shard in shards]
    done, stop = [0] * len(shards), Event()

    def index(number: int) -> tuple[Counter[str], bool]:
        def advance(position: int) -> None:
            done[number] = position
            if stop.is_set():
                raise _StoppedError

        found = index_shard(shards[number], sidecars[number], overwrite=overwrite, advance=advance)
        done[number] = sizes[number]
        return found

    stats = IndexStats()
    errors: list[Exception] = []
    with progress("indexing", sum(sizes), "bytes") as show, ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        running = [pool.submit(index, number) for number in range(len(shards))]
        shown, goes_on = 0, True
        try:
            while goes_on:
                goes_on = bool(wait(running, SECONDS_BETWEEN_LOOKS).not_done)
                position = sum(done)
                show(position - shown)
                shown = position
        finally:
            stop.set()  # after Ctrl-C, the threads end before the error goes on
            pool.shutdown(cancel_futures=True)
        for each in running:
            try:
                counts, was_there = each.result()
            except (ValueError, OSError) as error:
                errors.append(error)
                continue
            stats.counts.update(counts)
            stats.shards += 1
            stats.kept += was_there
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ValueError(f"{errors[0]} ({len(errors)} of {len(shards)} shards have no index, and the others have)")
    stats.seconds = time.perf_counter() - start
    return stats
