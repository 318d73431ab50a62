"""Turns files of captions into files of token ids."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from unicl.files import Reading, find_inputs, new_parquet, output_paths, rows_of_lists
from unicl.jobs.plan import ColumnOptions, plan_files, write_rows
from unicl.jobs.run import Progress, RunStats, no_progress
from unicl.jobs.steady import file_state, refuse_replaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unicl.files import CaptionBatch
    from unicl.text import Tokenizer

IDS = "ids"
CONTROL_TOKENS = 2
"""A row of ids has a start and an end token ([CLS] and [SEP] for WordPiece)."""


@dataclass(frozen=True, kw_only=True)
class TokenizeOptions(ColumnOptions):
    """Which columns a tokenized file has, and which ids."""

    context_length: int | None = None
    """Ids in a row, start and end token included. If not given: as many as the tokenizer gives."""
    ragged: bool = False
    """Write lists of ids without start, end and padding, uncut."""
    truncate: bool = True
    """Cut captions that do not fit and count them. If not: stop at the first."""


@dataclass(kw_only=True)
class TokenizeStats(RunStats):
    """What :func:`tokenize_files` did.

    Attributes:
        tokens: Ids written, without padding.
        truncated: Captions that were cut.
        tokenize_seconds: Time in the tokenizer.
    """

    tokens: int = 0
    truncated: int = 0
    tokenize_seconds: float = 0.0


def tokenize_files(
    inputs: Sequence[str | Path],
    out: str | Path,
    tokenizer: Tokenizer,
    options: TokenizeOptions | None = None,
    *,
    reading: Reading | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> TokenizeStats:
    """Tokenizes the captions of files: writes the same rows, with a column ``ids``, to Parquet.

    The column is fixed_size_list<int32>, or with ``ragged`` list<int32>. A row that was skipped has only padding, or
    with ``ragged`` null.

    Args:
        inputs: Files, or folders of files; see :mod:`unicl.files`.
        out: The folder for ``NAME.parquet``; for one input also the file itself.
        tokenizer: The tokenizer.
        options: Which ids are written; None: ``TokenizeOptions()``.
        reading: How the captions are read; None: ``Reading()``.
        overwrite: Replace outputs that exist, each when the new one is complete.
        threads: How many threads the tokenizer uses; None for all cores.
        progress: Shows how many captions are done.

    Raises:
        FileNotFoundError, FileExistsError, OSError: An input is missing; an output exists; the disk is full.
        ValueError: A file is malformed, its column is not found, a row is bad, or a caption is too long and must not be
            cut. The message names file and row.
    """
    started = time.perf_counter()
    options = TokenizeOptions() if options is None else options
    reading = Reading() if reading is None else reading
    length = tokenizer.context_length if options.context_length is None else options.context_length
    if length >= 1 << 31:
        raise ValueError(f"expected context_length < 2147483648, as Arrow's lists are not longer; got {length}")
    kind = pa.list_(pa.int32()) if options.ragged else pa.list_(pa.int32(), length)
    paths = find_inputs(inputs)
    files = plan_files(
        paths,
        output_paths(paths, Path(out)),
        [pa.field(IDS, kind)],
        reading=reading,
        copy_columns=options.copy_columns,
        overwrite=overwrite,
    )
    stats = TokenizeStats()
    ids = _Ids(tokenizer, length, stats, ragged=options.ragged, truncate=options.truncate, threads=threads)
    written = {}
    for file in files:
        with new_parquet(file.output, file.schema, overwrite=overwrite, unrepeated=[IDS]) as writer:
            write_rows(
                file,
                writer,
                partial(ids.columns, file.source.path),
                reading=reading,
                skipped=stats.skipped,
                title="tokenizing",
                progress=progress,
            )
        stats.files += 1
        written[file.output] = file_state(file.output)
    refuse_replaced(written)
    stats.seconds = time.perf_counter() - started
    return stats


class _Ids:
    """Turns batches of captions into columns of ids, and counts them."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        length: int,
        stats: TokenizeStats,
        *,
        ragged: bool,
        truncate: bool,
        threads: int | None,
    ) -> None:
        self._tokenizer, self._length, self._stats, self._threads = tokenizer, length, stats, threads
        self._ragged, self._truncate = ragged, truncate

    def columns(self, path: Path, batch: CaptionBatch) -> list[pa.Array]:
        """Gives the column of ids of a batch; ``path`` is its file."""
        began = time.perf_counter()
        column = self._uncut(batch) if self._ragged else self._padded(batch, path)
        self._stats.captions += len(batch)
        self._stats.tokenize_seconds += time.perf_counter() - began
        return [column]

    def _uncut(self, batch: CaptionBatch) -> pa.Array:
        ids, offsets = self._tokenizer.encode(batch.captions, threads=self._threads)
        self._stats.tokens += len(ids)
        return rows_of_lists(offsets, pa.array(ids.astype(np.int32)), batch.is_bad)

    def _padded(self, batch: CaptionBatch, path: Path) -> pa.Array:
        rows = self._tokenizer(batch.captions, context_length=self._length, dtype="int32", threads=self._threads)
        lengths = self._lengths(rows)
        is_good = np.ones(len(batch), np.bool_) if batch.is_bad is None else ~batch.is_bad
        self._stats.tokens += int(lengths[is_good].sum())
        self._stats.truncated += self._count_cut(batch, is_good & (lengths == self._length), path)
        if batch.is_bad is not None:
            # Not null: pyarrow before 24 writes no null among lists of fixed size, and flatten() would drop it.
            rows[batch.is_bad] = self._tokenizer.pad_id
        return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), self._length)

    @cached_property
    def _ends_in_padding(self) -> bool:
        """Whether the token at the end of a text is the one that pads."""
        return bool(self._tokenizer("", context_length=CONTROL_TOKENS)[0, -1] == self._tokenizer.pad_id)

    def _lengths(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """How many ids each row has before its padding. The padding id may also occur in the text, or end it."""
        is_text = rows != self._tokenizer.pad_id
        padding: NDArray[np.int64] = is_text[:, ::-1].argmax(axis=1)
        lengths: NDArray[np.int64] = rows.shape[1] - padding + int(self._ends_in_padding)
        return lengths

    def _count_cut(self, batch: CaptionBatch, is_full: NDArray[np.bool_], path: Path) -> int:
        """How many of the full rows were cut. Some may just fit, so the full rows, mostly few, are encoded uncut."""
        if not is_full.any():
            return 0
        _, offsets = self._tokenizer.encode(batch.captions.filter(pa.array(is_full)), threads=self._threads)
        needed = np.diff(offsets) + CONTROL_TOKENS
        is_cut = needed > self._length
        if bool(is_cut.any()) and not self._truncate:
            first = int(is_cut.argmax())
            row = int(np.flatnonzero(is_full)[first])
            raise ValueError(
                f"{path}, {batch.place(row)}: expected a caption of {self._length} ids or fewer; got {needed[first]}: "
                "raise context_length, or let captions be cut with truncate=True"
            )
        return int(np.count_nonzero(is_cut))
