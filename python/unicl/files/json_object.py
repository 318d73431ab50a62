"""Reads one line of JSON with Python, where Arrow gives up or would crash."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any

MAX_DEPTH = 32
"""The largest number of brackets in brackets. Arrow crashes far above it; Parquet takes less than twice as many."""
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def is_deep(line: bytes) -> bool:
    """Tells whether a line has too many brackets in brackets. Those in strings do not count."""
    if line.count(b"[") + line.count(b"{") <= MAX_DEPTH:
        return False
    changes = (1 if mark in b"[{" else -1 for mark in _STRING.sub(b"", line) if mark in b"[]{}")
    return max(accumulate(changes), default=0) > MAX_DEPTH


def read_object(line: bytes) -> dict[str, Any]:
    """Reads a line. A field that is nested too deep becomes JSON again.

    Raises:
        ValueError: It is not a JSON object, or has a field twice.

    Example:
        >>> read_object(b'{"caption": "a dog"}')
        {'caption': 'a dog'}
    """
    try:
        fields = _DECODER.decode(line.decode())
        is_object, repeats = isinstance(fields, dict), isinstance(fields, _Repeating)
        if is_object and is_deep(line):
            fields = {name: _shallow(field) for name, field in fields.items()}
    except RecursionError:
        raise ValueError(f"expected JSON; got {_shown(line)} (too many brackets in brackets)") from None
    except ValueError as error:
        raise ValueError(f"expected JSON; got {_shown(line)} ({error})") from None
    if not is_object:
        raise ValueError(f"expected a JSON object; got {_shown(line)}")
    if repeats:
        raise ValueError(f"expected each field once; got {_shown(line)} (a field is specified twice)")
    return fields  # type: ignore[no-any-return]


def without_surrogates(fields: dict[str, Any], line: bytes) -> dict[str, Any]:
    r"""Gives fields with U+FFFD in place of every half of a surrogate pair, such as "\ud83d" alone."""
    if not _SURROGATE.search(line):
        return fields
    text = json.dumps(fields, ensure_ascii=False)
    repaired: dict[str, Any] = json.loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
    return repaired


class _Repeating(dict[str, Any]):
    """The fields of an object that has one of them twice: the last of each."""


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else _Repeating(fields)


_DECODER = json.JSONDecoder(object_pairs_hook=_fields)


def _shallow(value: object) -> object:
    text = json.dumps(value, ensure_ascii=False)
    return text if is_deep(text.encode(errors="surrogatepass")) else value


def _shown(line: bytes) -> str:
    text = line.decode(errors="replace")
    return repr(text if len(text) <= 60 else f"{text[:60]}...")
