"""Files out: nothing stands under its final name before all of it is on the disk."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from unicl.atomic import replacing
from unicl.engines.columns import size_in_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW_GROUP_ROWS = 1 << 17
ROW_GROUP_BYTES = 64 << 20


@contextmanager
def written_aside(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A path beside ``path`` to write to; what was written there takes the name of ``path`` at the end.

    It is on the disk before it is renamed. After an error, or Ctrl-C, it is removed, and what was at ``path`` stays.

    Args:
        path: The final name. Its folder is made.
        overwrite: Replace a file of that name.

    Raises:
        FileExistsError: There is one, and ``overwrite`` is not set.
        OSError: The disk is full, or whatever else it says; the message names the file.
    """
    refuse_existing(path, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as aside:
        yield aside
        refuse_existing(path, overwrite=overwrite)  # another process may have been faster


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


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raises ``FileExistsError`` if there is a file and it must not be replaced."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; name another place, or pass overwrite=True (--overwrite) to replace it")


def make_folder(folder: Path) -> None:
    """Makes the folder of outputs that come after hours of other work, and sees that files can be made in it.

    Raises:
        OSError: They cannot; the message names the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(error.errno, f"cannot write into the folder: {error.strerror}", str(folder)) from error


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
