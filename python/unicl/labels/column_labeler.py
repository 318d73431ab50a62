"""The labeler as a function of a batch of columns, for the ``map`` of HF datasets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from unicl.labels.arrow import LABELS, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from unicl.labels.filters import LabelFilters
    from unicl.labels.frequency import DocumentFrequency
    from unicl.labels.label_sets import LabelSets
    from unicl.text import Captions


class CaptionLabeler(Protocol):
    """The part of a :class:`DenseLabeler` that labels a column."""

    @property
    def filters(self) -> LabelFilters:
        """The filters."""

    @property
    def frequency(self) -> DocumentFrequency | None:
        """The counts that the filters use; None for those of each call."""

    def __call__(self, captions: Captions, *, images: Any, row_ids: ArrayLike | None, threads: int | None) -> LabelSets:
        """The labels of captions."""


@dataclass(frozen=True, kw_only=True)
class ColumnLabeler:
    """Gives a batch of columns the columns ``labels`` and ``label_weights``; made by ``DenseLabeler.on_column``.

    For ``Dataset.map`` with ``batched=True``, under every format and with any ``num_proc``: it pickles, and equal ones
    have equal fingerprints, so a mapped data set is found in the cache again. Under the format "arrow" the answer is
    the table with the columns behind its own; under "pandas" and "polars" HF keeps the new columns alone.

    Attributes:
        labeler: Labels the captions. As ``map`` shows it one batch at a time, limits on the document frequency need
            counts of the whole data set (``frequency_of=labeler.count(...)``), and ``balance`` needs
            ``map(..., with_indices=True)``.
        column: The column with the captions.
        image_column: The column with the images that a relevance filter looks at; None where there is none.
        threads: How many threads to use in each process; None for all cores.

    Raises:
        ValueError: The labeler would count the captions of each batch by itself.
    """

    labeler: CaptionLabeler
    column: str
    image_column: str | None = None
    threads: int | None = 1

    def __post_init__(self) -> None:
        if self.labeler.filters.need_frequency and self.labeler.frequency is None:
            raise ValueError(
                "map() shows the labeler one batch at a time, and its filters count the captions of a call; "
                "count the whole data set first: DenseLabeler(..., frequency_of=labeler.count(captions))"
            )

    def __call__(self, batch: Any, indices: Sequence[int] | None = None) -> Any:
        """The columns ``labels`` (a list of int32 arrays) and ``label_weights`` (float32; 1 where nothing weighs).

        Args:
            batch: Columns by name, or a ``pyarrow.Table``.
            indices: Of the rows in the data set, for ``balance``.

        Raises:
            KeyError: There is no such column.
            TypeError: There is one row and no batch.
            ValueError: ``balance`` is set and ``indices`` are missing.
        """
        if self.labeler.filters.balance is not None and indices is None:
            raise ValueError("balance draws by the row's index in the data set; pass with_indices=True to map()")
        if isinstance(batch[self.column], str):
            raise TypeError(f"expected a batch of rows; got one, {batch[self.column]!r}: pass batched=True to map()")
        images = None if self.image_column is None else batch[self.image_column]
        sets = self.labeler(batch[self.column], images=images, row_ids=indices, threads=self.threads)
        if hasattr(batch, "append_column"):
            for name, values in zip((LABELS, WEIGHTS), sets.to_arrow().columns, strict=True):
                batch = batch.append_column(name, values)
            return batch
        return {LABELS: _rows(sets, sets.indices), WEIGHTS: _rows(sets, sets.weights)}


def _rows(sets: LabelSets, values: Any) -> list[Any]:
    flat = np.ones(len(sets.indices), np.float32) if values is None else values
    return np.split(flat, sets.offsets[1:-1]) if len(sets) else []
