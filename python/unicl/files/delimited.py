"""Reads CSV and TSV. Every value is a string, as it is written in the file."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from unicl.files.compressed import open_stream
from unicl.files.delimited_text import NOT_UTF8_MARK, DelimitedText
from unicl.files.malformed import check_text, naming_file
from unicl.files.rows import (
    CAPTION_COLUMNS,
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
        first = next(self._blocks(), None)
        if first is None:
            self.num_rows, names = 0, [reading.column or CAPTION_COLUMNS[0]]
        else:
            with naming_file(path, self._format):
                names = self._parsed(first, None, pa.csv.ConvertOptions(), [])[0].schema.names
        if NOT_UTF8_MARK in "".join(names):
            raise ValueError(f"{path} is not {self._format}, or is damaged: its header is not utf-8")
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"{path}: expected one column {twice[0]!r}; got several: rename all but one")
        self.schema = pa.schema([pa.field(name, pa.string()) for name in names])

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """Reads the rows, in order."""
        names = self.schema.names if columns is None else list(columns)
        schema = pa.schema([self.schema.field(name) for name in names])
        options = pa.csv.ConvertOptions(
            include_columns=names, column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        )
        row, header = (2, None) if self._reading.header else (1, self.schema.names)
        for block in self._blocks():
            ragged: list[pa.csv.InvalidRow] = []
            with naming_file(self.path, self._format):
                rows, lines_before = self._parsed(block, header, options, ragged)
            header = self.schema.names
            bad = {invalid.number - lines_before: RAGGED for invalid in ragged}
            if bad and self._reading.bad_rows == "error":
                raise self._ragged(ragged[0], row + min(bad))
            whole = np.ones(len(rows) + len(bad), np.bool_)
            whole[list(bad)] = False
            taken = pa.array(np.cumsum(whole) - 1, mask=~whole)
            rows = rows.take(taken) if bad else rows
            if NOT_UTF8_MARK.encode() in block:
                is_marked = [
                    pc.fill_null(pc.match_substring(column, NOT_UTF8_MARK), fill_value=False) for column in rows
                ]
                bad |= dict.fromkeys(np.flatnonzero(np.logical_or.reduce(is_marked)).tolist(), NOT_UTF8)
                repaired = [pc.replace_substring(column, NOT_UTF8_MARK, "\ufffd") for column in rows]
                rows = pa.RecordBatch.from_arrays(repaired, schema=rows.schema)
            start = 0
            for part in slices(pa.RecordBatch.from_arrays(rows.columns, schema=schema), self._reading.batch_rows):
                inside = {place - start: reason for place, reason in bad.items() if 0 <= place - start < len(part)}
                yield RawBatch(part, numbered("row", row), inside)
                row, start = row + len(part), start + len(part)

    def _blocks(self) -> Iterator[bytes]:
        """Gives blocks of whole rows, of one row or more."""
        text = DelimitedText(self.path, self._delimiter, quotes=self._quotes)
        with naming_file(self.path, self._format), open_stream(self.path) as file:
            yield from (block for block in text.blocks(file) if block.strip(b"\r\n"))

    def _parsed(
        self,
        block: bytes,
        names: Sequence[str] | None,
        options: pa.csv.ConvertOptions,
        ragged: list[pa.csv.InvalidRow],
    ) -> tuple[pa.RecordBatch, int]:
        """Reads a block with Arrow, without ragged rows, and tells which number it gives to the first row."""

        def skip(row: pa.csv.InvalidRow) -> str:
            ragged.append(row)
            return "skip"

        read = pa.csv.ReadOptions(
            use_threads=False,  # on several threads it does not number the rows
            block_size=len(block) + 1,
            column_names=names,
            autogenerate_column_names=names is None and not self._reading.header,
        )
        parse = pa.csv.ParseOptions(
            delimiter=self._delimiter,
            quote_char='"' if self._quotes else False,
            newlines_in_values=self._quotes,
            invalid_row_handler=skip,
        )
        table = pa.csv.read_csv(pa.BufferReader(block), read, parse, options).combine_chunks()
        batches = table.to_batches()
        empty = pa.RecordBatch.from_pylist([], table.schema)
        return batches[0] if batches else empty, 2 if names is None and self._reading.header else 1

    def _ragged(self, row: pa.csv.InvalidRow, number: int) -> ValueError:
        quotes = ", or read values in quotes with quotes=True" if '"' in row.text and not self._quotes else ""
        return ValueError(
            f"{self.path}, row {number}: expected {row.expected_columns} values; got {row.actual_columns} in "
            f"{row.text[:60]!r}: {SKIP_BAD_ROWS}{quotes}"
        )


def csv_file(path: Path, reading: Reading) -> DelimitedSource:
    """Opens a CSV file."""
    return DelimitedSource(path, reading, delimiter=",")


def tsv_file(path: Path, reading: Reading) -> DelimitedSource:
    """Opens a TSV file."""
    return DelimitedSource(path, reading, delimiter="\t")
