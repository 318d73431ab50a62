"""Finds the column with the classes of rows, and the names that its integers have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unicl.files.rows import CAPTION_COLUMNS, repair_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unicl.files.rows import Source


def class_column(source: Source, column: str | None) -> str | None:
    """Gives the name of the column with the classes: that of a class folder or of COCO's JSON, or ``column``; or None.

    Raises:
        ValueError: There is no such column, it occurs twice, or it holds neither strings nor integers nor lists of
            them. The message lists the columns.
    """
    own: str | None = getattr(source, "class_column", None)
    if own is not None or column is None or source.num_rows == 0:
        return own
    names = source.schema.names
    if names.count(column) != 1:
        got = ", ".join(map(repr, names)) or "none" if column not in names else f"{names.count(column)} of that name"
        raise ValueError(
            f"{source.path}: expected a column {column!r} with the classes; got {got}: name one with class_column=NAME"
        )
    kind = source.schema.field(column).type
    if not _holds_classes(kind):
        raise ValueError(
            f"{source.path}: expected names or integers, or lists of them, in the column {column!r}; got {kind}"
        )
    return column


def has_captions(source: Source, column: str | None) -> bool:
    """Tells whether a column of captions is named, or the file has one of a usual name."""
    return column is not None or any(name in source.schema.names for name in CAPTION_COLUMNS)


def class_names(source: Source, column: str) -> tuple[str, ...] | None:
    """Gives the names of the integers in a column, if the file has them, as HF datasets write them (``ClassLabel``)."""
    return names_of_classes(source.schema, column)


def names_of_classes(schema: pa.Schema, column: str) -> tuple[str, ...] | None:
    """Gives the names of the integers in a column of a table, if HF datasets wrote them with it."""
    metadata = (schema.metadata or {}).get(b"huggingface")
    try:
        feature = json.loads(metadata or b"{}")["info"]["features"][column]
        feature = feature.get("feature", feature) if isinstance(feature, dict) else feature[0]  # a list of classes
        names = feature["names"]
    except (ValueError, LookupError, TypeError, RecursionError, AttributeError):
        return None
    is_named = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if is_named else None


def _holds_classes(kind: pa.DataType) -> bool:
    if any(is_list(kind) for is_list in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)):
        kind = kind.value_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_integer)
    return any(is_kind(kind) for is_kind in (*kinds, pa.types.is_null))


def flat_classes(column: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Gives the row and the class of every entry of a column: strings or integers. Nulls and blank names are left out.

    Example:
        >>> rows, classes = flat_classes(pa.array([["dog", "cat"], None, [" "], ["dog"]]))
        >>> rows.tolist(), classes.to_pylist()
        ([0, 0, 3], ['dog', 'cat', 'dog'])
    """
    rows = np.arange(len(column))
    kind = column.type
    if any(is_list(kind) for is_list in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)):
        rows = np.repeat(rows, pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False))
        column = column.drop_null().flatten() if pa.types.is_fixed_size_list(kind) else column.flatten()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    is_class = column.is_valid()
    if not pa.types.is_integer(column.type) and not pa.types.is_null(column.type):
        column, _ = repair_text(column)
        is_class = pc.and_(
            is_class, pc.fill_null(pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(column)), 0), fill_value=False)
        )
    return rows[is_class.to_numpy(zero_copy_only=False)], column.filter(is_class)
