"""Runs ``unicl data``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from unicl.cli.data_lines import overview_lines
from unicl.cli.parse import parse
from unicl.cli.progress import show_progress
from unicl.data import check_page, look_at_data, open_samples, write_overview
from unicl.labels import open_vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unicl.data import Source


@dataclass(frozen=True, kw_only=True)
class ColumnsConfig:
    """Names what usual names do not find. It holds for all sources."""

    image_column: str | None = None
    """The column with the images, or with their paths."""
    caption_column: Annotated[tuple[str, ...], tyro.conf.arg(help_behavior_hint="(default: one of a usual name)")] = ()
    """The column or columns with the captions; "" for none."""
    class_column: str | None = None
    """The column with the classes; "" for none."""
    weight_column: str | None = None
    """The column with the weights of the rows."""
    key_column: str | None = None
    """The column with the names of the rows."""
    class_names: str | None = None
    """The names of classes that are numbers: a file with a name a line, or a vocabulary such as imagenet-1k."""
    image_folder: Path | None = None
    """The folder of the images that a TSV, a CSV or COCO's JSON names."""

    def open(self, source: str) -> Source:
        """Opens a source with these names."""
        given = {name: value for name, value in vars(self).items() if value not in (None, ())}
        if len(self.caption_column) == 1:  # an empty word is no column
            given["caption_column"] = self.caption_column[0]
        if self.class_names is not None:
            given["class_names"] = open_vocabulary(self.class_names).names
        return open_samples(source, **given)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Shows what is in data before training: rows, captions, classes, labels, images, what occurs again, what is bad.

    It reads what training reads. Of each source it reads some rows, which a seed draws.
    """

    sources: tyro.conf.Positional[tuple[str, ...]]
    """Files, folders or addresses of samples."""
    rows: int = 1_000
    """How many rows of each source to read."""
    every_row: Annotated[bool, tyro.conf.arg(name="all")] = False
    """Read all rows, and decode every image."""
    threads: int | None = None
    """How many threads decode images. If not given: one for each core."""
    seed: int = 0
    """Draws the rows."""
    columns: tyro.conf.OmitArgPrefixes[ColumnsConfig] = field(default_factory=ColumnsConfig)
    vocabulary: str | None = None
    """The labels: a file (.json, .tsv, .txt), coco, imagenet-1k, imagenet-21k or wordnet. If not given: the classes."""
    out: Path | None = None
    """Write a page with tables, charts and images to this file (.html)."""
    overwrite: bool = False
    """Replace the page if it exists."""
    json: bool = False
    """Write JSON."""


CONFIGS = (DataConfig,)


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl data``, reads, and writes what was counted."""
    config = parse(DataConfig, "unicl data", arguments)
    if config.rows < 1:
        raise ValueError(f"expected --rows >= 1; got {config.rows}")
    if config.seed < 0:
        raise ValueError(f"expected --seed >= 0; got {config.seed}")
    if config.threads is not None and config.threads < 1:
        raise ValueError(f"expected --threads >= 1; got {config.threads}")
    if config.out is not None:
        check_page(config.out, overwrite=config.overwrite)
    vocabulary = None if config.vocabulary is None else open_vocabulary(config.vocabulary)
    sources = [config.columns.open(source) for source in config.sources]
    rows = None if config.every_row else config.rows
    total = sum(len(source) if rows is None else min(rows, len(source)) for source in sources)
    with show_progress("looking", total, "rows") as advance:
        overview = look_at_data(
            sources,
            rows=rows,
            seed=config.seed,
            vocabulary=vocabulary,
            vocabulary_name=config.vocabulary or "",
            threads=config.threads,
            advance=advance,
        )
    if config.out is not None:
        write_overview(overview, config.out, overwrite=config.overwrite)
    lines = [json.dumps(overview.as_json(), indent=2)] if config.json else overview_lines(overview)
    if config.out is not None and not config.json:
        lines.append(f"page: {config.out}")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0
