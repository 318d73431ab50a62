"""Cuts CSV and TSV into blocks of whole rows, and checks the quotes, of which Arrow takes any for right."""

from __future__ import annotations

import codecs
import re
from typing import IO, TYPE_CHECKING

import numpy as np

from unicl.files.rows import MAX_ROW_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUOTE = ord('"')
BLOCK_BYTES = 4 << 20
NOT_UTF8_MARK = "\ufdd0"
"""Stands for a byte that is not UTF-8, until its row is known. No text has it: Unicode keeps it free."""
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
REMEDY = "write two quotes for one in a quoted value, or read quotes as part of the values with quotes=False"


class DelimitedText:
    """The text of a file, as UTF-8, with a mark in place of each byte that is not.

    Rows end in a line feed, a carriage return, or both. A quote opens a value if it is the first character of it;
    elsewhere it is a character like others. In a quoted value two quotes stand for one, and a single quote is the last
    character.
    """

    def __init__(self, path: Path, delimiter: str, *, quotes: bool) -> None:
        self._path, self._quotes, self._lines = path, quotes, 1
        self._ends = np.frombuffer(delimiter.encode() + b"\r\n", np.uint8)

    def blocks(self, file: IO[bytes]) -> Iterator[bytes]:
        """Gives the text in blocks of some megabytes.

        Raises:
            ValueError: A quoted value is not closed, or goes on after its quote; or a row is too long. The message
                names the line in which it begins.
        """
        decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        waiting, is_last = b"", False
        while not is_last:
            content = file.read(BLOCK_BYTES)
            is_last = not content
            text = decoder.decode(content, final=is_last)
            try:
                waiting += text.encode()
            except UnicodeEncodeError:
                waiting += _NOT_UTF8.sub(NOT_UTF8_MARK, text).encode()
            end = self._end_of_rows(waiting, is_last=is_last)
            if len(waiting) - end > MAX_ROW_BYTES:
                raise self._error(waiting, end, f"expected at most {MAX_ROW_BYTES:,} bytes in a row; got more")
            if end:
                yield waiting[:end]
                self._lines += _line_ends(waiting[:end])
                waiting = waiting[end:]

    def _end_of_rows(self, text: bytes, *, is_last: bool) -> int:
        """Gives the end of the last row that is whole. The text begins where a row does."""
        known = text if is_last else text.rstrip(b'"\r')  # the byte after these tells what they are
        gaps = self._unquoted(known, is_last=is_last) if self._quotes else [(0, len(known))]
        if is_last:
            return len(text)
        return next((end for start, stop in reversed(gaps) if (end := _last_line_end(text, start, stop))), 0)

    def _unquoted(self, text: bytes, *, is_last: bool) -> list[tuple[int, int]]:
        """Follows the quotes and gives the parts of the text that are in none."""
        content = np.frombuffer(b"\n" + text + b"\n", np.uint8)
        places = np.flatnonzero(content == QUOTE)
        before, after = content[places - 1], content[places + 1]
        facts = (places - 1, np.isin(before, self._ends), np.isin(after, self._ends), after == QUOTE)
        gaps: list[tuple[int, int]] = []
        second, start, opening = -1, 0, -1
        for place, opens, closes, is_double in zip(*(fact.tolist() for fact in facts), strict=True):
            if place == second:
                continue
            if opening < 0:
                if opens:
                    opening = place
                    gaps.append((start, place))
            elif is_double:
                second = place + 1
            elif closes:
                opening, start = -1, place
            else:
                found = text[max(place - 20, 0) : place + 20].decode(errors="replace")
                spark = " (Spark writes a backslash before a quote)" if text[place - 1] == ord("\\") else ""
                reason = f"expected nothing after the quote that closes a value; got {found!r}{spark}"
                raise self._error(text, opening, f"{reason}: {REMEDY}")
        if opening >= 0 and (is_last or len(text) - opening > MAX_ROW_BYTES):
            where = "to the end of the file" if is_last else f"in {MAX_ROW_BYTES:,} bytes"
            raise self._error(text, opening, f"expected a quote that closes the value; got none {where}: {REMEDY}")
        return gaps if opening >= 0 else [*gaps, (start, len(text))]

    def _error(self, text: bytes, place: int, reason: str) -> ValueError:
        return ValueError(f"{self._path}, line {self._lines + _line_ends(text[:place])}: {reason}")


def _line_ends(text: bytes) -> int:
    return text.count(b"\n") or text.count(b"\r")


def _last_line_end(text: bytes, start: int, stop: int) -> int:
    """Gives the place after the last line end in a part of a text; 0 if there is none."""
    return max(text.rfind(b"\n", start, stop), text.rfind(b"\r", start, stop)) + 1
