"""Defines what a reader of a file gives (rows in batches of bounded size) and how it is asked to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

BadRows: TypeAlias = Literal["error", "skip"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How captions are read from files.

    Raises:
        ValueError: An option is none of its values.
    """

    column: str | None = None
    """The column with the captions; if none is named, the first of caption, text, txt and TEXT that there is."""
    bad_rows: BadRows = "error"
    """At a row whose caption is null or not UTF-8, or whose image cannot be read: stop, or count it and give it no
    result (null, or padding only)."""
    header: bool = True
    """CSV and TSV: the first line names the columns. If not, they are f0, f1, ..."""
    quotes: bool = True
    """CSV and TSV: a value may stand in double quotes. Conceptual Captions, for one, is written without."""
    batch_rows: int = 32_768
    """How many rows are in memory at once, at most."""

    def __post_init__(self) -> None:
        if self.bad_rows not in ("error", "skip"):
            raise ValueError(f'expected bad_rows "error" or "skip"; got {self.bad_rows!r}')
        if self.batch_rows < 1:
            raise ValueError(f"expected batch_rows >= 1; got {self.batch_rows}")


BATCH_BYTES = 64 << 20
"""A batch has about as many bytes at most."""


Rows = TypeVar("Rows", pa.Array, pa.RecordBatch)


class RawBatch(NamedTuple):
    """Rows as a file has them.

    Attributes:
        columns: The rows.
        place: What to call a row of the batch in a message: "row 3", "line 4".
        not_utf8: Of a text file: the rows of the batch that were not UTF-8; what was not is U+FFFD in them.
        images: Of a shard, where they were asked for: the bytes of each row's image, null where there is none.
    """

    columns: pa.RecordBatch
    place: Callable[[int], str]
    not_utf8: Sequence[int] = ()
    images: pa.Array | None = None


class Source(Protocol):
    """A file of rows, to be read any number of times.

    Attributes:
        path: Where it is.
        schema: Its columns.
        num_rows: How many rows there are; None where the file does not say.
    """

    @property
    def path(self) -> Path:  # noqa: D102
        ...

    @property
    def schema(self) -> pa.Schema:  # noqa: D102
        ...

    @property
    def num_rows(self) -> int | None:  # noqa: D102
        ...

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """The rows, in order, in batches of bounded size: all columns, or those named."""
        ...


def numbered(kind: str, first: int) -> Callable[[int], str]:
    """Names the rows of a batch by their number in the file, which is ``first`` for the first of them."""
    return lambda row: f"{kind} {first + row}"


def rows_within(row_bytes: float, most: int) -> int:
    """How many rows of that size a batch may have: ``most``, or fewer where rows hold pictures."""
    return max(1, min(most, int(BATCH_BYTES / max(row_bytes, 1.0))))


def slices(rows: Rows, size: int) -> Iterator[Rows]:
    """An array or record batch in parts of that many rows at most; nothing is copied."""
    for start in range(0, len(rows), size):
        yield rows.slice(start, size)


def repair_text(column: pa.Array) -> tuple[pa.Array, list[int]]:
    """A column of strings that are UTF-8, with U+FFFD for what was not, and the rows where that was so."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        column.validate()  # offsets that lead outside are another matter
    else:
        return column, []
    rows, texts = [], []
    for row, value in enumerate(column.cast(pa.large_binary()).to_pylist()):
        text = None if value is None else value.decode(errors="replace")
        if text is not None and "\ufffd" in text and text.encode() != value:
            rows.append(row)
        texts.append(text)
    return pa.array(texts, column.type), rows


def size_in_bytes(batch: pa.RecordBatch) -> int:
    """How many bytes the rows take."""
    try:
        size: int = batch.nbytes
    except pa.ArrowTypeError:  # older versions of pyarrow cannot tell for string views: all that their buffers hold
        size = batch.get_total_buffer_size()
    return size
