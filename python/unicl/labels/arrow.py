"""Sets of labels as Arrow columns: what Parquet, polars, pandas and HF datasets hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unicl.labels.label_sets import LabelSets
from unicl.text import ArrowArray, ArrowStream

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

LABELS, WEIGHTS = "labels", "label_weights"
_NUMBERS = {"labels": "integers", "weights": "numbers"}


def to_record_batch(sets: LabelSets) -> pa.RecordBatch:
    """The columns ``labels`` (list<int32>) and ``label_weights`` (list<float32>); see :meth:`LabelSets.to_arrow`."""
    pa = _pyarrow()
    if len(sets.indices) > np.iinfo(np.int32).max:
        raise ValueError(
            f"an Arrow column of lists holds {np.iinfo(np.int32).max} labels; got {len(sets.indices)}: take() parts"
        )
    weights = np.ones(len(sets.indices), np.float32) if sets.weights is None else sets.weights
    offsets = pa.array(sets.offsets.astype(np.int32))
    columns = [pa.ListArray.from_arrays(offsets, pa.array(values)) for values in (sets.indices, weights)]
    return pa.RecordBatch.from_arrays(columns, names=[LABELS, WEIGHTS])


def from_columns(labels: Any, weights: Any = None) -> LabelSets:
    """The sets in a column of lists of integers, and one of lists of weights; see :meth:`LabelSets.from_arrow`."""
    labels = _chunks("labels", labels)
    if _pyarrow().types.is_struct(labels.type):
        labels, of_table = _columns(labels)
        weights = of_table if weights is None else weights
    indices, offsets = _read_lists("labels", labels, np.int32)
    if weights is None:
        return LabelSets(indices=indices, offsets=offsets)
    flat, weight_offsets = _read_lists("weights", _chunks("weights", weights), np.float32)
    if not np.array_equal(offsets, weight_offsets):
        if len(offsets) != len(weight_offsets):
            rows = f"{len(offsets) - 1} rows of labels and {len(weight_offsets) - 1} of weights"
            raise ValueError(f"expected as many rows of weights as of labels; got {rows}")
        row = int((np.diff(offsets) != np.diff(weight_offsets)).argmax())
        got = f"{np.diff(offsets)[row]} labels and {np.diff(weight_offsets)[row]} weights"
        raise ValueError(f"expected a weight for each label; row {row} has {got}")
    return LabelSets(indices=indices, offsets=offsets, weights=flat)


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
    """Flat values and offsets from 0 of a column of lists. A null row is empty."""
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
        raise ValueError(f"row {row} of {name} holds a null; expected lists of {_NUMBERS[name]}")
    return flat.to_numpy(), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ModuleNotFoundError:
        raise ModuleNotFoundError("Arrow columns need pyarrow: pip install 'unicl-rs[label]'", name="pyarrow") from None
    return pyarrow
