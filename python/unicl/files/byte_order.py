"""Recognizes text that is Unicode but not UTF-8 by its first bytes."""

from __future__ import annotations

import codecs

# The mark of UTF-32 in little-endian order begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
START_BYTES = 4096
"""The number of bytes that are looked at."""


def refuse_wide_unicode(start: bytes) -> None:
    """Refuses a text that begins as UTF-16 or UTF-32 does: with a byte order mark, or with a zero in most characters.

    Raises:
        ValueError: The text is one of these. The message names the encoding, not the file.

    Example:
        >>> refuse_wide_unicode("a dog".encode("utf-16"))
        Traceback (most recent call last):
        ValueError: expected UTF-8; got UTF-16: convert it with `iconv -f UTF-16 -t UTF-8`
        >>> refuse_wide_unicode("a dog".encode("utf-16-le"))
        Traceback (most recent call last):
        ValueError: expected UTF-8; got UTF-16LE: convert it with `iconv -f UTF-16LE -t UTF-8`
    """
    encoding = next((encoding for mark, encoding in _MARKS.items() if start.startswith(mark)), None)
    encoding = encoding or _unmarked(start[:START_BYTES])
    if encoding:
        raise ValueError(f"expected UTF-8; got {encoding}: convert it with `iconv -f {encoding} -t UTF-8`")


def _unmarked(start: bytes) -> str | None:
    """Names an encoding without a mark by its zeros, which UTF-8 has not: the high bytes of most characters."""
    (in_high, order, high), (in_low, _, low) = sorted(
        ((part.count(0), order, part) for order, part in (("LE", start[1::2]), ("BE", start[::2]))), reverse=True
    )
    if 2 * in_high <= len(high):
        return None
    return f"UTF-{32 if 3 * in_low >= len(low) else 16}{order}"
