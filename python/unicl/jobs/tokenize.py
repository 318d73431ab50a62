"""Files of captions to files of token ids."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from unicl.files import (
    CaptionBatch,
    Reading,
    caption_column,
    extended,
    extended_schema,
    find_inputs,
    new_parquet,
    open_source,
    output_paths,
    read_captions,
    refuse_existing,
    rows_of_lists,
)
from unicl.jobs.run import Progress, RunStats, no_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unicl.text import Tokenizer

IDS = "ids"
CONTROL_TOKENS = 2
"""A row of ids has a start and an end token ([CLS] and [SEP] for WordPiece)."""


@dataclass(kw_only=True)
class TokenizeStats(RunStats):
    """What :func:`tokenize_files` did.

    Attributes:
        tokens: Ids written, padding apart.
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
    *,
    reading: Reading | None = None,
    context_length: int | None = None,
    ragged: bool = False,
    truncate: bool = True,
    copy_columns: bool = True,
    overwrite: bool = False,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> TokenizeStats:
    """Tokenizes the captions of files: the same rows, with a column ``ids``, in Parquet.

    A row that was skipped has padding only, or with ``ragged`` null.

    Args:
        inputs: Files, or folders of files; see :mod:`unicl.files`.
        out: The folder for ``NAME.parquet``; for one input also the file itself.
        tokenizer: The tokenizer.
        reading: How the captions are read; None: ``Reading()``.
        context_length: Ids in a row; None: the tokenizer's.
        ragged: Write the ids of ``tokenizer.encode`` (list<int32>: without control tokens and padding, uncut), not the
            padded rows of ``tokenizer()`` (fixed_size_list<int32>).
        truncate: Cut captions that do not fit and count them, or refuse the first.
        copy_columns: Write the columns of the input too.
        overwrite: Replace outputs that exist, each when the new one is complete.
        threads: How many threads the tokenizer uses; None for all cores.
        progress: Is told how many captions are done.

    Raises:
        FileNotFoundError, FileExistsError, OSError: An input is missing; an output exists; the disk is full.
        ValueError: A file is malformed, its column is not found, a row is bad, or a caption too long and not to be
            cut. The message names file and row.
    """
    started = time.perf_counter()
    out = Path(out)
    reading = Reading() if reading is None else reading
    stats = TokenizeStats()
    paths = find_inputs(inputs)
    outputs = output_paths(paths, out)
    for output in outputs:
        refuse_existing(output, overwrite=overwrite)
    length = tokenizer.context_length if context_length is None else context_length
    kind = pa.list_(pa.int32()) if ragged else pa.list_(pa.int32(), length)
    for path, output in zip(paths, outputs, strict=True):
        source = open_source(path, reading)
        caption_column(source, reading.column)
        schema = extended_schema(source, [pa.field(IDS, kind)], copy_columns=copy_columns)
        tokenize = _FileTokenizer(
            tokenizer, length=length, ragged=ragged, truncate=truncate, threads=threads, path=path
        )
        with (
            new_parquet(output, schema, overwrite=overwrite) as writer,
            progress(f"tokenizing {path.name}", source.num_rows) as advance,
        ):
            for batch in read_captions(source, reading, only_captions=not copy_columns, skipped=stats.skipped):
                began = time.perf_counter()
                ids = tokenize(batch, stats)
                stats.tokenize_seconds += time.perf_counter() - began
                writer.write(extended(batch, schema, [ids]))
                stats.captions += len(batch)
                advance(len(batch))
        stats.files += 1
    stats.seconds = time.perf_counter() - started
    return stats


class _FileTokenizer:
    """Batches of captions to columns of ids; counts what becomes of them."""

    def __init__(
        self, tokenizer: Tokenizer, *, length: int, ragged: bool, truncate: bool, threads: int | None, path: Path
    ) -> None:
        self._tokenizer, self._length, self._threads, self._path = tokenizer, length, threads, path
        self._ragged, self._truncate = ragged, truncate

    def __call__(self, batch: CaptionBatch, stats: TokenizeStats) -> pa.Array:
        if self._ragged:
            ids, offsets = self._tokenizer.encode(batch.captions, threads=self._threads)
            stats.tokens += len(ids)
            return rows_of_lists(offsets, pa.array(ids.astype(np.int32)), batch.is_bad)
        rows = self._tokenizer(batch.captions, context_length=self._length, dtype="int32", threads=self._threads)
        lengths = _lengths(rows, self._tokenizer)
        is_good = np.ones(len(batch), np.bool_) if batch.is_bad is None else ~batch.is_bad
        stats.tokens += int(lengths[is_good].sum())
        stats.truncated += self._count_cut(batch, is_good & (lengths == self._length))
        if batch.is_bad is not None:
            # Not null: pyarrow before 24 writes no null among lists of fixed size, and flatten() would drop it.
            rows[batch.is_bad] = self._tokenizer.pad_id
        return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), self._length)

    def _count_cut(self, batch: CaptionBatch, is_full: NDArray[np.bool_]) -> int:
        """How many of the full rows were cut: some may just fit, so they are encoded uncut. They are few as a rule."""
        if not is_full.any():
            return 0
        _, offsets = self._tokenizer.encode(batch.captions.filter(pa.array(is_full)), threads=self._threads)
        needed = np.diff(offsets) + CONTROL_TOKENS
        is_cut = needed > self._length
        if bool(is_cut.any()) and not self._truncate:
            first = int(is_cut.argmax())
            row = int(np.flatnonzero(is_full)[first])
            raise ValueError(
                f"{self._path}, {batch.place(row)}: the caption takes {needed[first]} ids, more than context_length="
                f"{self._length}; raise that, or let captions be cut with truncate=True (--truncate)"
            )
        return int(np.count_nonzero(is_cut))


def _lengths(rows: NDArray[Any], tokenizer: Tokenizer) -> NDArray[np.int64]:
    """How many ids each row has, padding apart: the padding id may also stand inside the text, or end it."""
    end_id = tokenizer("", context_length=CONTROL_TOKENS)[0, -1]
    padding: NDArray[np.int64] = (rows[:, ::-1] != tokenizer.pad_id).argmax(axis=1)
    lengths: NDArray[np.int64] = rows.shape[1] - padding + int(tokenizer.pad_id == end_id)
    return lengths
