"""Checks the bytes of CSV and TSV on their way to Arrow, which takes any quotes for right."""

from __future__ import annotations

import codecs
import re
from typing import IO, TYPE_CHECKING

import numpy as np

from unicl.files.rows import MAX_ROW_BYTES

if TYPE_CHECKING:
    from pathlib import Path

QUOTE = ord('"')
GROWTH = 3
"""The most bytes that a byte becomes: a mark."""
NOT_UTF8_MARK = "\ufdd0"
"""Stands for a byte that is not UTF-8, until its row is known. No text has it: Unicode keeps it free."""
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
REMEDY = "write two quotes for one in a quoted value, or read quotes as part of the values with quotes=False"


class DelimitedText:
    """The bytes of a file, as UTF-8, with a mark in place of each byte that is not.

    Reading raises an error where a quoted value is not closed, or goes on after its quote. A quote opens a value if it
    is the first character of it; elsewhere it is a character like others. In a quoted value two quotes stand for one,
    and a single quote is the last character.
    """

    def __init__(self, file: IO[bytes], path: Path, delimiter: str, *, quotes: bool) -> None:
        self._file, self._path, self._quotes = file, path, quotes
        self._ends = np.frombuffer(delimiter.encode() + b"\r\n", np.uint8)
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._return = ""
        self._held = b"\n"  # a byte that was checked, and the quotes after it, which need the byte after them
        self._lines, self._is_open, self._open_line, self._open_bytes = 1, False, 0, 0
        self.closed = self.is_marked = False

    def read(self, size: int) -> bytes:
        """Reads at most so many bytes and checks them.

        Raises:
            ValueError: A value breaks the rules of quotes. The message names the line in which it begins.
        """
        content = b""
        while not content:
            packed = self._file.read(max(size // GROWTH, 1))
            text = self._return + self._decoder.decode(packed, final=not packed)
            # Where a block ends between \r and \n, Arrow drops the \n, in a value too.
            self._return = "\r" if packed and text.endswith("\r") else ""
            text = text.removesuffix(self._return)
            try:
                content = text.encode()
            except UnicodeEncodeError:
                content, self.is_marked = _NOT_UTF8.sub(NOT_UTF8_MARK, text).encode(), True
            if not packed:
                break
        if self._quotes:
            self._follow(content)
        return content

    def refuse_open(self, place: str) -> None:
        """Refuses a value that is open after the bytes read.

        Raises:
            ValueError: There is one.
        """
        if self._is_open:
            raise self._error(f"expected a quote that closes the value; got none {place}")

    def close(self) -> None:
        """Leaves the file to the caller."""

    def _follow(self, content: bytes) -> None:
        text = self._held + (content or b"\n")
        end = len(text.rstrip(b'"'))
        self._check(text[:end])
        self._held = text[end - 1 :]
        self._lines += _line_ends(text[1:end])
        if not content or self._open_bytes > MAX_ROW_BYTES:
            self.refuse_open(f"in {MAX_ROW_BYTES:,} bytes" if content else "to the end of the file")

    def _check(self, text: bytes) -> None:
        """Follows the quotes of a text whose first and last byte are none."""
        content = np.frombuffer(text, np.uint8)
        quotes = np.flatnonzero(content == QUOTE)
        before, after = content[quotes - 1], content[np.minimum(quotes + 1, len(text) - 1)]
        facts = (quotes, np.isin(before, self._ends), np.isin(after, self._ends), after == QUOTE)
        second, opening = -1, None
        for place, opens, closes, is_double in zip(*(fact.tolist() for fact in facts), strict=True):
            if place == second:
                continue
            if not self._is_open:
                self._is_open, opening = opens, place
            elif is_double:
                second = place + 1
            elif closes:
                self._is_open = False
            else:
                self._note(text, opening)
                found = text[max(place - 20, 0) : place + 20].decode(errors="replace")
                spark = " (Spark writes a backslash before a quote)" if text[place - 1] == ord("\\") else ""
                raise self._error(f"expected nothing after the quote that closes a value; got {found!r}{spark}")
        self._note(text, opening)

    def _note(self, text: bytes, opening: int | None) -> None:
        """Notes in which line the open value begins, and how long it is."""
        if opening is not None:
            self._open_line, self._open_bytes = self._lines + _line_ends(text[1:opening]), -opening
        self._open_bytes += len(text)

    def _error(self, reason: str) -> ValueError:
        return ValueError(f"{self._path}, line {self._open_line}: {reason}: {REMEDY}")


def _line_ends(text: bytes) -> int:
    return text.count(b"\n") or text.count(b"\r")
