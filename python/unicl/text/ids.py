"""Rows of token ids, as every tokenizer's ``decode`` takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def one_row(ids: ArrayLike) -> NDArray[np.int64]:
    """One row of ids as a contiguous int64 array of shape (length,).

    Raises:
        TypeError: The ids are not integers.
        ValueError: They are not one row.
    """
    row = np.asarray(ids)
    if row.ndim != 1:
        raise ValueError(f"decode wants one row of ids, of shape (length,); got shape {row.shape}")
    if row.size and not np.issubdtype(row.dtype, np.integer):
        raise TypeError(f"decode wants integers; got {row.dtype}")
    return np.ascontiguousarray(row, dtype=np.int64)
