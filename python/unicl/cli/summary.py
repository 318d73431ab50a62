"""Reports the result of a command over files: a sentence for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from unicl.files import make_folder, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from unicl.jobs import RunStats


def check_stats(path: Path | None) -> None:
    """Checks before the work that its statistics can be written to ``path``, and that they replace no input.

    Raises:
        ValueError: The name does not end in .json, or is a folder.
        OSError: No file can be written there.
    """
    if path is not None and (path.suffix != ".json" or path.is_dir()):
        raise ValueError(f"expected a name for --stats that ends in .json; got {path}")
    if path is not None:
        make_folder(path.parent)


def report(stats: RunStats, sentence: str, path: Path | None) -> None:
    """Writes the sentence and the rows skipped, by reason, to stdout. Writes all counts to ``path``, if given."""
    lines = [sentence, *(f"skipped: {count:,} rows, {reason}" for reason, count in stats.skipped.most_common())]
    sys.stdout.write("\n".join(lines) + "\n")
    if path is not None:
        # Not asdict: Python 3.11's counts the pairs of a Counter.
        counts = {**vars(stats), "captions_per_second": stats.captions / stats.seconds if stats.seconds else None}
        write_text(path, json.dumps(counts, indent=2) + "\n")
