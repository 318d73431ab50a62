"""Rewrites the options in an error message from Python's words to the flags of the command line."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OPTION = re.compile(
    r"""
    (?<![\w./"'-]) (?P<name>[a-z]+(?:_[a-z]+)*)      # a word, but no part of a path or of a quoted name
    (?: = (?P<value>"[a-z_]*" | \w[\w.+-]*\w | \w ) | (?![\w./"'=-]) )
    """,
    re.VERBOSE,
)


def in_flags(message: str, configs: Iterable[type]) -> str:
    """Gives the message with flags in place of the options of a command.

    Below the command line, a message names an option as Python does: ``bad_rows="skip"``, ``overwrite=True``, or
    ``top_k`` alone. An option whose name is one plain word is rewritten only where a value follows.

    Args:
        message: The message of an error.
        configs: The dataclasses that the command parses its arguments into.

    Example:
        >>> @dataclasses.dataclass
        ... class Config:
        ...     bad_rows: str = "error"
        ...     overwrite: bool = False
        >>> in_flags('set bad_rows="skip", or replace it with overwrite=True', [Config])
        'set --bad-rows skip, or replace it with --overwrite'
    """
    names = {name for config in configs for name in _names(config)}

    def flag(found: re.Match[str]) -> str:
        name, value = found["name"], found["value"]
        if name not in names or (value is None and "_" not in name):
            return found[0]
        flag = name.replace("_", "-")
        if value in (None, "True"):
            return f"--{flag}"
        if value == "False":
            return f"--no-{flag}"
        return f"--{flag} {value.strip(chr(34)).replace('_', '-') if value.startswith(chr(34)) else value}"

    return _OPTION.sub(flag, message)


def _names(config: type) -> Iterator[str]:
    """Gives the names of the fields of a dataclass, and of the dataclasses in it."""
    types = get_type_hints(config)
    for field in dataclasses.fields(config):
        kind = types[field.name]
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            yield from _names(kind)
        else:
            yield field.name
