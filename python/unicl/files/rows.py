"""Defines the rows that a reader gives, in batches of bounded size, and the options of reading."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

BadRows: TypeAlias = Literal["error", "skip"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How captions are read from files.

    Raises:
        ValueError: An option has a value that is not allowed.
    """

    column: str | None = None
    """The column with the captions. If not given: the first of caption, text, txt and TEXT that the file has."""
    bad_rows: BadRows = "error"
    """error: stop at a row that cannot be read, whose caption is no text, or whose image cannot be read. skip: count
    such rows and give them no result (null, or only padding)."""
    header: bool = True
    """CSV and TSV: the first line names the columns. If not, their names are f0, f1, ..."""
    quotes: bool | None = None
    """CSV and TSV: a value may stand in double quotes. If not given: in CSV, not in TSV. Conceptual Captions, for
    example, is a TSV whose quotes belong to the captions."""
    batch_rows: int = 32_768
    """The largest number of rows that are read at once."""

    def __post_init__(self) -> None:
        if self.bad_rows not in ("error", "skip"):
            raise ValueError(f'expected bad_rows "error" or "skip"; got {self.bad_rows!r}')
        if self.batch_rows < 1:
            raise ValueError(f"expected batch_rows >= 1; got {self.batch_rows}")


BATCH_BYTES = 8 << 20
"""About the largest number of bytes in a batch."""
MAX_ROW_BYTES = 16 << 20
"""The largest size of a row of text: a line, a row of CSV, a text member of a shard."""
CAPTION_COLUMNS = ("caption", "text", "txt", "TEXT")
"""The names under which a caption column is looked for, in this order."""
SKIP_BAD_ROWS = 'set bad_rows="skip" to count such rows and give them no result'
"""The remedy in the message about a bad row."""
NOT_UTF8 = "not UTF-8"


Rows = TypeVar("Rows", pa.Array, pa.RecordBatch)


class RawBatch(NamedTuple):
    """Rows as a file has them.

    Attributes:
        columns: The rows.
        place: Names a row of the batch in a message: "row 3", "line 4".
        bad: The rows of the batch that could not be read as they are, and why. The columns have null for what is
            missing, and U+FFFD for bytes that are not UTF-8.
        images: For a shard, if images were asked for: the bytes of each row's image, null if it has none.
    """

    columns: pa.RecordBatch
    place: Callable[[int], str]
    bad: Mapping[int, str] = MappingProxyType({})
    images: pa.Array | None = None


class Source(Protocol):
    """A file of rows. It can be read any number of times.

    Attributes:
        path: The file.
        schema: Its columns.
        num_rows: How many rows it has; None as long as that is not known.
    """

    num_rows: int | None

    @property
    def path(self) -> Path:  # noqa: D102
        ...

    @property
    def schema(self) -> pa.Schema:  # noqa: D102
        ...

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """Reads the rows, in order, in batches of bounded size: all columns, or those named."""
        ...


def numbered(kind: str, first: int) -> Callable[[int], str]:
    """Gives a function that names the rows of a batch by their number in the file; the first row has ``first``."""
    return lambda row: f"{kind} {first + row}"


def rows_within(row_bytes: float, most: int) -> int:
    """Gives the number of rows in a batch: ``most``, or fewer where rows are large, as with images in them."""
    return max(1, min(most, int(BATCH_BYTES / max(row_bytes, 1.0))))


def slices(rows: Rows, size: int) -> Iterator[Rows]:
    """Cuts an array or record batch into parts of at most that many rows. Nothing is copied."""
    for start in range(0, len(rows), size):
        yield rows.slice(start, size)


def repair_text(column: pa.Array) -> tuple[pa.Array, list[int]]:
    """Gives a column with U+FFFD in place of bytes that are not UTF-8, and the rows that had such bytes."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        column.validate()  # offsets that lead outside are an error
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
    """Gives the number of bytes that the rows take."""
    try:
        size: int = batch.nbytes
    except pa.ArrowTypeError:  # older versions of pyarrow cannot tell for string views: this counts whole buffers
        size = batch.get_total_buffer_size()
    return size
