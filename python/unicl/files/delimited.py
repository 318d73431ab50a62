"""Reads CSV and TSV. Every value is a string, as it is written in the file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv

from unicl.files.malformed import check_text, naming_file
from unicl.files.rows import RawBatch, numbered, repair_text, slices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from unicl.files.rows import Reading

BLOCK_BYTES = 16 << 20
"""The largest size of a row."""


class DelimitedSource:
    """The rows of a CSV or TSV file, plain or compressed. Blank lines are no rows; an empty value is ""."""

    num_rows = None

    def __init__(self, path: Path, reading: Reading, *, delimiter: str) -> None:
        self.path, self._reading = path, reading
        self._format = "TSV" if delimiter == "\t" else "CSV"
        self._parse = pa.csv.ParseOptions(
            delimiter=delimiter,
            quote_char='"' if reading.quotes else False,
            newlines_in_values=reading.quotes,
        )
        check_text(path, self._format)
        with naming_file(path, self._format), self._open(pa.csv.ConvertOptions(check_utf8=False)) as file:
            names = file.schema.names
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"{path}: expected one column {twice[0]!r}; got several: rename all but one")
        self.schema = pa.schema([pa.field(name, pa.string()) for name in names])

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """Reads the rows, in order."""
        names = self.schema.names if columns is None else list(columns)
        schema = pa.schema([self.schema.field(name) for name in names])
        options = pa.csv.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(
                names, pa.binary()
            ),  # as strings, one bad byte would be an error of the whole file
            strings_can_be_null=False,
        )
        first_row = 2 if self._reading.header else 1
        with naming_file(self.path, self._format), self._open(options) as file:
            for block in file:
                for rows in slices(block, self._reading.batch_rows):
                    repaired = [repair_text(column.view(pa.string())) for column in rows.columns]
                    batch = pa.RecordBatch.from_arrays([column for column, _ in repaired], schema=schema)
                    not_utf8 = sorted({row for _, bad in repaired for row in bad})
                    yield RawBatch(batch, numbered("row", first_row), not_utf8)
                    first_row += len(rows)

    def _open(self, options: pa.csv.ConvertOptions) -> pa.csv.CSVStreamingReader:
        read = pa.csv.ReadOptions(
            use_threads=False,  # on several threads its errors do not name the row
            block_size=BLOCK_BYTES,
            autogenerate_column_names=not self._reading.header,
        )
        return pa.csv.open_csv(self.path, read, self._parse, options)


def csv_file(path: Path, reading: Reading) -> DelimitedSource:
    """Opens a CSV file."""
    return DelimitedSource(path, reading, delimiter=",")


def tsv_file(path: Path, reading: Reading) -> DelimitedSource:
    """Opens a TSV file."""
    return DelimitedSource(path, reading, delimiter="\t")
