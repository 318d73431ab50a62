"""Samples of Conceptual Captions and other TSV and CSV files: captions or classes with images that are downloaded."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from unicl.data.skipped_samples import BadSample, BadSampleError
from unicl.data.sources.checked_sample import existing, read_image, refuse_no_rows, sample_or_bad
from unicl.data.sources.class_names import numbers_of
from unicl.data.sources.sample_columns import (
    CAPTIONS,
    CLASSES,
    IMAGES,
    ColumnNames,
    SampleColumns,
    count_classes,
    distinct_classes,
)
from unicl.files import Reading, as_path, open_source

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from unicl.data.sample import Sample
    from unicl.data.sources.class_names import GivenNames
    from unicl.files import AnyPath

CAPTION, IMAGE, FILE = "caption", "image", "file"
"""The columns of a file without a header."""
ENDINGS = ("", ".jpg", ".jpeg", ".png", ".webp")
LOOKED_AT = 100
"""If none of so many images is there, the folder is wrong."""


class ConceptualCaptionsSamples:
    """The rows of a TSV or CSV file as samples. The images are files on this disk.

    Conceptual Captions has rows ``caption <TAB> image`` without a header (Sharma et al. 2018). Conceptual 12M has
    rows ``URL <TAB> caption`` (Changpinyo et al. 2021). Other files have a header, such as open_clip's
    ``title <TAB> filepath``. A TSV has no quotes, and a CSV may have them. An image is found like this:

    - A path is relative to ``image_folder``.
    - For a URL, the file is ``image_folder/NAME``, alone or with ``.jpg``, ``.jpeg``, ``.png`` or ``.webp``. NAME is
      ``ROW_CRC32``, ``CRC32`` alone, or the SHA-256 of the URL in hexadecimal. ROW counts rows from 0, and CRC32 is
      ``zlib.crc32`` of the URL in decimal. The usual downloader of Conceptual Captions writes ``ROW_CRC32``.
    - Without a header, a third column that names a file goes before either. Use it for img2dataset, which numbers its
      files: join its parquet files, which have ``url`` and ``key``, to the TSV. Then write ``KEY[:5]/KEY.jpg`` there.

    The rows are kept in memory, as Arrow columns. The key of a sample is the file and its row from 0.

    Args:
        path: The file, plain or compressed; or a URL.
        name: Names the source; None: the name of the file.
        columns: Which columns to take, for a file with a header.
        class_names: The names of classes in the order of their numbers, or by number or code.
        image_folder: The folder of the images; None: the folder of the file.

    Raises:
        FileNotFoundError: There is no such file or folder.
        ValueError: The file has no rows or no such columns; or none of the first 100 images is in the folder.
    """

    format = "TSV or CSV"

    def __init__(
        self,
        path: str | Path | AnyPath,
        *,
        name: str | None = None,
        columns: ColumnNames = ColumnNames(),  # noqa: B008
        class_names: GivenNames | None = None,
        image_folder: str | Path | AnyPath | None = None,
    ) -> None:
        path = existing(path, "a TSV or CSV file")
        self.name = path.stem if name is None else name
        self._file = path.name
        self._folder: AnyPath = path.parent if image_folder is None else as_path(image_folder)
        if not self._folder.is_dir():
            raise FileNotFoundError(
                f"expected image_folder to be the folder of the images that {path} names; no folder {self._folder}"
            )
        self._rows, self._bad = _read(path, columns)
        refuse_no_rows(path, len(self))
        self._columns = SampleColumns(path, self._rows.schema, _lower(columns), class_names)
        self.has_captions = bool(self._columns.captions)
        self.class_names: tuple[str, ...] | None = None
        if self._columns.classes is not None:
            found = numbers_of(map(str, distinct_classes(self._rows[self._columns.classes])))
            self._columns.names.close(found, alone=not self.has_captions)
            self.class_names = self._columns.names.all
        self._refuse_wrong_folder(path)

    @property
    def schema(self) -> dict[str, str]:
        """The column of each part of a sample."""
        return self._columns.schema

    def class_counts(self) -> Counter[str] | None:
        """Counts the rows of each class; None without classes."""
        if self._columns.classes is None:
            return None
        return count_classes([self._rows[self._columns.classes]], self._columns.names)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._rows)

    def take(self, rows: Sequence[int]) -> list[Sample | BadSample]:
        """Gives the samples of some rows, in their order; a bad one in the place of a row that has none.

        Raises:
            IndexError: There is no such row.
        """
        return [self._sample(int(row)) for row in rows]

    def _sample(self, row: int) -> Sample | BadSample:
        if not 0 <= row < len(self):
            raise IndexError(f"expected a row from 0 to {len(self) - 1}; got {row}")
        key = f"{self._file}:{row}"
        if row in self._bad:
            return BadSample(f"{self.name}, {key}", self._bad[row], "the row cannot be read")

        def make() -> Sample:
            return self._columns.sample(
                self._rows, row, source=self.name, key=key, open_image=lambda path: self._read_image(path, row)
            )

        return sample_or_bad(self.name, key, make)

    def _read_image(self, path: str, row: int) -> bytes:
        paths = list(self._paths(path.strip(), row))
        for each in paths:
            if each.is_file():
                return read_image(each)
        raise BadSampleError("missing image", f"{path[:200]}: there is no file {paths[0]}")

    def _paths(self, image: str, row: int) -> Iterator[AnyPath]:
        """Gives the files that may be the image of a row, the likely ones first."""
        if FILE in self._rows.column_names and (file := self._rows[FILE][row].as_py().strip()):
            yield self._folder / file
        if not _is_url(image):
            yield self._folder / image
            return
        crc = zlib.crc32(image.encode())
        for stem in (f"{row}_{crc}", str(crc), hashlib.sha256(image.encode()).hexdigest()):
            for ending in ENDINGS:
                yield self._folder / f"{stem}{ending}"

    def _refuse_wrong_folder(self, path: AnyPath) -> None:
        first = [row for row in range(min(len(self), LOOKED_AT)) if row not in self._bad]
        for row in first:
            image = (self._rows[self._columns.image][row].as_py() or "").strip()
            if image and any(each.is_file() for each in self._paths(image, row)):
                return
        if first:
            image = self._rows[self._columns.image][first[0]].as_py()
            raise ValueError(
                f"{path}, row {first[0]}: expected the image {image[:200]!r} in {self._folder}; got none of the first "
                f"{len(first)} images there: give image_folder"
            )


def _read(path: AnyPath, columns: ColumnNames) -> tuple[pa.Table, dict[int, str]]:
    """Reads a file: its rows, with the names of columns in lower case, and why some rows are bad."""
    reading = Reading(header=False, bad_rows="skip")
    source = open_source(path, reading)  # type: ignore[arg-type]
    tables: list[pa.RecordBatch] = []
    bad: dict[int, str] = {}
    rows = 0
    for raw in source.batches():
        bad |= {rows + row: reason for row, reason in raw.bad.items()}
        rows += len(raw.columns)
        tables.append(raw.columns)
    table = pa.Table.from_batches(tables, source.schema)
    if not rows:
        return table, bad
    first = [str(value or "").strip().lower() for value in (column[0].as_py() for column in table.columns)]
    if _is_header(first, columns):
        twice = next((each for each in first if first.count(each) > 1), None)
        if twice is not None:
            raise ValueError(f"{path}: expected one column {twice!r}; got several: rename all but one")
        table = table.slice(1).rename_columns(first)
        bad = {row - 1: reason for row, reason in bad.items() if row}
    else:
        table = _without_header(path, table)
    if (weight := (columns.weight or "weight").lower()) in table.column_names:
        table = _with_numbers(path, table, weight)
    return table.combine_chunks(), bad


def _is_header(first: Sequence[str], columns: ColumnNames) -> bool:
    named = _lower(columns)
    given = [named.image, named.classes, *([named.caption] if isinstance(named.caption, str) else named.caption or ())]
    if any(name in first for name in given if name):
        return True
    return any(name in first for name in IMAGES) and any(name.lower() in first for name in (*CAPTIONS, *CLASSES))


def _without_header(path: AnyPath, table: pa.Table) -> pa.Table:
    if table.num_columns < 2:
        raise ValueError(
            f"{path}: expected a header with columns of images and captions, or lines of a caption, a tab and an "
            f"image; got {table.column(0)[0].as_py()[:60]!r}"
        )
    first = [(table.column(number)[0].as_py() or "").strip() for number in range(2)]
    names = [IMAGE, CAPTION] if _is_url(first[0]) and not _is_url(first[1]) else [CAPTION, IMAGE]
    others = [FILE, *(f"f{number}" for number in range(3, table.num_columns))][: table.num_columns - 2]
    return table.rename_columns([*names, *others])


def _with_numbers(path: AnyPath, table: pa.Table, column: str) -> pa.Table:
    try:
        numbers = table[column].cast(pa.float64())
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: expected numbers in the column {column!r}; got another: {error}") from None
    return table.set_column(table.column_names.index(column), column, numbers)


def _lower(columns: ColumnNames) -> ColumnNames:
    def lower(name: Any) -> Any:
        return name if name is None else name.lower() if isinstance(name, str) else tuple(map(lower, name))

    return ColumnNames(**{field: lower(getattr(columns, field)) for field in ColumnNames.__dataclass_fields__})


def _is_url(field: str) -> bool:
    return field.startswith(("http://", "https://"))
