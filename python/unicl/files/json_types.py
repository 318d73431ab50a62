"""Finds types that hold the values of JSON fields exactly."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

TEXT = pa.large_string()
"""Stands for: no single type holds the values exactly, so each is written as text."""
SMALL = pa.int32()
"""Stands for integers up to 2^53, which a double holds too."""
MAX_EXACT = 2**53


def type_of_values(values: list[Any]) -> pa.DataType:
    """Gives the type of the values of a field that Python read."""
    try:
        return type_of_column(pa.array(values)) or pa.float64()
    except (pa.ArrowException, OverflowError):
        return TEXT


def type_of_column(column: pa.Array) -> pa.DataType | None:
    """Gives the type of the values of a field that Arrow read; None if it may have rounded integers to doubles."""
    kind = column.type
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        range_ = pc.min_max(column)
        largest = max((abs(end.as_py() or 0) for end in range_.values()), default=0)
        if pa.types.is_integer(kind):
            return SMALL if largest <= MAX_EXACT else kind
        return None if largest >= MAX_EXACT else kind
    if pa.types.is_list(kind):
        inner = type_of_column(column.flatten())
        return None if inner is None else pa.list_(inner)
    if pa.types.is_struct(kind):
        parts = [type_of_column(part) for part in column.flatten()]
        return None if None in parts else pa.struct(list(zip([field.name for field in kind], parts, strict=True)))
    return kind


def common_type(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Gives the type that holds the values of two types exactly; None if there is none."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if one in (SMALL, pa.int64()) and other in (SMALL, pa.int64()):
        return pa.int64()
    if one in (SMALL, pa.float64()) and other in (SMALL, pa.float64()):
        return pa.float64()
    if pa.types.is_list(one) and pa.types.is_list(other):
        inner = common_type(one.value_type, other.value_type)
        return None if inner is None else pa.list_(inner)
    if pa.types.is_struct(one) and pa.types.is_struct(other):
        fields = {field.name: field.type for field in one}
        for field in other:
            fields[field.name] = common_type(fields.get(field.name, pa.null()), field.type)
        return None if None in fields.values() else pa.struct(list(fields.items()))
    return None


def final_type(kind: pa.DataType) -> pa.DataType:
    """Gives the type of a column in place of the types that only :func:`common_type` knows."""
    return _final(kind) or pa.string()


def _final(kind: pa.DataType) -> pa.DataType | None:
    if kind == TEXT:
        return None
    if kind == SMALL:
        return pa.int64()
    if pa.types.is_list(kind):
        inner = _final(kind.value_type)
        return None if inner is None else pa.list_(inner)
    if pa.types.is_struct(kind):  # without a field, Parquet does not have it
        parts = [_final(field.type) for field in kind]
        return (
            None if None in parts or not parts else pa.struct([(f.name, p) for f, p in zip(kind, parts, strict=True)])
        )
    return kind


def text_of(value: object) -> str | None:
    """Gives a string or null as it is, and another value as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
