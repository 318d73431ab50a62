"""Reads JSON lines: first finds a schema for the whole file, then reads the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.json

from unicl.files.json_object import MAX_DEPTH, is_deep, read_object, without_surrogates
from unicl.files.json_types import TEXT, common_type, final_type, text_of, type_of_column, type_of_values
from unicl.files.malformed import changed_rows, check_text
from unicl.files.rows import CAPTION_COLUMNS, NOT_UTF8, SKIP_BAD_ROWS, RawBatch, numbered, slices
from unicl.files.text_lines import line_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from unicl.files.rows import Reading

NO_OBJECT = "not a JSON object"
NO_TEXT = "a caption that is no text"
SURROGATE = "half of a surrogate pair"


class Block(NamedTuple):
    """Lines of JSON, the name of each in a message, and the image of each, if images are asked for."""

    lines: bytes
    place: Callable[[int], str]
    images: Sequence[bytes | None] | None = None


class JsonSource:
    """Rows from lines of JSON objects. Blank lines are no rows. A file without rows has an empty column of captions.

    Opening reads all lines once to find the columns and their types, as a field may be missing or null in many lines.
    Each later pass parses each block of lines once. Times stay strings.

    A field whose values no single type can hold exactly is a column of strings. These are numbers beside strings,
    integers beyond 64 bits, integers beyond 2^53 beside fractions, objects without fields, and deep nesting. Strings
    stay as they are; other values become JSON.

    Args:
        path: The file.
        blocks: Gives its lines.
        reading: How many rows a batch has at most, and what happens at a line that is no JSON object.

    Raises:
        ValueError: A line is not a JSON object, and such rows are not skipped. The message names the line.
    """

    def __init__(self, path: Path, blocks: Callable[[], Iterable[Block]], reading: Reading) -> None:
        self.path, self._blocks, self._reading = path, blocks, reading
        self._caption: str | None = None
        types: dict[str, pa.DataType] = {}
        num_rows = 0
        for block in blocks():
            found, rows = self._types(block)
            num_rows += rows
            for name, kind in found.items():
                types[name] = common_type(types.get(name, pa.null()), kind) or TEXT
        if not num_rows:
            types = {reading.column or CAPTION_COLUMNS[0]: TEXT}
        usual = [reading.column] if reading.column else CAPTION_COLUMNS
        self._caption = next((name for name in usual if name in types), None)
        self.schema = pa.schema([pa.field(name, final_type(kind)) for name, kind in types.items()])
        self.num_rows: int | None = num_rows

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """Reads the rows, in order."""
        wanted = self.schema if columns is None else pa.schema([self.schema.field(name) for name in columns])
        for block in self._blocks():
            parsed = self._parse(block, wanted)
            start = 0
            for rows in slices(parsed.columns, self._reading.batch_rows):
                end = start + rows.num_rows
                bad = {row - start: reason for row, reason in parsed.bad.items() if start <= row < end}
                images = None if parsed.images is None else parsed.images.slice(start, rows.num_rows)
                yield RawBatch(rows, _from(start, parsed.place), bad, images)
                start = end

    def _types(self, block: Block) -> tuple[dict[str, pa.DataType], int]:
        """Gives the type of each field in a block, and the number of rows."""
        lines, _ = _repaired(block.lines)
        numbers, is_plain = _rows(lines)
        batch = _parsed(lines, len(numbers), None) if is_plain else None
        if batch is not None:
            kinds = {field.name: type_of_column(batch.column(field.name)) for field in batch.schema}
            if None not in kinds.values():
                return kinds, len(numbers)
        objects, _ = self._objects(lines.split(b"\n"), numbers, block.place)
        names = dict.fromkeys(name for fields in objects for name in fields)
        return {name: type_of_values([fields.get(name) for fields in objects]) for name in names}, len(numbers)

    def _parse(self, block: Block, schema: pa.Schema) -> RawBatch:
        lines, bad_lines = _repaired(block.lines)
        numbers, is_plain = _rows(lines)
        batch = _parsed(lines, len(numbers), schema) if is_plain else None
        bad: dict[int, str] = {}
        if batch is None:
            objects, bad = self._objects(lines.split(b"\n"), numbers, block.place)
            columns = []
            for field in schema:
                values = [fields.get(field.name) for fields in objects]
                if field.name == self._caption:
                    is_text = [value is None or isinstance(value, str) for value in values]
                    bad = {row: NO_TEXT for row, good in enumerate(is_text) if not good} | bad
                columns.append(self._column(values, field))
            batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        bad |= dict.fromkeys(np.flatnonzero(np.isin(numbers, bad_lines)).tolist(), NOT_UTF8)
        images = block.images and pa.array([block.images[number] for number in numbers], pa.large_binary())
        return RawBatch(batch, lambda row: block.place(numbers[row]), bad, images)

    def _objects(
        self, lines: Sequence[bytes], numbers: Sequence[int], place: Callable[[int], str]
    ) -> tuple[list[dict[str, Any]], dict[int, str]]:
        """Reads lines with Python, which is slower than Arrow but reads each alone. A bad line has no fields."""
        objects: list[dict[str, Any]] = []
        bad: dict[int, str] = {}
        for row, number in enumerate(numbers):
            try:
                fields = read_object(lines[number])
            except ValueError as error:
                if self._reading.bad_rows == "error":
                    raise ValueError(f"{self.path}, {place(number)}: {error}: {SKIP_BAD_ROWS}") from None
                fields, bad[row] = {}, NO_OBJECT
            repaired = without_surrogates(fields, lines[number])
            if self._caption and repaired.get(self._caption) != fields.get(self._caption):
                bad[row] = SURROGATE
            objects.append(repaired)
        return objects, bad

    def _column(self, values: list[Any], field: pa.Field) -> pa.Array:
        if pa.types.is_string(field.type):
            return pa.array(list(map(text_of, values)), field.type)
        try:
            return pa.array(values, field.type)
        except (pa.ArrowException, OverflowError):
            raise changed_rows(self.path, f"got other values of {field.name!r}") from None


def json_lines(path: Path, reading: Reading) -> JsonSource:
    """Opens a file of JSON lines."""

    def blocks() -> Iterator[Block]:
        for first, lines in line_blocks(path):
            yield Block(lines, numbered("line", first))

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


def _rows(lines: bytes) -> tuple[list[int], bool]:
    """Gives the numbers of the lines that are not blank, and whether Arrow can read them: others may crash it."""
    content = np.frombuffer(lines + b"\n", np.uint8)
    ends = np.flatnonzero(content == ord("\n"))
    starts = np.concatenate([[0], ends[:-1] + 1])
    is_row = (content[starts] == ord("{")) & (content[ends - 1] == ord("}"))
    is_plain = True
    for number in np.flatnonzero(~is_row).tolist():
        line = lines[starts[number] : ends[number]].strip()
        is_row[number] = bool(line)
        is_plain &= not line or (line.startswith(b"{") and line.endswith(b"}"))
    if lines.count(b"[") + lines.count(b"{") > int(is_row.sum()) + MAX_DEPTH - 1:
        brackets = np.searchsorted(
            np.flatnonzero((content == ord("[")) | (content == ord("{"))), [*starts, len(content)]
        )
        for number in np.flatnonzero(np.diff(brackets) > MAX_DEPTH).tolist():
            is_plain &= not is_deep(lines[starts[number] : ends[number]])
    return np.flatnonzero(is_row).tolist(), is_plain


def _parsed(lines: bytes, rows: int, schema: pa.Schema | None) -> pa.RecordBatch | None:
    """Reads lines with Arrow; None if they are not an object each, or have other types than the schema."""
    options = pa.json.ParseOptions(
        explicit_schema=schema, unexpected_field_behavior="infer" if schema is None else "ignore"
    )
    one_chunk = pa.json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
    try:
        table = pa.json.read_json(pa.BufferReader(lines + b"\n"), one_chunk, options).combine_chunks()
    except pa.ArrowInvalid:
        return None
    batches = table.to_batches()
    return batches[0] if batches and table.num_rows == rows else None
