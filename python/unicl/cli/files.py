"""Defines the options that the commands over files share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from unicl.files import Reading


@dataclass(frozen=True, kw_only=True)
class ReadingConfig(Reading):
    """How captions are read from files."""

    quotes: Annotated[
        tyro.conf.DisallowNone[bool | None], tyro.conf.arg(help_behavior_hint="(default: only in CSV)")
    ] = None
    """CSV and TSV: a value may stand in double quotes."""


@dataclass(frozen=True, kw_only=True)
class InputsConfig:
    """Reads files."""

    inputs: tyro.conf.Positional[tuple[Path, ...]]
    """Files, or folders of files."""
    reading: tyro.conf.OmitArgPrefixes[ReadingConfig] = field(default_factory=ReadingConfig)


@dataclass(frozen=True, kw_only=True)
class FilesConfig(InputsConfig):
    """Reads files and writes the same rows with new columns."""

    out: Path
    """The folder for NAME.parquet."""
    overwrite: bool = False
    """Replace outputs that exist, each when the new one is complete."""
    threads: int | None = None
    """How many threads to use. If not given: all cores."""
    stats: Path | None = None
    """Write counts and times to this file, as JSON (.json). With --overwrite it may replace earlier counts."""
