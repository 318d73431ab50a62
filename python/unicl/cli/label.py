"""Runs ``unicl label``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from unicl.cli.files import FilesConfig
from unicl.cli.label_summary import LabelledColumns, show_classes, show_labels
from unicl.cli.parse import parse
from unicl.cli.progress import show_progress
from unicl.cli.relevance import Relevance
from unicl.cli.summary import check_stats, report
from unicl.jobs import LabelOptions, LabelStats, label_files
from unicl.labels import open_vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class LabelConfig(FilesConfig):
    """Gives captions and classes labels: writes the same rows, with columns "labels" and "label_weights", to Parquet.

    It reads Parquet, Arrow IPC, CSV, TSV, JSON lines, text files (a caption a line) and webdataset shards, or folders
    of them. The text formats may be compressed. It also reads class folders and COCO's JSON. The output has every row,
    in the same order. The vocabulary is written too.
    """

    out: Path
    """The folder for NAME.parquet and vocabulary.json; for one input also the file itself (*.parquet)."""
    vocabulary: str | None = None
    """The labels: a file (.json, .tsv, .txt), coco, imagenet-1k, imagenet-21k or wordnet. If not given: mined."""
    label: tyro.conf.OmitArgPrefixes[LabelOptions] = field(default_factory=LabelOptions)
    image: tyro.conf.OmitArgPrefixes[Relevance] = field(default_factory=Relevance)


CONFIGS = (LabelConfig,)


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl label``, runs it, and reports the result."""
    config = parse(LabelConfig, "unicl label", arguments)
    check_stats(config)
    parents = config.label.ancestors is not None
    vocabulary = None if config.vocabulary is None else open_vocabulary(config.vocabulary, parents=parents)
    config.image.refuse_without_model(config.label)
    vocabulary, stats = label_files(
        config.inputs,
        config.out,
        vocabulary,
        config.label,
        relevance=config.image.to_filter(),
        reading=config.reading,
        overwrite=config.overwrite,
        threads=config.threads,
        progress=show_progress,
    )
    report(stats, _sentence(stats, len(vocabulary)), config)
    show_classes(stats)
    columns = LabelledColumns(config.label.label_name, config.reading.column, config.label.class_column)
    show_labels([Path(output) for output in stats.outputs], vocabulary, columns)
    return 0


def _sentence(stats: LabelStats, num_labels: int) -> str:
    images = f"; {stats.images:,} images were opened" if stats.images else ""
    rows = "rows" if stats.classes else "captions"
    other = f"; {stats.class_without_label:,} rows have a class that means none" if stats.class_without_label else ""
    rolled_up = f"; {stats.rolled_up:,} labels were replaced by an ancestor" if stats.rolled_up else ""
    return (
        f"{stats.captions:,} {rows} of {stats.files} files, {num_labels:,} labels in the vocabulary: "
        f"{stats.labels:,} labels in {stats.labelled:,} {rows}{rolled_up}{images}; {stats.seconds:.1f} s, "
        f"{stats.label_seconds:.1f} s of them in the labeler\n"
        f"without label: {stats.no_phrase:,} captions have no noun phrase, {stats.phrase_without_label:,} none that "
        f"means a label, {stats.filtered:,} only labels that the filters removed{other}"
    )
