"""The options that the commands over files share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from unicl.files import Reading


@dataclass(frozen=True, kw_only=True)
class FilesConfig:
    """Files in, and the same rows with new columns out."""

    inputs: tyro.conf.Positional[tuple[Path, ...]]
    """Files, or folders of files."""
    out: Path
    """The folder for NAME.parquet."""
    copy_columns: bool = True
    """Write the columns of the input too."""
    overwrite: bool = False
    """Replace outputs that exist, each when the new one is complete."""
    threads: int | None = None
    """How many threads to use; all cores if not given."""
    reading: tyro.conf.OmitArgPrefixes[Reading] = field(default_factory=Reading)
    stats: Path | None = None
    """Write counts and times to this file, as JSON (.json)."""
