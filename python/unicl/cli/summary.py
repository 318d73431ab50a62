"""Reports the result of a command over files: a sentence for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from unicl.files import make_folder, new_file, refuse_existing
from unicl.jobs import vocabulary_path

if TYPE_CHECKING:
    from pathlib import Path

    from unicl.cli.files import FilesConfig
    from unicl.jobs import RunStats

PER_SECOND = "captions_per_second"
MOST_BYTES = 1 << 16
"""Counts are a file of a kilobyte or so."""


def check_stats(config: FilesConfig) -> None:
    """Checks before the work that its counts can be written, and that they replace nothing but earlier counts.

    Raises:
        FileExistsError: The file exists, and is not replaced.
        ValueError: The name does not end in .json, or is that of an output.
        OSError: No file can be written there.
    """
    path = config.stats
    if path is None:
        return
    if path.suffix != ".json" or path.is_dir():
        raise ValueError(f"expected a name for --stats that ends in .json; got {path}")
    if path.resolve() in (config.out.resolve(), vocabulary_path(config.out).resolve()):
        raise ValueError(f"expected a name for --stats that is no output; got {path}: name another place")
    _refuse_other(path, overwrite=config.overwrite)
    make_folder(path.parent)


def report(stats: RunStats, sentence: str, config: FilesConfig) -> None:
    """Writes all counts to the file that ``--stats`` names, then the sentence and the rows skipped to stdout.

    Raises:
        FileExistsError: Another file got that name meanwhile.
        OSError: The file cannot be written.
    """
    if config.stats is not None:
        # Not asdict: Python 3.11's counts the pairs of a Counter.
        # The rate comes first, where it is looked for, as the names of classes can be many.
        counts = {PER_SECOND: stats.captions / stats.seconds if stats.seconds else None, **vars(stats)}
        _refuse_other(config.stats, overwrite=config.overwrite)
        with new_file(config.stats, overwrite=config.overwrite) as aside:
            aside.write_text(json.dumps(counts, indent=2) + "\n")
    lines = [sentence, *(f"skipped: {count:,} rows, {reason}" for reason, count in stats.skipped.most_common())]
    sys.stdout.write("\n".join(lines) + "\n")


def _refuse_other(path: Path, *, overwrite: bool) -> None:
    """Refuses to replace a file that does not hold counts. It may be an input, a vocabulary or a model."""
    refuse_existing(path, overwrite=overwrite)
    if not path.exists():
        return
    with path.open("rb") as file:
        is_counts = PER_SECOND.encode() in file.read(MOST_BYTES)
    if not is_counts:
        raise FileExistsError(f"expected a name for --stats of earlier counts; got {path}: name another place")
