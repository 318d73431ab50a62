"""Samples the captions and labels of files, for counting the false negatives of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from unicl.files import Reading, caption_column, find_inputs, has_captions
from unicl.jobs.run import Progress, no_progress
from unicl.jobs.steady import open_input
from unicl.labels import LABELS, LabelSets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MAX_ROWS = 4_000_000
"""About 150 MB with three labels a row."""


class RowSample:
    """A uniform sample of the rows that were added, or all of them: the rows with the smallest random numbers.

    Args:
        max_rows: How many rows are kept at most.
        seed: The seed of the random numbers.

    Attributes:
        rows: How many rows were added.

    Example:
        >>> sample = RowSample(max_rows=2)
        >>> sample.add(np.array([1, 2, 1]), LabelSets.from_lists([[0], [0, 1], []]))
        >>> captions, labels = sample.drawn()
        >>> sample.rows, len(captions), len(labels)
        (3, 2, 2)
    """

    def __init__(self, *, max_rows: int = MAX_ROWS, seed: int = 0) -> None:
        self._max_rows, self._random = max_rows, np.random.default_rng(seed)
        self._parts: list[tuple[NDArray[np.float64], NDArray[np.int64], LabelSets]] = []
        self.rows = 0

    def add(self, captions: NDArray[np.int64], labels: LabelSets) -> None:
        """Adds rows: an integer for each caption (equal captions have equal integers), and the labels of each."""
        self.rows += len(captions)
        self._parts.append((self._random.random(len(captions)), captions, labels))
        if sum(len(draws) for draws, _, _ in self._parts) >= 2 * self._max_rows:
            self._thin()

    def drawn(self) -> tuple[NDArray[np.int64], LabelSets]:
        """Gives the captions, as integers, and the labels of the sampled rows."""
        self._thin()
        _, captions, labels = self._parts[0]
        return captions, labels

    def _thin(self) -> None:
        draws = np.concatenate([np.empty(0), *(draws for draws, _, _ in self._parts)])
        captions = np.concatenate([np.empty(0, np.int64), *(captions for _, captions, _ in self._parts)])
        labels = LabelSets.concatenate(labels for _, _, labels in self._parts)
        kept = np.arange(len(draws))
        if len(draws) > self._max_rows:
            kept = np.sort(np.argpartition(draws, self._max_rows)[: self._max_rows])
        self._parts = [(draws[kept], captions[kept], labels.take(kept))]


def sample_rows(
    inputs: Sequence[str | Path],
    *,
    reading: Reading | None = None,
    label_column: str = LABELS,
    max_rows: int = MAX_ROWS,
    seed: int = 0,
    progress: Progress = no_progress,
) -> RowSample:
    """Samples the rows of files that :func:`unicl.jobs.label_files` wrote.

    :func:`unicl.evaluation.expected_false_negatives` counts the false negatives of the sample.

    Args:
        inputs: Files, or folders of files, of captions and lists of label ids. A file may have no captions.
        reading: How the captions are read; None: ``Reading()``.
        label_column: The column with the lists of label ids. A row with null has no label.
        max_rows: If there are more rows, that many are sampled.
        seed: The seed of the sample.
        progress: Shows how many rows are done.

    Raises:
        FileNotFoundError: An input is missing.
        ValueError: A file is malformed or lacks a column.
    """
    reading = Reading() if reading is None else reading
    sample = RowSample(max_rows=max_rows, seed=seed)
    for path in find_inputs(inputs):
        file = open_input(path, reading)
        source = file.source
        if label_column not in source.schema.names:
            names = ", ".join(map(repr, source.schema.names))
            raise ValueError(f"{path}: expected a column {label_column!r} with lists of label ids; got {names}")
        kind = source.schema.field(label_column).type
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_integer(kind.value_type):
            raise ValueError(f"{path}: expected lists of label ids in the column {label_column!r}; got {kind}")
        # Rows of classes alone have no captions, so none equals another.
        caption = caption_column(source, reading.column) if has_captions(source, reading.column) else None
        with progress(f"reading {path.name}", source.num_rows) as advance:
            for raw in source.batches([*filter(None, [caption]), label_column]):
                batch = raw.columns
                labels = LabelSets.from_arrow(batch.column(label_column))
                captions = pa.nulls(batch.num_rows) if caption is None else batch.column(caption)
                sample.add(_caption_numbers(captions), labels)
                advance(batch.num_rows)
            file.refuse_changed()
    return sample


def _caption_numbers(captions: pa.Array) -> NDArray[np.int64]:
    """Gives Python's 64-bit hash of every caption. Each null gets a random number, so it equals no other caption."""
    numbers = np.fromiter(map(hash, captions.to_pylist()), np.int64, len(captions))
    is_null = captions.is_null().to_numpy(zero_copy_only=False)
    numbers[is_null] = np.random.default_rng().integers(2**63, size=int(is_null.sum()))
    return numbers
