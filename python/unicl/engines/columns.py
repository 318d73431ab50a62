"""New columns beside those of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unicl.engines.captions import CaptionBatch, Source


def extended_schema(source: Source, fields: Sequence[pa.Field], *, copy_columns: bool = True) -> pa.Schema:
    """The schema of an output: the columns of the input, then the new ones.

    Raises:
        ValueError: The input has a column of a new one's name.
    """
    if not copy_columns:
        return pa.schema(fields)
    taken = [field.name for field in fields if field.name in source.schema.names]
    if taken:
        raise ValueError(
            f"{source.path} already has a column {taken[0]!r}; rename it, or leave out the input's columns "
            "with copy_columns=False (--no-copy-columns)"
        )
    return pa.schema([*source.schema, *fields], source.schema.metadata)


def extended(batch: CaptionBatch, schema: pa.Schema, new: Sequence[pa.Array]) -> pa.RecordBatch:
    """The rows of a batch with new columns, in an output's schema."""
    kept = batch.columns.columns if len(schema) > len(new) else []
    return pa.RecordBatch.from_arrays([*kept, *new], schema=schema)


def rows_of_lists(offsets: NDArray[np.int64], values: pa.Array, is_null: NDArray[np.bool_] | None) -> pa.Array:
    """A column of lists, null where it is said; the rows that are null must be empty or are dropped."""
    mask = None if is_null is None else pa.array(is_null)
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values, mask=mask)


def size_in_bytes(batch: pa.RecordBatch) -> int:
    """How many bytes the rows take."""
    try:
        size: int = batch.nbytes
    except pa.ArrowTypeError:  # older versions of pyarrow cannot tell for string views: all that their buffers hold
        size = batch.get_total_buffer_size()
    return size
