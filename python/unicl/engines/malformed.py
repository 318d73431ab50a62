"""One clear error for a file that is not what its name says."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def naming_file(path: Path, format_name: str) -> Iterator[None]:
    """Turns what pyarrow raises about the content of a file into a ``ValueError`` of one line that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # not there, or not to be read: the system's words
            raise
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(f"{path} is not {format_name}, or is damaged: {lines[0][:300]}") from error
