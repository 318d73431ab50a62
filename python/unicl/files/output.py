"""Writes batches of rows to a Parquet file, on a thread of its own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unicl.files.atomic import naming_output, new_file
from unicl.files.rows import size_in_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from unicl.files.caption_batches import CaptionBatch
    from unicl.files.rows import Source

ROW_GROUP_ROWS = 1 << 15
"""As many as a batch has by default: a group is written while the next batch is worked on. Groups of 131,072 rows make
files 2 % smaller and cost the same time."""
ROW_GROUP_BYTES = 16 << 20
"""Two groups are in memory, and more copies while one is compressed."""


class ParquetOutput:
    """Batches into a Parquet file, in row groups of bounded size. Made by :func:`new_parquet`.

    A thread writes one row group while the caller gathers the next. No more than these two are in memory. The bytes of
    the file depend on the batches alone.
    """

    def __init__(self, writer: pq.ParquetWriter, thread: ThreadPoolExecutor, path: Path, schema: pa.Schema) -> None:
        self._writer, self._thread, self._path, self._schema = writer, thread, path, schema
        self._gathered: list[pa.RecordBatch] = []
        self._in_writing: Future[None] | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds rows.

        Raises:
            OSError, ValueError: An earlier row group could not be written; the message names the file.
        """
        self._gathered.append(batch)
        rows = sum(gathered.num_rows for gathered in self._gathered)
        if rows >= ROW_GROUP_ROWS or sum(map(size_in_bytes, self._gathered)) >= ROW_GROUP_BYTES:
            self._write_group()

    def finish(self) -> None:
        """Writes what was gathered and the end of the file; no rows can follow.

        Raises:
            OSError, ValueError: Something could not be written; the message names the file.
        """
        if self._gathered:
            self._write_group()
        self._wait()
        with _naming_parquet(self._path):
            self._writer.close()

    def abandon(self) -> None:
        """Lets the file go after an error."""
        group, self._in_writing = self._in_writing, None
        if group is not None:
            wait([group])
        with suppress(OSError, pa.ArrowException):  # the end of the file may have no room either
            self._writer.close()

    def _write_group(self) -> None:
        table = pa.Table.from_batches(self._gathered, self._schema)
        self._gathered = []
        self._wait()
        self._in_writing = self._thread.submit(self._write_table, table)

    def _write_table(self, table: pa.Table) -> None:
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        pa.default_memory_pool().release_unused()

    def _wait(self) -> None:
        """Waits for the row group that is being written, and raises what it met."""
        group, self._in_writing = self._in_writing, None
        if group is not None:
            with _naming_parquet(self._path):
                group.result()


@contextmanager
def new_parquet(
    path: Path, schema: pa.Schema, *, overwrite: bool = False, unrepeated: Sequence[str] = ()
) -> Iterator[ParquetOutput]:
    """Gives a Parquet file to write batches to. The rules of :func:`new_file` hold for it.

    Args:
        path: The file.
        schema: Its columns.
        overwrite: Replace a file that is there.
        unrepeated: Columns of many different numbers, such as token ids. They are written without dictionary and
            statistics, as nobody filters rows by them: 15 % less time for a file of ids, which is 10 % larger.

    Raises:
        FileExistsError, OSError: As :func:`new_file`.
        ValueError: Parquet cannot hold a column.
    """
    with new_file(path, overwrite=overwrite) as aside:
        with _naming_parquet(path):
            repeated = [leaf for leaf in _leaves(schema) if leaf.split(".")[0] not in unrepeated]
            writer = pq.ParquetWriter(
                aside, schema, compression="zstd", use_dictionary=repeated, write_statistics=repeated
            )
        with ThreadPoolExecutor(1, "parquet-writer") as thread:  # its end waits for a row group in writing
            output = ParquetOutput(writer, thread, path, schema)
            try:
                yield output
                output.finish()
            except BaseException:
                output.abandon()
                raise


def extended_schema(
    source: Source, fields: Sequence[pa.Field], *, copy_columns: bool = True, remedy: str = ""
) -> pa.Schema:
    """Gives the schema of an output: the columns of the input, then the new ones.

    Args:
        source: The input.
        fields: The new columns.
        copy_columns: Whether the output has the columns of the input.
        remedy: What else to do if the input has a column of a new one's name, for the message.

    Raises:
        ValueError: The input has a column of a new one's name.
    """
    if not copy_columns:
        return pa.schema(fields)
    taken = [field.name for field in fields if field.name in source.schema.names]
    if taken:
        raise ValueError(
            f"{source.path}: expected no column {taken[0]!r}, which is the name of a new column: rename it, {remedy}or "
            "copy no columns with copy_columns=False"
        )
    return pa.schema([*source.schema, *fields], source.schema.metadata)


def extended(batch: CaptionBatch, schema: pa.Schema, new: Sequence[pa.Array]) -> pa.RecordBatch:
    """Gives the rows of a batch with new columns, in an output's schema."""
    kept = batch.columns.columns if len(schema) > len(new) else []
    return pa.RecordBatch.from_arrays([*kept, *new], schema=schema)


def rows_of_lists(offsets: NDArray[np.int64], values: pa.Array, is_null: NDArray[np.bool_] | None) -> pa.Array:
    """Gives a column of lists. Where ``is_null`` is true, the list becomes null, and its values are removed."""
    lengths = np.diff(offsets)
    if is_null is not None and bool(lengths[is_null].any()):  # before version 25, pyarrow writes no values under nulls
        values = values.filter(pa.array(np.repeat(~is_null, lengths)))
        offsets = np.concatenate([[0], np.cumsum(np.where(is_null, 0, lengths))])
    mask = None if is_null is None else pa.array(is_null)
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values, mask=mask)


@contextmanager
def _naming_parquet(path: Path) -> Iterator[None]:
    """Lets an error name the file that could not be written, as :func:`naming_output` does."""
    try:
        with naming_output(path):
            yield
    except pa.ArrowException as error:  # for example of a type that Parquet does not have
        raise ValueError(f"cannot write {path}: {str(error).splitlines()[0]}") from error


def _leaves(schema: pa.Schema) -> list[str]:
    """Gives Parquet's names of the columns and of the parts of nested columns, such as ``ids.list.element``."""
    file = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), file)
    columns = pq.ParquetFile(pa.BufferReader(file.getvalue())).schema
    return [columns.column(index).path for index in range(len(columns.names))]
