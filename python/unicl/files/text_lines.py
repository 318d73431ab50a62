"""Reads text files: blocks of whole lines, or a caption a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from unicl.files.compressed import open_stream
from unicl.files.malformed import check_text, naming_file
from unicl.files.rows import MAX_ROW_BYTES, RawBatch, numbered, slices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from unicl.files.rows import Reading

BLOCK_BYTES = 4 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def line_blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Reads a file, plain or compressed, in blocks of some megabytes: whole lines, without the last line end.

    Before each comes the number of its first line, from 1.

    Raises:
        ValueError: A line is too long, or lines end in a carriage return alone.
    """
    first, size = 1, 0
    waiting: list[bytes] = []
    with naming_file(path, "a text file"), open_stream(path) as file:
        is_first = True
        while content := file.read(BLOCK_BYTES):
            content = content.removeprefix(BYTE_ORDER_MARK) if is_first else content
            lines, line_end, rest = content.rpartition(b"\n")
            if is_first and not line_end and b"\r" in content[:-1]:
                raise ValueError(
                    f"{path}: expected lines that end in a line feed; got carriage returns alone: convert it with "
                    "`tr '\\r' '\\n'`"
                )
            is_first = False
            size += len(content) if not line_end else content.find(b"\n")
            if size > MAX_ROW_BYTES:
                raise ValueError(f"{path}, line {first}: expected at most {MAX_ROW_BYTES:,} bytes in a line; got more")
            if line_end:
                block = b"".join([*waiting, lines])
                yield first, block
                first += block.count(b"\n") + 1
                waiting, size = [], len(rest)
            waiting.append(rest)
        if last := b"".join(waiting):
            yield first, last


class TextSource:
    """The rows of a text file with a caption a line, blank lines included. The one column is ``caption``.

    Lines end in a line feed, with or without a carriage return before it.
    """

    num_rows: int | None = None

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path, self._batch_rows = path, reading.batch_rows
        self.schema = pa.schema([pa.field("caption", pa.string())])
        check_text(path, "a text file")

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:  # noqa: ARG002  # there is one
        """Reads the lines, in order."""
        for first_line, block in line_blocks(self.path):
            text = block.replace(b"\r\n", b"\n").removesuffix(b"\r")
            lines = pc.split_pattern(pa.array([text], pa.large_binary()), b"\n").flatten()
            for rows in slices(lines, self._batch_rows):
                batch = pa.RecordBatch.from_arrays([rows.cast(pa.binary()).view(pa.string())], schema=self.schema)
                yield RawBatch(batch, numbered("line", first_line))
                first_line += len(rows)
