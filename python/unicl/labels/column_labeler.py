"""Labels batches of columns, for the ``map`` of HF datasets."""

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

    It is for ``Dataset.map`` with ``batched=True``, under every format and with any ``num_proc``. It can be pickled.
    Equal ones have equal fingerprints, so HF finds a mapped data set in its cache again. Under the format "arrow" the
    result is the table with the new columns after its own. Under "pandas" and "polars" HF keeps the new columns alone.

    Attributes:
        labeler: Labels the captions. ``map`` gives it one batch at a time. So limits on the document frequency need
            counts of the whole data set (``frequency_of=labeler.count(...)``). ``balance`` needs
            ``map(..., with_indices=True)``.
        column: The column with the captions.
        image_column: The column with the images, for a relevance filter; None if there is none.
        threads: How many threads to use in each process; None for all cores.

    Raises:
        ValueError: The filters would count the captions of each batch by itself.
    """

    labeler: CaptionLabeler
    column: str
    image_column: str | None = None
    threads: int | None = 1

    def __post_init__(self) -> None:
        if self.labeler.filters.need_frequency and self.labeler.frequency is None:
            raise ValueError(
                "expected counts of the whole data set, as map() labels one batch at a time; got none: "
                "count first, with DenseLabeler(..., frequency_of=labeler.count(captions))"
            )

    def __call__(self, batch: Any, indices: Sequence[int] | None = None) -> Any:
        """Gives the columns ``labels`` (int32 arrays) and ``label_weights`` (float32 arrays; all 1 without weights).

        Args:
            batch: Columns by name, or a ``pyarrow.Table``.
            indices: The indices of the rows in the data set, for ``balance``.

        Raises:
            KeyError: There is no such column.
            TypeError: The batch is one row.
            ValueError: ``balance`` is set and ``indices`` are missing. Or the batch has a column of such a name.
        """
        taken = {LABELS, WEIGHTS}.intersection(getattr(batch, "column_names", batch))
        if taken:
            names = " and ".join(map(repr, sorted(taken)))
            raise ValueError(f"expected a batch without columns of labels; got {names}: rename or remove them first")
        if self.labeler.filters.balance is not None and indices is None:
            raise ValueError("expected the indices of the rows, for balance; got none: pass with_indices=True to map()")
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
