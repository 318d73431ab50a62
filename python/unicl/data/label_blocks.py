"""Orders rows so that some consecutive ones share a label, as a formula over rows grouped by label."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from unicl.data.permutation import derive_keys, permute

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_BLOCKS, _REST, _LABELS = range(3)


class LabelBlocks:
    """The rows of a source by label, drawn in blocks: ``size`` consecutive draws of the source share one label.

    Every epoch is a new shuffle: of the blocks, of each label's rows, and so of the rows that share a block. A label
    whose rows are no multiple of ``size`` leaves fewer than ``size`` rows over. These are shuffled among each other
    and form blocks of mixed labels. Each epoch has every row once.

    Args:
        offsets: The rows of label l are ``rows[offsets[l] : offsets[l + 1]]``. (labels + 1,), from 0, ascending.
        rows: The row numbers by label; each of 0 to n - 1 once. A row with several labels stands at one of them.
        size: The draws of a block, >= 1. With a batch size that is a multiple of it, a block stays in one batch
            until the first epoch ends, if the source is the only one.

    Raises:
        ValueError: The offsets do not fit the rows, a row is missing or there twice, or the size is below 1.

    Example:
        >>> import numpy as np
        >>> from unicl.data import SampleOrder
        >>> labels = np.array([0, 1, 0, 1, 1, 0, 1, 0])
        >>> order = SampleOrder([8], blocks={0: LabelBlocks.from_labels(labels, size=2)})
        >>> sources, rows = order.take(np.arange(8))
        >>> blocks = labels[rows].reshape(4, 2)
        >>> bool((blocks[:, 0] == blocks[:, 1]).all()), sorted(rows.tolist())
        (True, [0, 1, 2, 3, 4, 5, 6, 7])
    """

    def __init__(self, offsets: ArrayLike, rows: ArrayLike, *, size: int) -> None:
        self.size = size
        self.rows: NDArray[np.int64] = np.asarray(rows, dtype=np.int64)
        self._offsets: NDArray[np.int64] = np.asarray(offsets, dtype=np.int64)
        if size < 1:
            raise ValueError(f"expected blocks of 1 draw or more; got size={size}")
        if (
            not len(self._offsets)
            or self._offsets[0]
            or self._offsets[-1] != len(self.rows)
            or (np.diff(self._offsets) < 0).any()
        ):
            raise ValueError(
                f"expected ascending offsets from 0 to the number of rows, {len(self.rows)}; got {self._offsets}"
            )
        self._check_rows()
        self._counts = np.diff(self._offsets)
        self._blocks = np.concatenate([[0], np.cumsum(self._counts // size)])
        self._rest = np.concatenate([[0], np.cumsum(self._counts % size)])

    @classmethod
    def from_labels(cls, labels: ArrayLike, *, size: int) -> LabelBlocks:
        """Groups rows by their label. A row without one, a label < 0, is alone with itself.

        Args:
            labels: One integer label a row.
            size: The draws of a block.
        """
        given = np.asarray(labels)
        if given.ndim != 1 or given.dtype.kind not in "iu":
            raise ValueError(f"expected one integer label a row; got {given.dtype} of shape {given.shape}")
        rows = np.argsort(given, kind="stable")
        by_label = given[rows]
        starts = np.flatnonzero((np.diff(by_label, prepend=by_label[:1] - 1) != 0) | (by_label < 0))
        return cls(np.append(starts, len(rows)), rows, size=size)

    def __len__(self) -> int:
        """Gives the number of rows."""
        return len(self.rows)

    def fingerprint(self) -> str:
        """Gives a hash of the labels and the size."""
        digest = hashlib.sha256(str(self.size).encode())
        for array in (self._offsets, self.rows):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def take(self, draws: NDArray[np.int64], keys: NDArray[Any]) -> NDArray[np.int64]:
        """Gives the rows of draws of one or several epochs.

        Args:
            draws: Numbers of draws within their epoch, in [0, rows).
            keys: The key of each draw's epoch.
        """
        block, place = np.divmod(draws, self.size)
        whole, of_labels = len(self) // self.size, self._blocks[-1]
        inside = block < whole  # not among the last draws of the epoch, which fill no block
        block[inside] = permute(block[inside], whole, derive_keys(keys[inside], _BLOCKS))
        label = np.searchsorted(self._blocks, block, side="right") - 1
        place += (block - self._blocks[label]) * self.size
        (rest,) = np.nonzero(block >= of_labels)
        if len(rest):
            left = permute(place[rest], self._rest[-1], derive_keys(keys[rest], _REST))
            label[rest] = np.searchsorted(self._rest, left, side="right") - 1
            place[rest] = self._counts[label[rest]] // self.size * self.size + left - self._rest[label[rest]]
        place = permute(place, self._counts[label], derive_keys(derive_keys(keys, _LABELS), label))
        taken: NDArray[np.int64] = self.rows[self._offsets[label] + place]
        return taken

    def _check_rows(self) -> None:
        there = np.zeros(len(self.rows), dtype=bool)
        wrong = self.rows[(self.rows < 0) | (self.rows >= len(self.rows))]
        if len(wrong):
            raise ValueError(f"expected row numbers from 0 to {len(self.rows) - 1}; got {wrong[0]}")
        there[self.rows] = True
        if not there.all():
            raise ValueError(f"expected each row once; row {np.argmin(there)} is missing, and another is there twice")
