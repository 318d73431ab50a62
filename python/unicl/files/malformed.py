"""Raises one clear error for a file whose content is not what its name promises."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from unicl.files.byte_order import refuse_wide_unicode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def naming_file(path: Path, format_name: str) -> Iterator[None]:
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


def check_text(path: Path, format_name: str) -> None:
    """Checks the first bytes of a text file, plain or compressed.

    Raises:
        ValueError: The text is UTF-16 or UTF-32, or cannot be decompressed; the message names the file.
        OSError: The file is missing, or cannot be read.
    """
    with naming_file(path, format_name), pa.input_stream(str(path)) as file:
        start: bytes = file.read(4)
    try:
        refuse_wide_unicode(start)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def refuse_changed(path: Path, found: pa.Schema, schema: pa.Schema) -> None:
    """Refuses a file whose columns have changed since it was opened.

    Raises:
        ValueError: They have changed; the message names the file.
    """
    if not found.equals(schema):
        raise ValueError(
            f"{path}: expected the columns that it had when it was opened; got others: do not change it during the run"
        )
