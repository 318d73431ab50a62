"""Reads a JSON object that is too large to hold at once: the elements of its lists, one after another."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any

from unicl.files.compressed import open_stream
from unicl.files.rows import MAX_ROW_BYTES
from unicl.files.text_lines import BYTE_ORDER_MARK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK_BYTES = 1 << 20
_SPACE = " \t\r\n"


def array_elements(path: Path, lists: set[str]) -> Iterator[tuple[str, int, Any]]:
    """Gives the name of each list at the top of a JSON object, and each element with its number in the list.

    Other fields are read and not given. No more than an element is in memory.

    Args:
        path: The file, plain or compressed.
        lists: Gets the names of all lists, also of empty ones.

    Raises:
        ValueError: The file is no JSON, is no object, or has more than 16 MiB in one element.

    Example:
        >>> import tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "x.json")
        ...     _ = path.write_text('{"info": {}, "images": [{"id": 1}, {"id": 2}]}')
        ...     list(array_elements(path, set()))
        [('images', 0, {'id': 1}), ('images', 1, {'id': 2})]
    """
    with open_stream(path) as file:
        text = _Text(file)
        text.take("{")
        if text.peek() != "}":
            while True:
                name = text.value()
                if not isinstance(name, str):
                    raise ValueError(f"expected the name of a field; got {name!r}")
                text.take(":")
                if text.peek() == "[":
                    lists.add(name)
                    for number, element in enumerate(_elements(text)):
                        yield name, number, element
                else:
                    text.value()
                if text.peek() != ",":
                    break
                text.take(",")
        text.take("}")
        if text.peek():
            raise ValueError(f"expected the end after the object; got {text.peek()!r}")


def _elements(text: _Text) -> Iterator[Any]:
    text.take("[")
    if text.peek() != "]":
        while True:
            yield text.value()
            if text.peek() != ",":
                break
            text.take(",")
    text.take("]")


class _Text:
    """The text of a file, of which as much is in memory as the next value needs."""

    def __init__(self, file: Any) -> None:
        self._file, self._text, self._at, self._ended = file, "", 0, False
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._decoder = json.JSONDecoder()
        first = file.read(CHUNK_BYTES)
        self._add(first.removeprefix(BYTE_ORDER_MARK))

    def peek(self) -> str:
        """Gives the next character that is not white space; "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._more()

    def take(self, mark: str) -> None:
        """Reads one mark of JSON."""
        found = self.peek()
        if found != mark:
            raise ValueError(f"expected {mark!r}; got {found!r}" if found else f"expected {mark!r}; got the end")
        self._at += 1

    def value(self) -> Any:
        """Reads one value."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                raise ValueError("too many brackets in brackets") from None
            except ValueError as error:
                if self._ended:
                    raise ValueError(f"{getattr(error, 'msg', error)}") from None
            else:
                if end < len(self._text) or self._ended:  # a number may go on in the next chunk
                    self._at = end
                    return value
            if len(self._text) - self._at > MAX_ROW_BYTES:
                raise ValueError(f"expected values of at most {MAX_ROW_BYTES:,} bytes; got a larger one, or no JSON")
            self._more()

    def _more(self) -> None:
        """Reads as much again as is waiting, so that a long value is not read many times over."""
        self._add(self._file.read(max(CHUNK_BYTES, len(self._text) - self._at)))

    def _add(self, content: bytes) -> None:
        self._ended = not content
        self._text = self._text[self._at :] + self._utf8.decode(content, final=self._ended)
        self._at = 0
