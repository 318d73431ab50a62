"""Samples in Parquet files, as HF datasets and others write them, in any order."""

from __future__ import annotations

import math
import re
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from unicl.data.skipped_samples import BadSample
from unicl.data.sources.checked_sample import existing, read_image, refuse_no_rows, sample_or_bad
from unicl.data.sources.row_classes import row_classes
from unicl.data.sources.sample_columns import ColumnNames, SampleColumns, count_classes, distinct_classes
from unicl.files import SPLITS, ParquetRows

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from unicl.data.sample import Sample
    from unicl.data.sources.class_names import GivenNames
    from unicl.files import AnyPath

CHECKED_KEYS = 1_000_000
"""Keys of at most so many rows are compared when the source is opened."""


class ParquetSamples:
    """The rows of Parquet files as samples.

    A row group is read as a whole, and a process keeps the last ones: 64 MiB of them. A ``take`` reads a row group
    once for all its rows in it. So write row groups of about 100 images: ``pq.write_table(..., row_group_size=100)``.

    When the source is opened it reads the ends of the files and the columns of classes, keys (up to
    1,000,000 rows) and weights.

    Args:
        path: A file, a folder of files whose names end in ``.parquet`` or ``.pq``, or a pattern for names of files,
            such as ``data/train-*.parquet``; or a URL.
        name: Names the source; None: the name of the file or folder.
        columns: Which columns to take. By default these are looked for: ``image``, ``img`` and others for the image;
            ``captions``, ``caption``, ``text``, ``txt`` and ``title``; ``label``, ``labels``, ``class``, ``classes``
            and ``cls``; ``weight``; ``key``.
        class_names: The names of classes in the order of their numbers, or by number or code. By default, the names
            that HF datasets put into the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A file is damaged or has no such columns; there are no rows; two rows have one key; a weight is
            not above 0; a folder has several splits; the classes have no names, or there is only one.
    """

    format = "Parquet"

    def __init__(
        self,
        path: str | Path | AnyPath,
        *,
        name: str | None = None,
        columns: ColumnNames = ColumnNames(),  # noqa: B008
        class_names: GivenNames | None = None,
    ) -> None:
        path = existing(path, "a Parquet file or a folder of them")
        files = _files(path)
        self.name = path.stem if name is None else name
        self._rows = ParquetRows(files)
        refuse_no_rows(path, len(self))
        self._columns = SampleColumns(files[0], self._rows.schemas[0], columns, class_names)
        for file, schema in zip(files[1:], self._rows.schemas[1:], strict=True):
            self._columns.require(schema, file)
        self.has_captions = bool(self._columns.captions)
        self.several_classes = self._columns.several_classes
        self.class_names = self._find_classes()
        self._check_keys()
        self._check_weights()

    @property
    def schema(self) -> dict[str, str]:
        """The column of each part of a sample."""
        return self._columns.schema

    def class_counts(self) -> Counter[str] | None:
        """Counts the rows of each class; None without classes. The column of the classes is read."""
        if self._columns.classes is None:
            return None
        return count_classes(self._rows.column(self._columns.classes), self._columns.names)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._rows)

    def row_classes(self) -> NDArray[np.int64]:
        """Gives the place of each row's class in ``class_names``; -1 for none.

        Raises:
            TypeError: A row can have several classes.
        """
        column = self._columns.classes
        return row_classes(() if column is None else self._rows.column(column), self._columns.names)

    def take(self, rows: Sequence[int]) -> list[Sample | BadSample]:
        """Gives the samples of some rows, in their order; a bad one in the place of a row that has none.

        Raises:
            IndexError: There is no such row.
            ValueError: A file has changed.
        """
        samples: dict[int, Sample | BadSample] = {}
        for found in self._rows.read(rows, self._columns.all):
            key = f"{found.file.name}:{found.row_in_file}"
            if found.group is None:
                samples[found.place] = BadSample(f"{self.name}, {key}", "damaged row group", found.fault)
            else:
                samples[found.place] = self._sample(found.group, found.row, key, found.file.parent)
        return [samples[place] for place in range(len(samples))]

    def _sample(self, group: pa.Table, row: int, key: str, folder: AnyPath) -> Sample | BadSample:
        def make() -> Sample:
            return self._columns.sample(
                group, row, source=self.name, key=key, open_image=lambda path: read_image(folder / path)
            )

        return sample_or_bad(self.name, key, make)

    def _find_classes(self) -> tuple[str, ...] | None:
        if self._columns.classes is None:
            return None
        found: set[Any] = set()
        if not self._columns.names.given:
            for column in self._rows.column(self._columns.classes):
                found |= distinct_classes(column)
        self._columns.names.close(found, alone=not self.has_captions)
        return self._columns.names.all

    def _check_keys(self) -> None:
        if self._columns.key is None or len(self) > CHECKED_KEYS:
            return
        columns = self._rows.column(self._columns.key)
        keys = pa.chunked_array([_key_bytes(chunk) for column in columns for chunk in column.chunks])
        if pc.count_distinct(keys).as_py() == len(keys) - keys.null_count:
            return
        counted = pc.value_counts(keys.drop_null())
        key = counted.filter(pc.greater(counted.field("counts"), 1))[0]["values"]
        first, second = pc.indices_nonzero(pc.equal(keys, key)).to_pylist()[:2]
        raise ValueError(
            f"{self._rows.place(first)}: expected a key of its own; got "
            f"{key.as_py().decode(errors='replace')!r}, which "
            f"{self._rows.place(second)} has too: name another column with key_column, or none with an empty name"
        )

    def _check_weights(self) -> None:
        if self._columns.weight is None:
            return
        first = 0
        for column in self._rows.column(self._columns.weight):
            weights = pc.fill_null(column.cast(pa.float64()), 1.0).to_numpy()
            bad = [row for row, weight in enumerate(weights) if not (weight > 0 and math.isfinite(weight))]
            if bad:
                raise ValueError(
                    f"{self._rows.place(first + bad[0])}: expected a finite weight above 0; got {weights[bad[0]]:g}: "
                    "leave such rows out"
                )
            first += len(weights)


def _files(path: AnyPath) -> list[AnyPath]:
    """Lists the files of a folder or a pattern, by name. A folder may not mix splits, such as training and test."""
    if "*" not in path.name and not path.is_dir():
        return [path]
    folder, pattern = (path.parent, path.name) if "*" in path.name else (path, "*")
    inside = [file for file in folder.iterdir() if not file.name.startswith((".", "_"))]
    inside = [file for file in inside if fnmatch(file.name, pattern) and file.suffix.lower() in (".parquet", ".pq")]
    files: list[Any] = sorted(inside)
    if not files:
        raise FileNotFoundError(
            f"expected files in {folder} named {pattern} that end in .parquet; got none: name the folder with them"
        )
    splits = {split: file for file in files if (split := re.split(r"[-_.]", file.name.lower())[0]) in SPLITS}
    if len(splits) > 1:
        raise ValueError(
            f"{path}: expected the files of one split; got {' and '.join(sorted(splits))}: name one, such as "
            f"{folder}/{min(splits)}-*.parquet"
        )
    return files


def _key_bytes(keys: pa.Array) -> pa.Array:
    keys = keys.dictionary_decode() if pa.types.is_dictionary(keys.type) else keys
    if pa.types.is_string(keys.type) or pa.types.is_binary(keys.type):
        return keys.cast(pa.large_binary())
    return keys.cast(pa.large_string()).cast(pa.large_binary())
