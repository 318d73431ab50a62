"""Reads Arrow IPC: the file format (also called Feather) and the stream format (as of HF datasets)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from unicl.files.malformed import naming_file, refuse_changed
from unicl.files.rows import RawBatch, numbered, rows_within, size_in_bytes, slices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from unicl.files.rows import Reading

FILE_MAGIC = b"ARROW1"


class ArrowSource:
    """The rows of an Arrow IPC file or stream. Its first bytes tell which. It is mapped into memory, not read into it.

    Raises:
        ValueError: It is neither of the two, or is damaged.
    """

    num_rows: int | None = None

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path, self._batch_rows = path, reading.batch_rows
        with path.open("rb") as file:
            self._is_file = file.read(len(FILE_MAGIC)) == FILE_MAGIC
        with naming_file(path, "Arrow IPC"), pa.memory_map(str(path)) as mapped, self._open(mapped) as reader:
            self.schema = reader.schema

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """Reads the rows, in order."""
        first_row = 0
        with naming_file(self.path, "Arrow IPC"), pa.memory_map(str(self.path)) as mapped, self._open(mapped) as reader:
            refuse_changed(self.path, reader.schema, self.schema)
            whole = (reader.get_batch(n) for n in range(reader.num_record_batches)) if self._is_file else reader
            for batch in whole:
                kept = batch if columns is None else batch.select(list(columns))
                size = rows_within(size_in_bytes(kept) / max(kept.num_rows, 1), self._batch_rows)
                for rows in slices(kept, size):
                    yield RawBatch(rows, numbered("row", first_row))
                    first_row += len(rows)

    def _open(self, mapped: pa.MemoryMappedFile) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
        return pa.ipc.open_file(mapped) if self._is_file else pa.ipc.open_stream(mapped)
