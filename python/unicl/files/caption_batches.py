"""Reads batches of rows with their captions: finds the column, and names or counts bad rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unicl.files.class_columns import has_captions
from unicl.files.malformed import changed_rows
from unicl.files.rows import CAPTION_COLUMNS, NOT_UTF8, SKIP_BAD_ROWS, repair_text
from unicl.files.shards import Shard

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from unicl.files.rows import RawBatch, Reading, Source

NULL, NOTHING = "null caption", "neither caption nor class"


@dataclass(frozen=True, kw_only=True, eq=False)
class CaptionBatch:
    """Rows of a file and their captions.

    Attributes:
        columns: The rows, with the columns that were asked for.
        captions: An Arrow column of strings, one for each row, none null; "" where the row is bad.
        is_bad: bool (rows,), true for the rows without a readable caption; None if there are none.
        place: Names a row of the batch in a message.
        images: If images were asked for: bytes, {bytes, path} or paths, one for each row.
        classes: If classes were asked for: names, integers or lists of them, one for each row; null for none. A row
            with a class may have no caption, and has "" then.
    """

    columns: pa.RecordBatch
    captions: pa.Array
    is_bad: NDArray[np.bool_] | None
    place: Callable[[int], str]
    images: pa.Array | None = None
    classes: pa.Array | None = None

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.captions)

    def good_captions(self) -> pa.Array:
        """Gives the captions of the rows that are not bad."""
        return self.captions if self.is_bad is None else self.captions.filter(pa.array(~self.is_bad))


def caption_column(source: Source, column: str | None) -> str:
    """Gives the name of the column with the captions: ``column``, or the first of :data:`CAPTION_COLUMNS` in the file.

    Raises:
        ValueError: There is no such column, it occurs twice, or it does not hold strings. The message lists the
            columns.
    """
    name = find_column(source, column, CAPTION_COLUMNS, option="column")
    kind = source.schema.field(name).type
    if not _holds_text(kind.value_type if pa.types.is_dictionary(kind) else kind):
        lists = ": make a row of each caption" if pa.types.is_list(kind) else ""
        raise ValueError(f"{source.path}: expected strings in the column {name!r}; got {kind}{lists}")
    return name


def find_column(source: Source, column: str | None, usual: Sequence[str], *, option: str) -> str:
    """Gives the name of a column: ``column``, or the first of the usual names in the file.

    Raises:
        ValueError: There is no such column, or it occurs twice. The message lists the columns, and the option that
            names one.
    """
    names = source.schema.names
    found = [column] if column is not None else [name for name in usual if name in names][:1]
    if not found or found[0] not in names:
        wanted = repr(column) if column is not None else f"named {_or(usual)}"
        there = ", ".join(map(repr, names)) or "none"
        members = ""
        if isinstance(source, Shard) and source.endings:
            endings = ", ".join(f"'.{ending}'" for ending, _ in source.endings.most_common(8))
            members = f" (read are .json and .txt; the names of its members go on after the first dot with {endings})"
        raise ValueError(
            f"{source.path}: expected a column {wanted}; got {there}: name one with {option}=NAME{members}"
        )
    if names.count(found[0]) > 1:
        number = names.count(found[0])
        raise ValueError(f"{source.path}: expected one column {found[0]!r}; got {number}: rename all but one")
    return found[0]


def read_captions(
    source: Source,
    reading: Reading,
    *,
    only_captions: bool = False,
    image_column: str | None = None,
    class_column: str | None = None,
    skipped: Counter[str] | None = None,
) -> Iterator[CaptionBatch]:
    """Reads the rows of a file with their captions, in batches of bounded size.

    Args:
        source: The file.
        reading: Which column has the captions, and what happens at a row whose caption is null or not UTF-8.
        only_captions: Read only the captions, the images and the classes.
        image_column: The column with the images, if they are needed. A shard has them beside its columns.
        class_column: The column with the classes, if they are needed. A row with a class needs no caption then.
        skipped: Counts the bad rows, by reason.

    Raises:
        ValueError: The file is malformed, has no such column, or has a bad row; the message names file and row.
    """
    has_no_caption = class_column is not None and not has_captions(source, reading.column)
    name = None if has_no_caption else caption_column(source, reading.column)
    wanted = list(dict.fromkeys(each for each in (name, image_column, class_column) if each is not None))
    for raw in _unchanged(source, wanted if only_captions else None):
        batch = raw.columns
        images = raw.images if image_column is None else batch.column(image_column)
        classes = None if class_column is None else batch.column(class_column)
        column = pa.nulls(len(batch), pa.string()) if name is None else batch.column(name)
        captions, not_utf8 = repair_text(_as_strings(column))
        if name is not None and not_utf8:
            field = batch.schema.field(name)
            if pa.types.is_dictionary(field.type):
                raise ValueError(
                    f"{source.path}, {raw.place(not_utf8[0])}: {NOT_UTF8}, in the dictionary column {name!r}: write it "
                    "as plain strings first"
                )
            batch = batch.set_column(batch.schema.get_field_index(name), field, captions.cast(field.type))
        reasons: dict[int, str] = {}
        if captions.null_count:
            is_null = captions.is_null() if classes is None else pc.and_(captions.is_null(), classes.is_null())
            reason = NULL if classes is None else NOTHING
            reasons |= dict.fromkeys(np.flatnonzero(is_null.to_numpy(zero_copy_only=False)).tolist(), reason)
            captions = captions if classes is None else pc.fill_null(captions, "")
        reasons |= dict.fromkeys(not_utf8, NOT_UTF8)
        reasons |= raw.bad
        if not reasons:
            yield CaptionBatch(
                columns=batch, captions=captions, is_bad=None, place=raw.place, images=images, classes=classes
            )
            continue
        if reading.bad_rows == "error":
            row = min(reasons)
            raise ValueError(f"{source.path}, {raw.place(row)}: {reasons[row]}: {SKIP_BAD_ROWS}")
        if skipped is not None:
            skipped.update(reasons.values())
        is_bad = np.zeros(len(captions), np.bool_)
        is_bad[list(reasons)] = True
        captions = pc.if_else(pa.array(is_bad), pa.scalar("", captions.type), captions)
        yield CaptionBatch(
            columns=batch, captions=captions, is_bad=is_bad, place=raw.place, images=images, classes=classes
        )


def _unchanged(source: Source, wanted: Sequence[str] | None) -> Iterator[RawBatch]:
    """Reads the batches of a file that must not change: neither while it is read, nor from one pass to the next."""
    size, rows = source.path.stat().st_size, 0
    for raw in source.batches(wanted):
        rows += raw.columns.num_rows
        yield raw
    if source.num_rows is None:
        source.num_rows = rows
    if source.num_rows != rows:
        raise changed_rows(source.path, f"had {source.num_rows}, got {rows}")
    if source.path.stat().st_size != size:
        raise changed_rows(source.path, f"its size was {size:,} bytes and is another now")


def _as_strings(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        values = _as_strings(column.dictionary)
        return pa.DictionaryArray.from_arrays(column.indices, values).dictionary_decode()
    if pa.types.is_binary(kind):
        return column.view(pa.string())
    if pa.types.is_large_binary(kind):
        return column.view(pa.large_string())
    if pa.types.is_string_view(kind):  # which few of pyarrow's functions take
        return column.cast(pa.large_string())
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    return column


def _holds_text(kind: pa.DataType) -> bool:
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(is_kind(kind) for is_kind in (*kinds, pa.types.is_string_view, pa.types.is_null))


def _or(names: Sequence[str]) -> str:
    return f"{', '.join(map(repr, names[:-1]))} or {names[-1]!r}"
