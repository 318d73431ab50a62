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


def refuse_wide_unicode(start: bytes) -> None:
    """Refuses a text by its first bytes, four or more: a byte order mark of UTF-16 or UTF-32.

    Raises:
        ValueError: It has one; the message names the encoding, not the file.

    Example:
        >>> refuse_wide_unicode("a dog".encode("utf-16"))
        Traceback (most recent call last):
        ValueError: the text is UTF-16; save it as UTF-8, as `iconv -f UTF-16 -t UTF-8` does
    """
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            raise ValueError(f"the text is {encoding}; save it as UTF-8, as `iconv -f {encoding} -t UTF-8` does")
