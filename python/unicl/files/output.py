"""Files out: nothing stands under its final name before all of it is on the disk."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unicl.files.atomic import written_aside
from unicl.files.rows import size_in_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from unicl.files.caption_batches import CaptionBatch
    from unicl.files.rows import Source

ROW_GROUP_ROWS = 1 << 17
ROW_GROUP_BYTES = 64 << 20


@contextmanager
def naming_output(path: Path) -> Iterator[None]:
    """Lets an error name the file that could not be written, not the name it had meanwhile."""
    try:
        yield
    except pa.ArrowException as error:  # of a type, say, that Parquet has not
        raise ValueError(f"cannot write {path}: {str(error).splitlines()[0]}") from error
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise OSError(error.errno, f"cannot write the output: {reason}", str(path)) from error


class ParquetOutput:
    """Batches into a Parquet file, in row groups of bounded size. Made by :func:`new_parquet`."""

    def __init__(self, writer: pq.ParquetWriter, path: Path, schema: pa.Schema) -> None:
        self._writer, self._path, self._schema = writer, path, schema
        self._waiting: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds rows."""
        self._waiting.append(batch)
        rows = sum(waiting.num_rows for waiting in self._waiting)
        if rows >= ROW_GROUP_ROWS or sum(map(size_in_bytes, self._waiting)) >= ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes what waits as a row group."""
        if self._waiting:
            table = pa.Table.from_batches(self._waiting, self._schema)
            self._waiting.clear()
            with naming_output(self._path):
                self._writer.write_table(table, row_group_size=max(1, table.num_rows))

    def finish(self) -> None:
        """Writes what waits and the end of the file; no rows can follow."""
        self.flush()
        with naming_output(self._path):
            self._writer.close()


@contextmanager
def new_parquet(path: Path, schema: pa.Schema, *, overwrite: bool = False) -> Iterator[ParquetOutput]:
    """A Parquet file to write batches to, by the rules of :func:`written_aside`.

    Raises:
        FileExistsError, OSError: As :func:`written_aside`.
        ValueError: Parquet cannot hold a column.
    """
    with written_aside(path, overwrite=overwrite) as aside:
        with naming_output(path):
            writer = pq.ParquetWriter(aside, schema, compression="zstd")
        try:
            output = ParquetOutput(writer, path, schema)
            yield output
            output.finish()
        except BaseException:
            with suppress(OSError, pa.ArrowException):  # lets the file go; its end may have no room either
                writer.close()
            raise


def extended_schema(source: Source, fields: Sequence[pa.Field], *, copy_columns: bool = True) -> pa.Schema:
    """The schema of an output: the columns of the input, then the new ones.

    Raises:
        ValueError: The input has a column of a new one's name.
    """
    if not copy_columns:
        return pa.schema(fields)
    taken = [field.name for field in fields if field.name in source.schema.names]
    if taken:
        raise ValueError(
            f"{source.path} already has a column {taken[0]!r}; rename it, or leave out the input's columns "
            "with copy_columns=False (--no-copy-columns)"
        )
    return pa.schema([*source.schema, *fields], source.schema.metadata)


def extended(batch: CaptionBatch, schema: pa.Schema, new: Sequence[pa.Array]) -> pa.RecordBatch:
    """The rows of a batch with new columns, in an output's schema."""
    kept = batch.columns.columns if len(schema) > len(new) else []
    return pa.RecordBatch.from_arrays([*kept, *new], schema=schema)


def rows_of_lists(offsets: NDArray[np.int64], values: pa.Array, is_null: NDArray[np.bool_] | None) -> pa.Array:
    """A column of lists, null where it is said; the rows that are null must be empty or are dropped."""
    mask = None if is_null is None else pa.array(is_null)
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values, mask=mask)
