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
    """Refuses a text that begins with a byte order mark of UTF-16 or UTF-32. It looks at the first four bytes.

    Raises:
        ValueError: The text has such a mark. The message names the encoding, not the file.

    Example:
        >>> refuse_wide_unicode("a dog".encode("utf-16"))
        Traceback (most recent call last):
        ValueError: expected UTF-8; got UTF-16: convert it with `iconv -f UTF-16 -t UTF-8`
    """
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            raise ValueError(f"expected UTF-8; got {encoding}: convert it with `iconv -f {encoding} -t UTF-8`")
