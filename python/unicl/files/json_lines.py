"""Reads JSON lines: first finds a schema for the whole file, then reads the rows."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.json

from unicl.files.malformed import check_text
from unicl.files.rows import RawBatch, numbered, slices
from unicl.files.text_lines import line_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from unicl.files.rows import Reading


class Block(NamedTuple):
    """Lines of JSON, the name of each in a message, and the image of each, if images are asked for."""

    lines: bytes
    place: Callable[[int], str]
    images: Sequence[bytes | None] | None = None


class JsonSource:
    """Rows from lines of JSON objects. Blank lines are no rows.

    Opening reads all lines once to find the columns and their types, as a field may be missing or null in many lines.
    Each later pass parses each block of lines once. Integers beyond 64 bits become floats. Times stay strings.

    Args:
        path: The file.
        blocks: Gives its lines.
        reading: How many rows a batch has at most.

    Raises:
        ValueError: A line is not a JSON object, or a field holds values of different types, such as numbers and
            strings. The message names the line.
    """

    def __init__(self, path: Path, blocks: Callable[[], Iterable[Block]], reading: Reading) -> None:
        self.path, self._blocks, self._batch_rows = path, blocks, reading.batch_rows
        schema, num_rows = pa.schema([]), 0
        for block in blocks():
            parsed = self._parse(block, None)
            num_rows += parsed.columns.num_rows
            found = pa.schema([pa.field(field.name, _as_written(field.type)) for field in parsed.columns.schema])
            try:
                schema = pa.unify_schemas([schema, found], promote_options="permissive")
            except pa.ArrowTypeError as error:
                raise ValueError(
                    f"{path}, {parsed.place(0)} or after it: expected one type for each field; got {error}"
                ) from None
        self.schema, self.num_rows = schema, num_rows

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """Reads the rows, in order."""
        wanted = self.schema if columns is None else pa.schema([self.schema.field(name) for name in columns])
        for block in self._blocks():
            parsed = self._parse(block, wanted)
            start = 0
            for rows in slices(parsed.columns, self._batch_rows):
                not_utf8 = [row - start for row in parsed.not_utf8 if start <= row < start + rows.num_rows]
                images = None if parsed.images is None else parsed.images.slice(start, rows.num_rows)
                yield RawBatch(rows, _from(start, parsed.place), not_utf8, images)
                start += rows.num_rows

    def _parse(self, block: Block, schema: pa.Schema | None) -> RawBatch:
        lines, bad_lines = _repaired(block.lines)
        numbers = self._row_lines(Block(lines, block.place))
        not_utf8 = np.flatnonzero(np.isin(numbers, bad_lines)).tolist()
        options = pa.json.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="infer" if schema is None else "ignore"
        )
        try:
            one_chunk = pa.json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
            table = pa.json.read_json(pa.BufferReader(lines + b"\n"), one_chunk, options).combine_chunks()
        except pa.ArrowInvalid as error:
            raise self._error(lines, numbers, block.place, str(error)) from None
        if table.num_rows != len(numbers):
            raise self._error(lines, numbers, block.place, "not one object a line")
        batches = table.to_batches()
        rows = batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)
        images = block.images and pa.array([block.images[number] for number in numbers], pa.large_binary())
        return RawBatch(rows, lambda row: block.place(numbers[row]), not_utf8, images)

    def _row_lines(self, block: Block) -> list[int]:
        """Gives the numbers of the lines that are not blank. Refuses lines that are no objects: they crash pyarrow."""
        content = np.frombuffer(block.lines + b"\n", np.uint8)
        ends = np.flatnonzero(content == ord("\n"))
        starts = np.concatenate([[0], ends[:-1] + 1])
        is_row = content[starts] == ord("{")
        for number in np.flatnonzero(~is_row).tolist():
            line = block.lines[starts[number] : ends[number]].strip()
            if line and not line.startswith(b"{"):
                raise ValueError(f"{self.path}, {block.place(number)}: expected a JSON object; got {_shown(line)}")
            is_row[number] = bool(line)
        numbers: list[int] = np.flatnonzero(is_row).tolist()
        return numbers

    def _error(self, lines: bytes, numbers: Sequence[int], place: Callable[[int], str], found: str) -> ValueError:
        """Makes the error for the first line that Python cannot parse either, or for the row that pyarrow names."""
        rows = lines.split(b"\n")
        for number in numbers:
            try:
                json.loads(rows[number])
            except (ValueError, RecursionError) as error:
                return ValueError(f"{self.path}, {place(number)}: expected JSON; got {_shown(rows[number])} ({error})")
        row = re.search(r" in row (\d+)", found)
        number = numbers[min(int(row[1]), len(numbers) - 1)] if row else numbers[0]
        reason = found.removeprefix("JSON parse error: ").split(" in row ")[0]
        return ValueError(f"{self.path}, {place(number)}: {reason}")


def json_lines(path: Path, reading: Reading) -> JsonSource:
    """Opens a file of JSON lines."""

    def blocks() -> Iterator[Block]:
        first = 1
        for lines in line_blocks(path):
            yield Block(lines, numbered("line", first))
            first += lines.count(b"\n") + 1

    check_text(path, "JSON lines")
    return JsonSource(path, blocks, reading)


def _from(start: int, place: Callable[[int], str]) -> Callable[[int], str]:
    return lambda row: place(start + row)


def _repaired(lines: bytes) -> tuple[bytes, list[int]]:
    """Gives the lines with U+FFFD in place of bytes that are not UTF-8, and the numbers of the lines with any."""
    try:
        lines.decode()
    except UnicodeDecodeError:
        repaired = [line.decode(errors="replace").encode() for line in lines.split(b"\n")]
        pairs = zip(lines.split(b"\n"), repaired, strict=True)
        return b"\n".join(repaired), [number for number, (before, after) in enumerate(pairs) if before != after]
    return lines, []


def _as_written(kind: pa.DataType) -> pa.DataType:
    """Gives a type that pyarrow inferred, with strings in place of times."""
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_as_written(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _as_written(field.type)) for field in kind])
    return kind


def _shown(line: bytes) -> str:
    text = line.decode(errors="replace")
    return repr(text if len(text) <= 60 else f"{text[:60]}...")
