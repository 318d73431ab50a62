"""Holds sets of labels, one for each row of a batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pyarrow as pa


@runtime_checkable
class LabelSetsLike(Protocol):
    """Sets of labels in CSR form, as arrays, tensors or lists. :class:`LabelSets` is one, and the loss takes any.

    Row i has the labels ``indices[offsets[i]:offsets[i + 1]]``, and the same slice of ``weights``, if there are any.
    """

    @property
    def indices(self) -> Any:
        """(number of labels,) integers from 0."""

    @property
    def offsets(self) -> Any:
        """(n + 1,) integers that never fall, from 0 to the number of labels."""

    @property
    def weights(self) -> Any:
        """(number of labels,) numbers, or None: every weight is 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelSets:
    """Sets of label ids in CSR form: row ``i`` has the labels ``indices[offsets[i]:offsets[i + 1]]``.

    A row may be empty. Within a row every label occurs once.

    Attributes:
        indices: int32, or int64 for ids beyond 32 bits (hashes), (number of labels,): ids from 0.
        offsets: int64 (n + 1,), from 0, never falling, to the number of labels.
        weights: float32 (number of labels,), finite and not negative; None if every weight is 1.

    Raises:
        TypeError: An array has another dtype; the message names it and the one expected.
        ValueError: An array has another shape, or the offsets do not fit. An id is negative or occurs twice in a row.
            A weight is negative or not finite.

    Example:
        >>> sets = LabelSets.from_lists([[3, 1], [], [1]])
        >>> len(sets), sets[0].tolist(), sets.offsets.tolist()
        (3, [1, 3], [0, 2, 2, 3])
        >>> sets.take([2, 0]).to_list()
        [[1], [1, 3]]
    """

    indices: NDArray[np.int32] | NDArray[Any]
    offsets: NDArray[np.int64]
    weights: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        _check_array("indices", self.indices, np.int32, np.int64)
        _check_array("offsets", self.offsets, np.int64)
        total, offsets = len(self.indices), self.offsets
        if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != total or bool((np.diff(offsets) < 0).any()):
            shown = np.array2string(offsets, threshold=8)
            raise ValueError(f"expected offsets from 0, never falling, to the number of indices ({total}); got {shown}")
        if total and self.indices.min() < 0:
            at = int(self.indices.argmin())
            raise ValueError(f"expected label ids >= 0; got {self.indices[at]} at {at} (a row without labels is empty)")
        self._check_rows_are_sets()
        if self.weights is not None:
            _check_array("weights", self.weights, np.float32)
            if len(self.weights) != total:
                raise ValueError(f"expected one weight for each of the {total} indices; got {len(self.weights)}")
            bad = ~(np.isfinite(self.weights) & (self.weights >= 0))
            if bool(bad.any()):
                at = int(bad.argmax())
                raise ValueError(f"expected finite weights >= 0; got {self.weights[at]} at {at}")

    def _check_rows_are_sets(self) -> None:
        rows = self.rows()
        if bool(((np.diff(self.indices) > 0) | (np.diff(rows) > 0)).all()):
            return  # rows that rise, as the labeler makes them, need no sorting
        ordered = np.lexsort((self.indices, rows))
        same = (np.diff(rows[ordered]) == 0) & (np.diff(self.indices[ordered]) == 0)
        if bool(same.any()):
            at = ordered[int(same.argmax())]
            raise ValueError(f"row {rows[at]} has the label {self.indices[at]} twice; expected sets")

    @classmethod
    def from_lists(
        cls, rows: Iterable[Iterable[int]], *, weights: Iterable[Iterable[float]] | None = None
    ) -> LabelSets:
        """Makes sets from lists of ids, with or without a list of weights for each.

        Raises:
            TypeError: A row is not a list of integers.
            ValueError: A row and its weights differ in length, or an id occurs twice in a row or is 2**63 or more.
        """
        row_ids = [_array_of_row(at, row) for at, row in enumerate(rows)]
        orders = [np.argsort(ids, kind="stable") for ids in row_ids]
        lengths = np.array([len(ids) for ids in row_ids], dtype=np.int64)
        flat_weights: NDArray[np.float32] | None = None
        if weights is not None:
            row_weights = [np.asarray(list(row), dtype=np.float32) for row in weights]
            if [len(row) for row in row_weights] != lengths.tolist():
                raise ValueError(
                    "expected as many rows of weights as rows of labels, and in each as many weights as labels"
                )
            pairs = zip(row_weights, orders, strict=True)
            flat_weights = np.concatenate([np.empty(0, np.float32), *(row[order] for row, order in pairs)])
        ordered = [ids[order] for ids, order in zip(row_ids, orders, strict=True)]
        return cls.from_lengths(_joined(ordered), lengths, weights=flat_weights)

    @classmethod
    def from_multi_hot(cls, rows: ArrayLike) -> LabelSets:
        """Makes sets from a matrix with a row for each sample and a column for each label.

        Args:
            rows: (n, number of labels) bools or numbers, an array or a tensor on the CPU. An entry other than 0 is a
                label of its row, and its weight.

        Raises:
            TypeError: The entries are no numbers.
            ValueError: It is no matrix, or an entry is negative or not finite.

        Example:
            >>> LabelSets.from_multi_hot([[0, 1, 1], [0, 0, 0]]).to_list()
            [[1, 2], []]
        """
        matrix = np.asarray(rows)
        if matrix.ndim != 2:
            raise ValueError(f"expected a matrix (rows, labels); got shape {matrix.shape}")
        if matrix.dtype.kind not in "biuf":
            raise TypeError(f"expected bools or numbers in a multi-hot matrix; got {matrix.dtype}")
        at = matrix.nonzero()
        weights = matrix[at].astype(np.float32)
        return cls.from_lengths(
            at[1].astype(np.int32),
            np.count_nonzero(matrix, axis=1),
            weights=None if bool((weights == 1).all()) else weights,
        )

    @classmethod
    def from_lengths(
        cls,
        indices: NDArray[Any],
        lengths: ArrayLike,
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> LabelSets:
        """Makes sets from rows that stand one after another.

        Args:
            indices: int32 or int64 (number of labels,), the ids of all rows.
            lengths: (n,) integers, or bools for rows of one label or none: how many labels each row has.
            weights: float32 (number of labels,), the weights of all rows.

        Raises:
            TypeError, ValueError: As the constructor.

        Example:
            >>> LabelSets.from_lengths(np.array([1, 3, 1], np.int32), [2, 0, 1]).to_list()
            [[1, 3], [], [1]]
        """
        return cls(indices=indices, offsets=_row_offsets(np.asarray(lengths)), weights=weights)

    @classmethod
    def concatenate(cls, parts: Iterable[LabelSets]) -> LabelSets:
        """Joins the rows of several batches. Parts without weights get weights of 1 if another part has weights.

        Example:
            >>> captions, images = LabelSets.from_lists([[3, 1], []]), LabelSets.from_lists([[2]], weights=[[0.5]])
            >>> both = LabelSets.concatenate([captions, images])
            >>> both.to_list(), both.weights.tolist()
            ([[1, 3], [], [2]], [1.0, 1.0, 0.5])
        """
        parts = [cls.from_lists([]), *parts]
        weights: NDArray[np.float32] | None = None
        if any(part.weights is not None for part in parts):
            weights = np.concatenate(
                [np.ones(len(part.indices), np.float32) if part.weights is None else part.weights for part in parts]
            )
        lengths = np.concatenate([np.diff(part.offsets) for part in parts])
        return cls.from_lengths(np.concatenate([part.indices for part in parts]), lengths, weights=weights)

    @classmethod
    def from_pairs(cls, rows: NDArray[np.int64], labels: NDArray[Any], *, num_rows: int) -> LabelSets:
        """Makes sets from pairs of a row and a label of it, in any order. A label may be given to a row several times.

        Args:
            rows: int64 (n,), from 0 to ``num_rows`` - 1.
            labels: int32 or int64 (n,), label ids.
            num_rows: The number of sets.

        Example:
            >>> LabelSets.from_pairs(np.array([2, 0, 2]), np.array([5, 1, 5], np.int32), num_rows=3).to_list()
            [[1], [], [5]]
        """
        return grouped(rows, labels, num_rows=num_rows)[0]

    def union(self, other: LabelSets) -> LabelSets:
        """Gives every row the labels that it has here or there. A label of both sets has the larger weight.

        Raises:
            ValueError: The other sets have more or fewer rows.

        Example:
            >>> sets = LabelSets.from_lists([[3], [1]], weights=[[0.5], [0.5]])
            >>> both = sets.union(LabelSets.from_lists([[], [0, 1]]))
            >>> both.to_list(), both.weights.tolist()
            ([[3], [0, 1]], [0.5, 1.0, 1.0])
        """
        if len(self) != len(other):
            raise ValueError(f"expected sets of as many rows; got {len(self)} and {len(other)}")
        parts = LabelSets.concatenate([self, other])
        rows = np.concatenate([self.rows(), other.rows()])
        order = np.lexsort((parts.indices, rows))
        rows, labels = rows[order], parts.indices[order]
        is_first = np.ones(len(rows), np.bool_)
        is_first[1:] = (np.diff(rows) > 0) | (np.diff(labels) > 0)
        weights = None
        if parts.weights is not None:
            weights = (
                np.maximum.reduceat(parts.weights[order], np.flatnonzero(is_first)) if len(rows) else parts.weights
            )
        lengths = np.bincount(rows[is_first], minlength=len(self))
        return LabelSets.from_lengths(labels[is_first], lengths, weights=weights)

    @classmethod
    def from_arrow(cls, labels: Any, weights: Any = None) -> LabelSets:
        """Reads sets from Arrow columns, such as those of ``unicl label`` and :meth:`to_arrow`.

        int32 labels and float32 weights are not copied unless the column is in several chunks. A null row is empty.

        Args:
            labels: A column of lists of integers, of pyarrow, polars, pandas, or an HF data set under
                ``with_format("arrow")``. Or a table or data frame with the columns that :meth:`to_arrow` names.
            weights: A column of lists of numbers, as long as those of the labels. None: the weights of the table, or
                1 for every label.

        Raises:
            TypeError: There is no Arrow column, or its rows are not lists of numbers.
            ValueError: A row has more or fewer weights than labels, holds a null, or is not a set of label ids. A label
                exceeds 63 bits. The table has no column of labels.

        Example:
            >>> import pyarrow
            >>> LabelSets.from_arrow(pyarrow.array([[3, 5], None, [1]])).to_list()
            [[3, 5], [], [1]]
        """
        from unicl.labels.arrow import read_label_columns

        indices, lengths, flat_weights = read_label_columns(labels, weights)
        return cls.from_lengths(indices, lengths, weights=flat_weights)

    def to_arrow(self) -> pa.RecordBatch:
        """Gives the columns ``labels`` (list<int32>; list<int64> for wide ids) and ``label_weights`` (list<float32>).

        Without weights, all are 1.
        Labels and weights are not copied. ``polars.from_arrow`` takes all columns or one of them. ``pandas.Series``
        takes one, with ``dtype=pandas.ArrowDtype(column.type)``.

        Raises:
            ValueError: There are more labels than a column of lists can hold, 2**31 - 1.

        Example:
            >>> batch = LabelSets.from_lists([[3, 5], []]).to_arrow()
            >>> batch.to_pylist()
            [{'labels': [3, 5], 'label_weights': [1.0, 1.0]}, {'labels': [], 'label_weights': []}]
        """
        from unicl.labels.arrow import label_columns

        return label_columns(self.indices, self.offsets, self.weights)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        """Gives the label ids of one row."""
        if not isinstance(row, (int, np.integer)):
            raise TypeError(
                f"expected the number of one row; got {type(row).__name__}: take(rows) gives the sets of several"
            )
        if not 0 <= row < len(self):
            raise IndexError(f"there are {len(self)} rows; got row {row}")
        return self.indices[self.offsets[row] : self.offsets[row + 1]]

    def rows(self) -> NDArray[np.int64]:
        """Gives int64 (number of labels,): the row of each label."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def take(self, rows: ArrayLike) -> LabelSets:
        """Gives the sets of some rows, in the order given: for instance those of a batch of a shuffled data set.

        Raises:
            TypeError: The rows are not integers. ``numpy.flatnonzero`` gives those of a mask.
            IndexError: There is no such row.
        """
        wanted = np.asarray(rows)
        if wanted.size and wanted.dtype.kind not in "iu":
            raise TypeError(f"expected row numbers; got {wanted.dtype} (numpy.flatnonzero gives those of a mask)")
        wanted = wanted.astype(np.int64)
        lengths = np.diff(self.offsets)[wanted]
        offsets = _row_offsets(lengths)
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][wanted] - offsets[:-1], lengths)
        weights = None if self.weights is None else self.weights[places]
        return LabelSets(indices=self.indices[places], offsets=offsets, weights=weights)

    def keep(self, is_kept: NDArray[np.bool_]) -> LabelSets:
        """Removes labels by id: ``is_kept``, bool (number of label ids,), is False for those to remove."""
        return self.keep_entries(is_kept[self.indices])

    def keep_entries(self, is_kept: NDArray[np.bool_]) -> LabelSets:
        """Removes entries: ``is_kept``, bool (number of labels,), is False for each of ``indices`` to remove."""
        lengths = np.bincount(self.rows()[is_kept], minlength=len(self))
        weights = None if self.weights is None else self.weights[is_kept]
        return LabelSets.from_lengths(self.indices[is_kept], lengths, weights=weights)

    def replaced(self, by: LabelSets) -> LabelSets:
        """Replaces every label by the labels in one row of ``by``: the row of its id.

        Raises:
            ValueError: The sets have weights. Labels that become one label could not share them.

        Example:
            >>> sets = LabelSets.from_lists([[0, 1], [2], []])
            >>> sets.replaced(LabelSets.from_lists([[0, 2], [0], [2]])).to_list()
            [[0, 2], [2], []]
        """
        if self.weights is not None:
            raise ValueError(
                "expected sets without weights to replace labels in; got weighted sets: weigh them afterwards"
            )
        taken = by.take(self.indices)
        return grouped(self.rows()[taken.rows()], taken.indices, num_rows=len(self))[0]

    def weighted(self, by_label: ArrayLike) -> LabelSets:
        """Multiplies every weight by a factor of its label.

        Args:
            by_label: (number of label ids,) factors, finite and not negative.

        Raises:
            ValueError: There are fewer factors than label ids, or one is negative or not finite.

        Example:
            >>> sets = LabelSets.from_lists([[0, 1], [0]])
            >>> rarity = np.log(len(sets) / sets.document_frequency(2))  # a label of every row gets 0
            >>> [round(weight, 2) for weight in sets.weighted(rarity).weights.tolist()]
            [0.0, 0.69, 0.0]
        """
        of_labels = np.asarray(by_label, dtype=np.float32)
        if (largest := int(self.indices.max(initial=-1))) >= len(of_labels):
            raise ValueError(f"expected a weight for each label id, up to {largest}; got {len(of_labels)}")
        factors = of_labels[self.indices]
        weights = factors if self.weights is None else self.weights * factors
        return LabelSets(indices=self.indices, offsets=self.offsets, weights=weights)

    def document_frequency(self, num_labels: int) -> NDArray[np.int64]:
        """Counts the rows with each label: int64 (num_labels,).

        Raises:
            ValueError: A label is ``num_labels`` or more.
        """
        if (largest := int(self.indices.max(initial=-1))) >= num_labels:
            raise ValueError(f"expected label ids below num_labels, {num_labels}; got {largest}")
        return np.bincount(self.indices, minlength=num_labels)

    def to_list(self) -> list[list[int]]:
        """Gives the label ids of every row."""
        ids, bounds = self.indices.tolist(), self.offsets.tolist()
        return [ids[start:end] for start, end in itertools.pairwise(bounds)]

    def __repr__(self) -> str:
        weighted = "" if self.weights is None else ", weighted"
        return f"LabelSets({len(self)} rows, {len(self.indices)} labels{weighted})"


def grouped(rows: NDArray[np.int64], labels: NDArray[Any], *, num_rows: int) -> tuple[LabelSets, NDArray[np.int64]]:
    """Groups labels by row: gives the sets, ascending, and how often each label was given to its row.

    Args:
        rows: int64 (n,), a row.
        labels: int32 or int64 (n,), a label of it.
        num_rows: The rows that there are.

    Example:
        >>> sets, counts = grouped(np.array([0, 2, 0, 0]), np.array([5, 1, 3, 5], np.int32), num_rows=3)
        >>> sets.to_list(), counts.tolist()
        ([[3, 5], [], [1]], [1, 2, 1])
    """
    num_labels = int(labels.max(initial=0)) + 1
    if num_rows * num_labels >= 2**63:  # ids so wide that a row and an id do not fit into one key
        known, codes = np.unique(labels, return_inverse=True)
        sets, counts = grouped(rows, codes, num_rows=num_rows)
        return LabelSets(indices=known[sets.indices], offsets=sets.offsets), counts
    keys, counts = np.unique(rows * num_labels + labels, return_counts=True)
    lengths = np.bincount(keys // num_labels, minlength=num_rows)
    return LabelSets.from_lengths((keys % num_labels).astype(labels.dtype), lengths), counts


def _row_offsets(lengths: NDArray[Any]) -> NDArray[np.int64]:
    """int64 (n + 1,): where each of n rows begins, and the end of the last, by the lengths of the rows."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _array_of_row(at: int, row: Iterable[int]) -> NDArray[Any]:
    try:
        return np.asarray(list(row if not isinstance(row, str) else [row]))
    except TypeError:
        raise TypeError(f"expected a list of label ids in row {at}; got {row!r}") from None


def _joined(rows: list[NDArray[Any]]) -> NDArray[Any]:
    """The ids of all rows, one after another: int32, or int64 where an id needs it."""
    for at, ids in enumerate(rows):
        if len(ids) and ids.dtype.kind not in "iu":
            if any(isinstance(x, int) and x >= 2**63 for x in ids.tolist()):
                raise ValueError(
                    f"expected label ids below 2**63; got {max(ids.tolist())} in row {at}: shift them, id >> 1"
                )
            raise TypeError(
                f"expected integers in row {at}; got {ids.tolist()} (LabelVocabulary.id gives the id of a name)"
            )
        if ids.dtype == np.uint64 and int(ids.max(initial=0)) >= 2**63:
            raise ValueError(f"expected label ids below 2**63; got {ids.max()} in row {at}: shift them, id >> 1")
    wide = np.concatenate([np.empty(0, np.int64), *(ids.astype(np.int64) for ids in rows)])
    return wide.astype(np.int32) if int(wide.max(initial=0)) < 2**31 else wide


def _check_array(name: str, array: Any, *dtypes: type[np.generic]) -> None:
    if not isinstance(array, np.ndarray) or array.dtype not in dtypes:
        wanted = " or ".join(str(np.dtype(dtype)) for dtype in dtypes)
        got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"expected {name} as a numpy array of {wanted}; got {got}")
    if array.ndim != 1:
        raise ValueError(f"expected {name} in one dimension; got shape {array.shape}")
