"""Runs ``unicl meter``."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unicl.cli.ending import tell
from unicl.cli.files import InputsConfig
from unicl.cli.parse import parse
from unicl.cli.progress import show_progress
from unicl.evaluation import FalseNegatives, expected_false_negatives
from unicl.jobs import sample_rows

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class MeterConfig(InputsConfig):
    """Counts the false negatives of a random batch: pairs of two rows that share a label or a caption.

    It reads files that unicl label wrote. A loss without labels treats every such pair as a negative.
    """

    batch_size: int
    """Rows of a batch, over all ranks."""
    label_column: str = "labels"
    """The column with the lists of label ids."""
    json: bool = False
    """Write JSON."""


CONFIGS = (MeterConfig,)


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl meter``, measures, and writes a table."""
    config = parse(MeterConfig, "unicl meter", arguments)
    if config.batch_size < 2:  # before hours of reading
        raise ValueError(f"expected --batch-size >= 2; got {config.batch_size}")
    sample = sample_rows(
        config.inputs, reading=config.reading, label_column=config.label_column, progress=show_progress
    )
    if sample.rows < 2:
        raise ValueError(
            f"expected 2 rows or more for batches of {config.batch_size}; got {sample.rows}: name more files"
        )
    batch_size = min(config.batch_size, sample.rows)
    if batch_size < config.batch_size:
        tell(
            f"warning: there are {sample.rows:,} rows, fewer than --batch-size {config.batch_size:,}: one batch of "
            "all rows is measured; name more files for larger batches"
        )
    captions, labels = sample.drawn()
    found = expected_false_negatives(labels, captions, batch_size=batch_size, rows=sample.rows)
    text = json.dumps(dataclasses.asdict(found), indent=2) if config.json else _table(found)
    sys.stdout.write(f"{text}\n")
    return 0


def _table(found: FalseNegatives) -> str:
    lines = [
        f"random batches of {found.batch_size:,} of {found.rows:,} rows; pairs of two rows that share",
        f"{'':<10}{'% of the pairs':>24}{'false negatives a row':>24}{'% of rows with any':>24}",
    ]
    for name in ("caption", "label", "either"):
        pairs = getattr(found, name)
        error = f" ± {_digits(100 * pairs.standard_error)}" if pairs.standard_error else ""
        cells = (f"{_digits(100 * pairs.share_of_pairs)}{error}", _digits(pairs.per_row))
        lines.append(f"{name:<10}{cells[0]:>24}{cells[1]:>24}{_digits(100 * pairs.rows_with_any):>24}")
    return "\n".join(lines)


def _digits(value: float) -> str:
    return f"{value:,.1f}" if value >= 100 else f"{value:.3g}"
