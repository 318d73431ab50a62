"""The false negatives of files of captions and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unicl.engines.captions import caption_column
from unicl.engines.inputs import find_inputs, open_source
from unicl.engines.progress import Progress, no_progress
from unicl.engines.reading import Reading
from unicl.engines.shared_pairs import FalseNegatives, false_negatives
from unicl.labels import LabelSets
from unicl.labels.arrow import LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MAX_ROWS = 4_000_000
"""About 150 MB with three labels a row."""


class RowSample:
    """A uniform sample of the rows met, or all of them: those of the smallest random numbers.

    Args:
        max_rows: How many rows are kept at most.
        seed: Of the random numbers.

    Attributes:
        rows: How many rows were met.
    """

    def __init__(self, *, max_rows: int = MAX_ROWS, seed: int = 0) -> None:
        self._max_rows, self._random = max_rows, np.random.default_rng(seed)
        self._parts: list[tuple[NDArray[np.float64], NDArray[np.int64], LabelSets]] = []
        self.rows = 0

    def add(self, captions: NDArray[np.int64], labels: LabelSets) -> None:
        """Meets rows: an integer for each caption, the same for the same caption, and the labels."""
        self.rows += len(captions)
        self._parts.append((self._random.random(len(captions)), captions, labels))
        if sum(len(draws) for draws, _, _ in self._parts) >= 2 * self._max_rows:
            self._thin()

    def _thin(self) -> None:
        draws = np.concatenate([np.empty(0), *(draws for draws, _, _ in self._parts)])
        captions = np.concatenate([np.empty(0, np.int64), *(captions for _, captions, _ in self._parts)])
        lengths = np.concatenate([np.empty(0, np.int64), *(np.diff(labels.offsets) for _, _, labels in self._parts)])
        labels = LabelSets(
            indices=np.concatenate([np.empty(0, np.int32), *(labels.indices for _, _, labels in self._parts)]),
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        )
        kept = np.arange(len(draws))
        if len(draws) > self._max_rows:
            kept = np.sort(np.argpartition(draws, self._max_rows)[: self._max_rows])
        self._parts = [(draws[kept], captions[kept], labels.take(kept))]

    def false_negatives(self, batch_size: int) -> FalseNegatives:
        """Those of a random batch of all rows met; see :func:`false_negatives`."""
        self._thin()
        _, captions, labels = self._parts[0]
        return false_negatives(labels, captions, batch_size=batch_size, rows=self.rows)


def measure_files(
    inputs: Sequence[str | Path],
    *,
    batch_size: int,
    reading: Reading | None = None,
    label_column: str = LABELS,
    max_rows: int = MAX_ROWS,
    seed: int = 0,
    progress: Progress = no_progress,
) -> FalseNegatives:
    """The false negatives to expect in a batch of the rows of files that :func:`unicl.engines.label_files` wrote.

    Args:
        inputs: Files, or folders of files, of captions and lists of label ids.
        batch_size: Rows of a batch.
        reading: How the captions are read; None: ``Reading()``.
        label_column: The column with the lists of label ids; a row with null has none.
        max_rows: Of more rows, that many are sampled.
        seed: Of the sample.
        progress: Is told how many rows are done.

    Raises:
        FileNotFoundError: An input is missing.
        ValueError: A file is malformed, or lacks a column; the batch size is out of range.
    """
    if batch_size < 2:
        raise ValueError(f"expected a batch size of 2 or more; got {batch_size}")
    reading = Reading() if reading is None else reading
    sample = RowSample(max_rows=max_rows, seed=seed)
    for path in find_inputs(inputs):
        source = open_source(path, reading)
        caption = caption_column(source, reading.column)
        if label_column not in source.schema.names:
            names = ", ".join(map(repr, source.schema.names))
            raise ValueError(f"{path}: no column {label_column!r} with lists of labels; it has the columns {names}")
        kind = source.schema.field(label_column).type
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_integer(kind.value_type):
            raise ValueError(f"{path}: expected lists of label ids in the column {label_column!r}; it holds {kind}")
        with progress(f"reading {path.name}", source.num_rows) as advance:
            for raw in source.batches([caption, label_column]):
                batch = raw.columns
                sample.add(_caption_numbers(batch.column(caption)), _label_sets(batch.column(label_column)))
                advance(batch.num_rows)
    return sample.false_negatives(batch_size)


def _caption_numbers(captions: pa.Array) -> NDArray[np.int64]:
    """Python's 64-bit hash of every caption; a null is another caption than any other."""
    numbers = np.fromiter(map(hash, captions.to_pylist()), np.int64, len(captions))
    is_null = captions.is_null().to_numpy(zero_copy_only=False)
    numbers[is_null] = np.random.default_rng().integers(2**63, size=int(is_null.sum()))
    return numbers


def _label_sets(lists: pa.Array) -> LabelSets:
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return LabelSets(indices=lists.flatten().to_numpy(zero_copy_only=False).astype(np.int32), offsets=offsets)
