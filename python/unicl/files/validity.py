"""Refuses batches that lead outside of what was read: pyarrow trusts the offsets and indices in a file."""

from __future__ import annotations

import pyarrow as pa


def refuse_damaged(batch: pa.RecordBatch) -> None:
    """Refuses offsets, indices and values that lead outside of what was read. Text that is not UTF-8 stays.

    Raises:
        pyarrow.ArrowInvalid: There are such.
    """
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        for column in batch.columns:
            _with_bytes(column).validate(full=True)


def _with_bytes(column: pa.Array) -> pa.Array:
    """Gives the same values with bytes in place of strings. Nothing is looked at."""
    if pa.types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(column.indices, _with_bytes(column.dictionary), safe=False)
    return column.view(_bytes_type(column.type))


def _bytes_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string(kind):
        return pa.binary()
    if pa.types.is_large_string(kind):
        return pa.large_binary()
    if pa.types.is_string_view(kind):
        return pa.binary_view()
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_bytes_type(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_bytes_type(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_bytes_type(field.type)) for field in kind])
    return kind
