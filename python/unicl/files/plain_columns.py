"""Gives columns of types that Parquet does not have as the types nearest to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from unicl.files.rows import RawBatch, Source


class PlainColumns:
    """A file whose columns have types that Parquet has.

    Encodings are undone where they must be, such as polars' dictionary of string views. Values without a type in
    Parquet become JSON: objects without fields, unions, intervals of months.
    """

    def __init__(self, source: Source) -> None:
        self._source, self.path, self.num_rows = source, source.path, source.num_rows
        self.schema = pa.schema(
            [field.with_type(plain_type(field.type) or pa.string()) for field in source.schema], source.schema.metadata
        )

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """Reads the rows, in order."""
        for raw in self._source.batches(columns):
            fields = [self.schema.field(name) for name in raw.columns.schema.names]
            plain = [
                plain_column(column, field.type) for column, field in zip(raw.columns.columns, fields, strict=True)
            ]
            yield raw._replace(columns=pa.RecordBatch.from_arrays(plain, schema=pa.schema(fields)))


def has_plain_columns(schema: pa.Schema) -> bool:
    """Tells whether Parquet has the types of all columns."""
    return all(plain_type(kind) == kind for kind in schema.types)


def plain_type(kind: pa.DataType) -> pa.DataType | None:
    """Gives the type in Parquet for a type; None if there is none but text."""
    if pa.types.is_union(kind) or pa.types.is_interval(kind):
        return None
    if pa.types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    if pa.types.is_dictionary(kind):
        views = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
        value = plain_type(views.get(kind.value_type, kind.value_type))
        return value if value is None or pa.types.is_nested(value) else pa.dictionary(kind.index_type, value)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        value = plain_type(kind.value_type)
        return value and (kind if value == kind.value_type else pa.list_(value))
    if pa.types.is_struct(kind):
        values = [plain_type(field.type) for field in kind]
        if None in values or not values:
            return None
        return pa.struct([field.with_type(value) for field, value in zip(kind, values, strict=True)])
    return kind


def plain_column(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Gives a column as the type that :func:`plain_type` gives for its type."""
    if column.type == kind:
        return column
    if pa.types.is_dictionary(column.type) and pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(column.indices, column.dictionary.cast(kind.value_type))
    if pa.types.is_run_end_encoded(column.type):
        return plain_column(pc.run_end_decode(column), kind)
    values = column.to_pylist()
    if plain_type(column.type) is None:
        values = [value if value is None else json.dumps(value, ensure_ascii=False, default=str) for value in values]
    return pa.array(values, kind)
