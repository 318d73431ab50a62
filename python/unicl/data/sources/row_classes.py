"""The class of each row of a column, for orders that draw several rows of a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from unicl.data.skipped_samples import BadSampleError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from unicl.data.sources.class_names import ClassNames


def row_classes(columns: Iterable[pa.ChunkedArray], names: ClassNames) -> NDArray[np.int64]:
    """Gives the place of each row's class in ``names.all``; -1 for none, and for one that has no name.

    Raises:
        TypeError: The column holds lists, so that a row can have several classes.
    """
    places = {name: place for place, name in enumerate(names.all or ())}
    parts = [np.empty(0, np.int64)]
    for chunk in (chunk for column in columns for chunk in column.chunks):
        if pa.types.is_nested(chunk.type):
            raise TypeError(f"expected one class a row; got {chunk.type}: use same_class=1")
        encoded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        of_values = np.array([*(_place(value, names, places) for value in encoded.dictionary), -1], dtype=np.int64)
        parts.append(of_values[encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)])
    return np.concatenate(parts)


def _place(value: pa.Scalar, names: ClassNames, places: dict[str, int]) -> int:
    try:
        name = None if value.as_py() is None else names.name_of(value.as_py())
    except (BadSampleError, UnicodeDecodeError):
        return -1
    return -1 if name is None else places.get(name, -1)
