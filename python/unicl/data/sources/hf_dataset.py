"""Samples of a data set of the ``datasets`` package, in memory or saved by ``save_to_disk``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unicl.data.sources.checked_sample import read_image, refuse_no_rows, sample_or_bad
from unicl.data.sources.sample_columns import ColumnNames, SampleColumns, count_classes, distinct_classes

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from unicl.data.sample import Sample
    from unicl.data.skipped_samples import BadSample
    from unicl.data.sources.class_names import GivenNames

BATCH_ROWS = 10_000


class HfDatasetSamples:
    """The rows of a ``datasets.Dataset`` as samples. No image is decoded.

    Args:
        data: The data set, or a folder that its ``save_to_disk`` wrote.
        name: Names the source; None: the name of the folder, or ``hf``.
        columns: Which columns to take.
        class_names: The names of classes; None: those of the ``ClassLabel`` feature.

    Raises:
        ModuleNotFoundError: The ``datasets`` package is not installed.
        FileNotFoundError: There is no such folder.
        TypeError: ``data`` is no data set with a length, such as a stream.
        ValueError: It has several splits, no rows or no such columns; or the classes have no names.
    """

    format = "HF data set"

    def __init__(
        self,
        data: Any,
        *,
        name: str | None = None,
        columns: ColumnNames = ColumnNames(),  # noqa: B008
        class_names: GivenNames | None = None,
    ) -> None:
        place = f"hf:{data}" if isinstance(data, (str, Path)) else "the data set"
        if isinstance(data, (str, Path)):
            self.name = Path(data).name if name is None else name
            data = _load(Path(data))
        else:
            self.name = "hf" if name is None else name
        if hasattr(data, "keys"):
            splits = ", ".join(map(repr, data.keys()))
            raise ValueError(
                f"{place}: expected one split; got {splits}: name one, such as {place}/{next(iter(data), '')}"
            )
        if not hasattr(data, "with_format") or not hasattr(data, "__len__"):
            raise TypeError(f"expected a datasets.Dataset with a length; got {type(data).__name__}: load it whole")
        refuse_no_rows(place, len(data))
        self._columns = SampleColumns(place, data.features.arrow_schema, columns, class_names)
        self._data = data.select_columns(list(self._columns.all)).with_format("arrow")
        self.has_captions = bool(self._columns.captions)
        self.several_classes = self._columns.several_classes
        self.class_names: tuple[str, ...] | None = None
        if self._columns.classes is not None:
            self._columns.names.close(self._distinct(), alone=not self.has_captions)
            self.class_names = self._columns.names.all

    @property
    def schema(self) -> dict[str, str]:
        """The column of each part of a sample."""
        return self._columns.schema

    def class_counts(self) -> Counter[str] | None:
        """Counts the rows of each class; None without classes. The column of the classes is read."""
        return None if self._columns.classes is None else count_classes(self._class_column(), self._columns.names)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._data)

    def take(self, rows: Sequence[int]) -> list[Sample | BadSample]:
        """Gives the samples of some rows, in their order; a bad one in the place of a row that has none.

        Raises:
            IndexError: There is no such row.
        """
        wanted = np.asarray(rows, np.int64).reshape(-1)
        outside = wanted[(wanted < 0) | (wanted >= len(self))]
        if len(outside):
            raise IndexError(f"expected a row from 0 to {len(self) - 1}; got {outside[0]}")
        if not len(wanted):
            return []
        table = self._data[wanted.tolist()]
        return [self._sample(table, place, int(row)) for place, row in enumerate(wanted)]

    def _sample(self, table: pa.Table, place: int, row: int) -> Sample | BadSample:
        def make() -> Sample:
            return self._columns.sample(
                table, place, source=self.name, key=str(row), open_image=lambda path: read_image(Path(path))
            )

        return sample_or_bad(self.name, str(row), make)

    def _distinct(self) -> set[Any]:
        if self._columns.names.given:
            return set()
        return {value for column in self._class_column() for value in distinct_classes(column)}

    def _class_column(self) -> Iterator[pa.ChunkedArray]:
        column = self._data.select_columns([self._columns.classes])
        for start in range(0, len(column), BATCH_ROWS):
            yield column[start : start + BATCH_ROWS].column(0)


def _load(folder: Path) -> Any:
    try:
        import datasets
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"expected the datasets package, which hf:{folder} needs; got none: pip install datasets", name="datasets"
        ) from None
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder that save_to_disk of a data set wrote; got {folder}, which is none")
    try:
        return datasets.load_from_disk(folder)
    except FileNotFoundError as error:
        raise ValueError(f"{folder}: expected a folder that save_to_disk of a data set wrote; got {error}") from None
