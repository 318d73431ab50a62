"""Reads rows of Parquet files in any order, a row group at a time."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unicl.files.malformed import changed_rows, naming_file
from unicl.files.validity import refuse_damaged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from unicl.files.remote_path import AnyPath

LOG = logging.getLogger(__name__)
CACHE_BYTES = 64 << 20
"""The row groups that a process keeps have about this many bytes. The last one stays whatever its size."""
LARGE_GROUP_BYTES = 32 << 20
OPEN_FILES = 64
READERS = 16


class FoundRow(NamedTuple):
    """A row in the row group that holds it.

    Attributes:
        place: The place among the rows that were asked for, from 0.
        group: The row group; None if it is damaged.
        row: The row within the group.
        file: The file.
        row_in_file: The row within the file, from 0.
        fault: Why the group cannot be read.
    """

    place: int
    group: pa.Table | None
    row: int
    file: AnyPath
    row_in_file: int
    fault: str = ""


class ParquetRows:
    """The rows of Parquet files, one file after another, in any order. Only the ends of files are read at first.

    It pickles without open files. A process keeps the last row groups, :data:`CACHE_BYTES` of them.

    Args:
        files: The files. Each needs the columns that are asked for; other columns may differ.

    Attributes:
        files: The files.
        schemas: The columns of each file.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is not Parquet, or is damaged.
    """

    def __init__(self, files: Sequence[AnyPath]) -> None:
        self.files = tuple(files)
        with ThreadPoolExecutor(min(READERS, max(1, len(files)))) as pool:
            found = list(pool.map(_outline, self.files))
        self.schemas = [outline.schema for outline in found]
        self._states = [outline.state for outline in found]
        groups = [outline.group_rows for outline in found]
        self._sizes = np.array([size for rows in groups for size in rows], np.int64)
        self._ends = np.cumsum(self._sizes)
        self._first_group = np.cumsum([0, *map(len, groups)])
        self._first_row = np.cumsum([0, *map(sum, groups)])
        self._forget()
        largest = max((size for outline in found for size in outline.group_bytes), default=0)
        if largest > LARGE_GROUP_BYTES and len(self._sizes) > 1:
            LOG.warning(
                "%s: row groups of up to %d MB are slow to read in random order: write row groups of about 100 images",
                self.files[0],
                largest >> 20,
            )

    def __len__(self) -> int:
        """The number of rows."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("_open", "_cache", "_cached_bytes", "_process")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._forget()

    def read(self, rows: Sequence[int], columns: Sequence[str]) -> Iterator[FoundRow]:
        """Finds rows, in the order of the files, so that a row group is read once for all rows in it.

        Args:
            rows: Numbers from 0 to ``len(self) - 1``, in any order, with repetition.
            columns: The columns to read.

        Raises:
            IndexError: There is no such row.
            ValueError: A file has changed since it was opened.
        """
        wanted = np.asarray(rows, np.int64).reshape(-1)
        outside = wanted[(wanted < 0) | (wanted >= len(self))]
        if len(outside):
            raise IndexError(f"expected a row from 0 to {len(self) - 1}; got {outside[0]}")
        groups = np.searchsorted(self._ends, wanted, side="right")
        for place in np.argsort(groups, kind="stable"):
            group = int(groups[place])
            number = int(np.searchsorted(self._first_group, group, side="right")) - 1
            row = int(wanted[place] - self._ends[group] + self._sizes[group])
            fault, table = "", None
            try:
                table = self._group(number, group - int(self._first_group[number]), tuple(columns))
            except (pa.ArrowException, OSError) as error:
                fault = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            in_file = int(wanted[place] - self._first_row[number])
            yield FoundRow(int(place), table, row, self.files[number], in_file, fault)

    def column(self, name: str) -> Iterator[pa.ChunkedArray]:
        """Reads a whole column, a row group at a time.

        Raises:
            ValueError: A file is damaged.
        """
        for number, file in enumerate(self.files):
            with naming_file(file, "Parquet"):
                opened = self._file(number)
                for group in range(opened.metadata.num_row_groups):
                    table = opened.read_row_group(group, columns=[name], use_threads=False)
                    _refuse_damaged(table)
                    yield table[name]

    def place(self, row: int) -> str:
        """Names a row in a message: its file, and its number in the file from 0."""
        number = int(np.searchsorted(self._first_row, row, side="right")) - 1
        return f"{self.files[number]}, row {row - int(self._first_row[number])}"

    def _group(self, number: int, group: int, columns: tuple[str, ...]) -> pa.Table:
        self._forget_after_fork()
        key = number, group, columns
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key][0]
        if isinstance(self.files[number], Path):  # at a URL this is a request, so it is made once a file
            self._refuse_changed(number)
        size = self._file(number).metadata.row_group(group).total_byte_size
        while self._cache and self._cached_bytes + size > CACHE_BYTES:
            self._cached_bytes -= self._cache.popitem(last=False)[1][1]
        table = self._file(number).read_row_group(group, columns=list(columns), use_threads=False)
        _refuse_damaged(table)
        self._cache[key] = table, size
        self._cached_bytes += size
        return table

    def _file(self, number: int) -> pq.ParquetFile:
        self._forget_after_fork()
        if number not in self._open:
            while len(self._open) >= OPEN_FILES:
                self._open.popitem(last=False)[1].close()
            file = self.files[number]
            opened = pq.ParquetFile(_content(file), pre_buffer=not isinstance(file, Path))
            self._refuse_changed(number)
            self._open[number] = opened
        self._open.move_to_end(number)
        return self._open[number]

    def _refuse_changed(self, number: int) -> None:
        if _state(self.files[number]) != self._states[number]:
            raise changed_rows(self.files[number], "its size or time of change is another now")

    def _forget_after_fork(self) -> None:
        if self._process != os.getpid():
            self._forget()

    def _forget(self) -> None:
        self._process = os.getpid()
        self._open: OrderedDict[int, pq.ParquetFile] = OrderedDict()
        self._cache: OrderedDict[tuple[int, int, tuple[str, ...]], tuple[pa.Table, int]] = OrderedDict()
        self._cached_bytes = 0


class _Outline(NamedTuple):
    """The columns of a file, the rows and bytes of each row group, and its size and time of change."""

    schema: pa.Schema
    group_rows: list[int]
    group_bytes: list[int]
    state: tuple[int, int]


def _outline(file: AnyPath) -> _Outline:
    state = _state(file)
    with naming_file(file, "Parquet"), pq.ParquetFile(_content(file)) as opened:
        groups = [opened.metadata.row_group(group) for group in range(opened.metadata.num_row_groups)]
        sizes = [group.total_byte_size for group in groups]
        return _Outline(opened.schema_arrow, [group.num_rows for group in groups], sizes, state)


def _state(file: AnyPath) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, getattr(found, "st_mtime_ns", 0)


def _content(file: AnyPath) -> Any:
    return file if isinstance(file, Path) else file.open()


def _refuse_damaged(table: pa.Table) -> None:
    for batch in table.to_batches():
        refuse_damaged(batch)
