"""How captions are read from files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

BadRows: TypeAlias = Literal["error", "skip"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How captions are read from files.

    Raises:
        ValueError: An option is none of its values.
    """

    column: str | None = None
    """The column with the captions; if none is named, the first of caption, text, txt and TEXT that there is."""
    bad_rows: BadRows = "error"
    """At a row whose caption is null or not UTF-8, or whose image cannot be read: stop, or count it and give it no
    result (null, or padding only)."""
    header: bool = True
    """CSV and TSV: the first line names the columns. If not, they are f0, f1, ..."""
    quotes: bool = True
    """CSV and TSV: a value may stand in double quotes. Conceptual Captions, for one, is written without."""
    batch_rows: int = 32_768
    """How many rows are in memory at once, at most."""

    def __post_init__(self) -> None:
        if self.bad_rows not in ("error", "skip"):
            raise ValueError(f'expected bad_rows "error" or "skip"; got {self.bad_rows!r}')
        if self.batch_rows < 1:
            raise ValueError(f"expected batch_rows >= 1; got {self.batch_rows}")
