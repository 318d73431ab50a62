"""Raises one clear error for a file whose content is not what its name promises."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from unicl.files.byte_order import START_BYTES, refuse_wide_unicode
from unicl.files.compressed import MAGIC, open_stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unicl.files.remote_path import AnyPath


@contextmanager
def naming_file(path: AnyPath, format_name: str) -> Iterator[None]:
    """Turns what pyarrow raises about the content of a file into a ``ValueError`` of one line that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if (
            isinstance(error, OSError) and error.errno is not None
        ):  # missing, or not readable: the system's message is clear
            raise
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(f"{path} is not {format_name}, or is damaged: {lines[0][:300]}") from error


def check_text(path: AnyPath, format_name: str) -> bytes:
    """Checks the first bytes of a text file, plain or compressed, and gives them.

    Raises:
        ValueError: The text is UTF-16 or UTF-32, is compressed but not named so, or cannot be decompressed; the
            message names the file.
        OSError: The file is missing, or cannot be read.
    """
    with naming_file(path, format_name), open_stream(path) as file:
        start: bytes = file.read(START_BYTES)
    packed = next((ending for magic, ending in MAGIC.items() if start.startswith(magic)), None)
    if packed:
        raise ValueError(f"{path}: expected text; got compressed data: rename it to {path.name}{packed}")
    try:
        refuse_wide_unicode(start)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return start


def changed_rows(path: AnyPath, reason: str) -> ValueError:
    """Makes the error for a file whose rows have changed since it was opened."""
    return ValueError(
        f"{path}: expected the rows that it had when it was opened; {reason}: do not change it during the run"
    )


def refuse_changed(path: AnyPath, found: pa.Schema, schema: pa.Schema) -> None:
    """Refuses a file whose columns have changed since it was opened.

    Raises:
        ValueError: They have changed; the message names the file.
    """
    if not found.equals(schema):
        raise ValueError(
            f"{path}: expected the columns that it had when it was opened; got others: do not change it during the run"
        )
