"""Reads Arrow IPC: the file format (also called Feather) and the stream format (as of HF datasets)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow as pa

from unicl.files.malformed import naming_file, refuse_changed
from unicl.files.rows import RawBatch, numbered, rows_within, size_in_bytes, slices
from unicl.files.validity import refuse_damaged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from unicl.files.rows import Reading

FILE_MAGIC = b"ARROW1"
END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


class ArrowSource:
    """The rows of an Arrow IPC file or stream. Its first bytes tell which.

    A batch is as large as its writer made it. It is read, not mapped: another process that cuts a mapped file would
    kill this one. Everything in it is validated before it is used, as pyarrow trusts the offsets and indices in a file.

    Raises:
        ValueError: It is neither of the two, or is damaged.
    """

    num_rows: int | None = None

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path, self._batch_rows = path, reading.batch_rows
        with path.open("rb") as file:
            start = file.read(len(FILE_MAGIC))
            self._is_file = start == FILE_MAGIC
            file.seek(max(0, file.seek(0, os.SEEK_END) - len(END_OF_STREAM)))
            end = file.read()
        with naming_file(path, "Arrow IPC"), pa.OSFile(str(path)) as opened, self._open(opened) as reader:
            self.schema = reader.schema
        # pyarrow takes a stream that was cut between two batches for a shorter one. The first writers, before 2019,
        # began no part of a stream with 0xFFFFFFFF.
        if not self._is_file and not end.endswith(END_OF_STREAM if start.startswith(END_OF_STREAM[:4]) else b"\0" * 4):
            raise ValueError(f"{path} is not Arrow IPC, or is damaged: the mark for the end of a stream is missing")

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """Reads the rows, in order."""
        first_row = 0
        with naming_file(self.path, "Arrow IPC"), pa.OSFile(str(self.path)) as file, self._open(file) as reader:
            refuse_changed(self.path, reader.schema, self.schema)
            whole = (reader.get_batch(n) for n in range(reader.num_record_batches)) if self._is_file else reader
            for batch in whole:
                kept = batch if columns is None else batch.select(list(columns))
                refuse_damaged(kept)
                size = rows_within(size_in_bytes(kept) / max(kept.num_rows, 1), self._batch_rows)
                for rows in slices(kept, size):
                    yield RawBatch(rows, numbered("row", first_row))
                    first_row += len(rows)
            if not self._is_file and file.tell() < file.size():
                raise ValueError(f"{self.path}: expected one stream; got bytes after its end: make a file of each")

    def _open(self, file: pa.OSFile) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
        return pa.ipc.open_file(file) if self._is_file else pa.ipc.open_stream(file)
