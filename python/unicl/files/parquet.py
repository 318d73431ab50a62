"""Reads Parquet, in batches of bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from unicl.files.malformed import naming_file, refuse_changed
from unicl.files.rows import RawBatch, numbered, rows_within
from unicl.files.validity import refuse_damaged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from unicl.files.rows import Reading


class ParquetSource:
    """The rows of a Parquet file.

    Raises:
        ValueError: The file is not Parquet, or is damaged.
    """

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path = path
        with naming_file(path, "Parquet"), pq.ParquetFile(path) as file:
            self.schema = file.schema_arrow
            self.num_rows: int | None = file.metadata.num_rows
            groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
        row_bytes = max((group.total_byte_size / group.num_rows for group in groups if group.num_rows), default=0.0)
        self._batch_rows = rows_within(row_bytes, reading.batch_rows)
        self._groups = _together([group.num_rows for group in groups], self._batch_rows)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """Reads the rows, in order."""
        # A buffer size makes pyarrow stream a column chunk; without one it reads each whole, however large. With
        # pre_buffer, and in one iteration over all row groups, it keeps memory of the groups that it has read.
        options = {"buffer_size": 1 << 20, "pre_buffer": False}
        # On pyarrow's threads, the allocator keeps memory for each of them.
        reading = {"batch_size": self._batch_rows, "columns": None if columns is None else list(columns)}
        with naming_file(self.path, "Parquet"), pq.ParquetFile(self.path, **options) as file:
            refuse_changed(self.path, file.schema_arrow, self.schema)
            first_row = 0
            for groups in self._groups:
                for batch in file.iter_batches(row_groups=groups, use_threads=False, **reading):
                    refuse_damaged(batch)  # pyarrow takes the indices of a dictionary as they are
                    yield RawBatch(batch, numbered("row", first_row))
                    first_row += batch.num_rows


def _together(sizes: Sequence[int], most: int) -> list[list[int]]:
    """Gives the row groups to read together: at most so many rows, or one group.

    Example:
        >>> _together([5, 3, 9, 1], 8)
        [[0, 1], [2], [3]]
    """
    together: list[list[int]] = []
    rows = 0
    for group, size in enumerate(sizes):
        if not together or rows + size > most:
            together.append([])
            rows = 0
        together[-1].append(group)
        rows += size
    return together
