"""What a command over files did: a sentence for people, JSON for machines."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from unicl.files import make_folder, written_aside

if TYPE_CHECKING:
    from pathlib import Path

    from unicl.jobs import RunStats


def check_stats(path: Path | None) -> None:
    """Sees, before the work is done, that its statistics can be written to ``path`` and take nobody's place.

    Raises:
        ValueError: It does not end in .json, or is a folder: an input, say, that they would replace.
        OSError: No file can be written there.
    """
    if path is not None and (path.suffix != ".json" or path.is_dir()):
        raise ValueError(f"expected --stats to name a file that ends in .json; got {path}")
    if path is not None:
        make_folder(path.parent)


def report(stats: RunStats, sentence: str, path: Path | None) -> None:
    """Writes the sentence, and the rows skipped by reason, to stdout, and everything to ``path`` if one is given."""
    lines = [sentence, *(f"skipped: {count:,} rows, {reason}" for reason, count in stats.skipped.most_common())]
    sys.stdout.write("\n".join(lines) + "\n")
    if path is not None:
        # Not asdict: Python 3.11's counts the pairs of a Counter.
        counts = {**vars(stats), "captions_per_second": stats.captions / stats.seconds if stats.seconds else None}
        with written_aside(path, overwrite=True) as aside:
            aside.write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")
