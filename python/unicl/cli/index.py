"""Runs ``unicl index``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from unicl.cli.parse import parse
from unicl.cli.progress import show_progress
from unicl.jobs import IndexStats, index_shards

if TYPE_CHECKING:
    from collections.abc import Sequence

MEMBERS = {
    "folders": "are folders",
    "links": "are links",
    "devices": "are devices or pipes",
    "unknown": "are of an unknown type",
    "hidden": "have names that begin with a dot",
    "sparse": "have holes, and are not read",
    "too_large": "are too large, and are not read",
    "repeated": "repeat an image, a text or a label of their sample, and are not read",
    "bad_captions": "hold a caption that cannot be read",
    "bad_labels": "hold a label that is not UTF-8",
    "unsafe_names": "have names that begin with a slash or hold ..; no program should write there",
}


@dataclass(frozen=True, kw_only=True)
class IndexConfig:
    """Indexes tar shards: writes where the image of each sample lies, with its caption and label, to NAME.tar.index.

    Nothing is extracted. A shard whose index fits is not read again.
    """

    inputs: tyro.conf.Positional[tuple[Path, ...]]
    """Plain tar files in the layout of webdataset and img2dataset, or folders of them."""
    out: Path | None = None
    """The folder for NAME.tar.index. If not given: beside each shard."""
    overwrite: bool = False
    """Index every shard again, and replace also files of these names that are no index."""
    threads: int | None = None
    """How many shards to read at a time. If not given: one for each core."""


CONFIGS = (IndexConfig,)


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl index``, runs it, and reports the result."""
    config = parse(IndexConfig, "unicl index", arguments)
    stats = index_shards(
        config.inputs, config.out, overwrite=config.overwrite, threads=config.threads, progress=show_progress
    )
    sys.stdout.write("".join(f"{line}\n" for line in _lines(stats)))
    return 0


def _lines(stats: IndexStats) -> list[str]:
    counts = stats.counts
    lines = [
        f"{counts['samples']:,} samples of {stats.shards:,} shards: {counts['images']:,} images, "
        f"{counts['captions']:,} captions, {counts['labels']:,} labels; {counts['files']:,} files in them; "
        f"{stats.kept:,} shards had an index; {stats.seconds:.1f} s"
    ]
    lines += [f"members: {counts[name]:,} {text}" for name, text in MEMBERS.items() if counts[name]]
    if counts["repeated_keys"]:
        lines.append(f"samples: {counts['repeated_keys']:,} have a key that came before in their shard")
    return lines
