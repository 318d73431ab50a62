"""Reads CSV and TSV. Every value is a string, as it is written in the file."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from unicl.files.compressed import open_stream
from unicl.files.delimited_text import GROWTH, NOT_UTF8_MARK, DelimitedText
from unicl.files.malformed import check_text, naming_file
from unicl.files.rows import (
    CAPTION_COLUMNS,
    MAX_ROW_BYTES,
    NOT_UTF8,
    SKIP_BAD_ROWS,
    RawBatch,
    numbered,
    slices,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from unicl.files.rows import Reading

RAGGED = "too few or too many values"
_EXCEL = re.compile(rb'(?:\xef\xbb\xbf)?"?sep=(.)"?[\r\n]', re.IGNORECASE)


class DelimitedSource:
    """The rows of a CSV or TSV file, plain or compressed. Blank lines are no rows; an empty value is "".

    Rows end in a line feed, a carriage return, or both. A row of too few or too many values is a bad row. A file
    without a line has no rows, and an empty column of captions.

    Raises:
        ValueError: It has no header, or the header has a name twice.
    """

    num_rows: int | None = None

    def __init__(self, path: Path, reading: Reading, *, delimiter: str) -> None:
        self.path, self._reading, self._delimiter = path, reading, delimiter
        self._format = "TSV" if delimiter == "\t" else "CSV"
        self._quotes = delimiter != "\t" if reading.quotes is None else reading.quotes
        start = check_text(path, self._format)
        excel = _EXCEL.match(start)
        if excel:
            raise ValueError(f"{path}: expected a header or a row; got Excel's {excel[0].strip()!r}: remove that line")
        if not start.strip(b"\xef\xbb\xbf\r\n"):
            self.num_rows, names = 0, [reading.column or CAPTION_COLUMNS[0]]
        else:
            with self._open(pa.csv.ConvertOptions(), []) as (file, _):
                names = file.schema.names
        if NOT_UTF8_MARK in "".join(names):
            raise ValueError(f"{path} is not {self._format}, or is damaged: its header is not utf-8")
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"{path}: expected one column {twice[0]!r}; got several: rename all but one")
        self.schema = pa.schema([pa.field(name, pa.string()) for name in names])

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """Reads the rows, in order."""
        if self.num_rows == 0:
            return
        names = self.schema.names if columns is None else list(columns)
        schema = pa.schema([self.schema.field(name) for name in names])
        options = pa.csv.ConvertOptions(
            include_columns=names, column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        )
        ragged: list[pa.csv.InvalidRow] = []
        row = 2 if self._reading.header else 1
        with self._open(options, ragged) as (file, text):
            for block in file:
                whole, skipped = self._with_ragged(block, row, ragged)
                for part in slices(whole, self._reading.batch_rows):
                    columns: list[pa.Array] = part.columns
                    bad: dict[int, str] = {}
                    if text.is_marked:
                        is_marked = [
                            pc.fill_null(pc.match_substring(column, NOT_UTF8_MARK), fill_value=False)
                            for column in columns
                        ]
                        bad = dict.fromkeys(np.flatnonzero(np.logical_or.reduce(is_marked)).tolist(), NOT_UTF8)
                        columns = [pc.replace_substring(column, NOT_UTF8_MARK, "\ufffd") for column in columns]
                    bad |= {number - row: RAGGED for number in skipped if row <= number < row + len(part)}
                    batch = pa.RecordBatch.from_arrays(columns, schema=schema)
                    yield RawBatch(batch, numbered("row", row), bad)
                    row += len(part)
            if ragged:
                nulls = [pa.nulls(len(ragged), pa.string())] * len(names)
                self._refuse(ragged[0])
                yield RawBatch(
                    pa.RecordBatch.from_arrays(nulls, schema=schema),
                    numbered("row", row),
                    dict.fromkeys(range(len(ragged)), RAGGED),
                )

    def _with_ragged(
        self, block: pa.RecordBatch, first: int, ragged: list[pa.csv.InvalidRow]
    ) -> tuple[pa.RecordBatch, list[int]]:
        """Gives a block with a row of nulls for each ragged row in it or before it, and the numbers of these rows.

        Arrow gives no ragged rows. It has told of those in the block, and maybe of later ones.
        """
        numbers: list[int] = []
        taken: list[int | None] = []
        for row in range(len(block)):
            while ragged and ragged[0].number == first + len(taken):
                self._refuse(ragged[0])
                numbers.append(ragged.pop(0).number)
                taken.append(None)
            if not ragged:
                taken += range(row, len(block))
                break
            taken.append(row)
        return (block.take(pa.array(taken, pa.int64())), numbers) if numbers else (block, [])

    def _refuse(self, row: pa.csv.InvalidRow) -> None:
        if self._reading.bad_rows == "error":
            quotes = ", or read values in quotes with quotes=True" if '"' in row.text and not self._quotes else ""
            raise ValueError(
                f"{self.path}, row {row.number}: expected {row.expected_columns} values; got {row.actual_columns} in "
                f"{row.text[:60]!r}: {SKIP_BAD_ROWS}{quotes}"
            )

    @contextmanager
    def _open(
        self, options: pa.csv.ConvertOptions, ragged: list[pa.csv.InvalidRow]
    ) -> Iterator[tuple[pa.csv.CSVStreamingReader, DelimitedText]]:
        def skip(row: pa.csv.InvalidRow) -> str:
            ragged.append(row)
            return "skip"

        read = pa.csv.ReadOptions(
            use_threads=False,  # on several threads it does not number the rows
            block_size=GROWTH * MAX_ROW_BYTES,
            autogenerate_column_names=not self._reading.header,
        )
        parse = pa.csv.ParseOptions(
            delimiter=self._delimiter,
            quote_char='"' if self._quotes else False,
            newlines_in_values=self._quotes,
            invalid_row_handler=skip,
        )
        with naming_file(self.path, self._format), open_stream(self.path) as file:
            text = DelimitedText(file, self.path, self._delimiter, quotes=self._quotes)
            try:
                with pa.csv.open_csv(pa.PythonFile(text, mode="r"), read, parse, options) as rows:
                    yield rows, text
            except pa.ArrowInvalid:
                text.refuse_open("in the header or a row")
                raise


def csv_file(path: Path, reading: Reading) -> DelimitedSource:
    """Opens a CSV file."""
    return DelimitedSource(path, reading, delimiter=",")


def tsv_file(path: Path, reading: Reading) -> DelimitedSource:
    """Opens a TSV file."""
    return DelimitedSource(path, reading, delimiter="\t")
