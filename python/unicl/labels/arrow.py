"""Converts sets of labels to and from the Arrow columns that Parquet, polars, pandas and HF datasets hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unicl.text import ArrowArray, ArrowStream

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

LABELS, WEIGHTS = "labels", "label_weights"
_NUMBERS = {"labels": "integers", "weights": "numbers"}


def label_columns(
    indices: NDArray[Any], offsets: NDArray[np.int64], weights: NDArray[np.float32] | None
) -> pa.RecordBatch:
    """The columns ``labels`` (list<int32>) and ``label_weights`` (list<float32>); see :meth:`LabelSets.to_arrow`."""
    pa = _pyarrow()
    if len(indices) > np.iinfo(np.int32).max:
        raise ValueError(
            f"an Arrow column of lists holds {np.iinfo(np.int32).max} labels; got {len(indices)}: take() parts"
        )
    weights = np.ones(len(indices), np.float32) if weights is None else weights
    starts = pa.array(offsets.astype(np.int32))
    columns = [pa.ListArray.from_arrays(starts, pa.array(values)) for values in (indices, weights)]
    return pa.RecordBatch.from_arrays(columns, names=[LABELS, WEIGHTS])


def read_label_columns(
    labels: Any, weights: Any = None
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float32] | None]:
    """The label ids of all rows (int32 or int64), the number of labels of each row, and the weights of all rows.

    See :meth:`LabelSets.from_arrow`.
    """
    labels = _chunks("labels", labels)
    if _pyarrow().types.is_struct(labels.type):
        labels, of_table = _columns(labels)
        weights = of_table if weights is None else weights
    indices, lengths = _read_lists("labels", labels, np.int64 if _is_wide(labels) else np.int32)
    if indices.dtype == np.int64 and indices.max(initial=0) <= np.iinfo(np.int32).max:
        indices = indices.astype(np.int32)
    if weights is None:
        return indices, lengths, None
    flat, weight_lengths = _read_lists("weights", _chunks("weights", weights), np.float32)
    if len(lengths) != len(weight_lengths):
        rows = f"{len(lengths)} rows of labels and {len(weight_lengths)} of weights"
        raise ValueError(f"expected as many rows of weights as of labels; got {rows}")
    if not np.array_equal(lengths, weight_lengths):
        row = int((lengths != weight_lengths).argmax())
        got = f"{lengths[row]} labels and {weight_lengths[row]} weights"
        raise ValueError(f"expected a weight for each label; row {row} has {got}")
    return indices, lengths, flat


def _is_wide(labels: pa.ChunkedArray) -> bool:
    """Whether a column of lists holds integers that 32 bits may not hold."""
    pa = _pyarrow()
    value_type = getattr(labels.type, "value_type", None)
    return value_type in (pa.int64(), pa.uint64(), pa.uint32())


def _chunks(name: str, column: Any) -> pa.ChunkedArray:
    pa = _pyarrow()
    if not isinstance(column, (ArrowArray, ArrowStream)):
        raise TypeError(f"expected {name} as an Arrow column of lists; got {type(column).__name__} (see from_lists)")
    return pa.chunked_array(column) if isinstance(column, ArrowStream) else pa.chunked_array([pa.array(column)])


def _columns(table: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray | None]:
    """Labels and, where there are any, weights of a table or data frame, whose rows are structs."""
    from pyarrow.compute import struct_field

    names = [table.type.field(at).name for at in range(table.type.num_fields)]
    if LABELS not in names:
        raise ValueError(f"expected a column {LABELS!r} in the table; it has {', '.join(map(repr, names))}")
    return struct_field(table, LABELS), struct_field(table, WEIGHTS) if WEIGHTS in names else None


def _read_lists(name: str, array: pa.ChunkedArray, dtype: type[np.generic]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The values of all rows of a column of lists, and how many each row has. A null row is empty."""
    pa = _pyarrow()
    wanted = pa.large_list(pa.from_numpy_dtype(dtype))
    is_list = pa.types.is_list(array.type) or pa.types.is_large_list(array.type)
    kinds = [pa.types.is_integer, pa.types.is_null, *([pa.types.is_floating] if name == "weights" else [])]
    if not is_list or not any(is_kind(array.type.value_type) for is_kind in kinds):
        raise TypeError(f"expected {name} as a column of lists of {_NUMBERS[name]}; got {array.type}")
    array = (array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()).cast(wanted)
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    flat = array.flatten()  # of the rows that the slice has, without what null rows hide
    if flat.null_count:
        row = int(np.searchsorted(np.cumsum(lengths), np.flatnonzero(~np.asarray(flat.is_valid()))[0], side="right"))
        raise ValueError(f"expected lists of {_NUMBERS[name]}; row {row} of {name} holds a null")
    return flat.to_numpy(), lengths.astype(np.int64)


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ModuleNotFoundError:
        raise ModuleNotFoundError("Arrow columns need pyarrow: pip install 'unicl-rs[label]'", name="pyarrow") from None
    return pyarrow
