"""``unicl label``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from unicl.cli.progress import show_captions
from unicl.cli.summary import report
from unicl.engines import LabelStats, Reading, label_files, open_vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """Gives the captions of files labels: the same rows, with columns "labels" and "label_weights", in Parquet.

    Reads Parquet, Arrow IPC, CSV, TSV, JSON lines, text files (a caption a line) and webdataset shards, or folders of
    them; the text formats also compressed. Rows stay in order and none is left out. The vocabulary is written too.
    """

    inputs: tyro.conf.Positional[tuple[Path, ...]]
    """Files, or folders of files."""
    out: Path
    """The folder for NAME.parquet and vocabulary.json."""
    vocabulary: str | None = None
    """The labels: a file (.json, .tsv, .txt), coco, imagenet-1k, imagenet-21k or wordnet; mined from the captions if
    none are given."""
    mode: Literal["canonical", "argmax"] = "canonical"
    """How phrases become labels: by what they mean, or none; or by what they look like, always."""
    min_document_frequency: int | float | None = None
    """In how many captions a label must be: a number, or a share such as 0.001. Mined labels: 2 unless given."""
    max_document_frequency: int | float = 1.0
    """In how many captions a label may be: a number, or a share such as 0.1; 1.0 sets no limit."""
    top_k: int | None = None
    """Mine only that many labels, the most frequent."""
    balance: int | None = None
    """Keep a label of a caption with the probability min(1, balance / its number of captions), as MetaCLIP does."""
    seed: int = 0
    """Of the draws for balance."""
    min_count_in_caption: int = 1
    """Leave out labels that fewer noun phrases of the caption mean."""
    phrases: bool = False
    """Write the columns "noun_phrases" and "noun_phrase_spans" too."""
    copy_columns: bool = True
    """Write the columns of the input too."""
    overwrite: bool = False
    """Replace outputs that exist, each when the new one is complete."""
    threads: int | None = None
    """How many threads to use; all cores if not given."""
    reading: tyro.conf.OmitArgPrefixes[Reading] = field(default_factory=Reading)
    stats: Path | None = None
    """Write counts and times to this file, as JSON."""


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl label``, runs it, and says what was done."""
    config = tyro.cli(LabelConfig, prog="unicl label", args=arguments)
    vocabulary, stats = label_files(
        config.inputs,
        config.out,
        None if config.vocabulary is None else open_vocabulary(config.vocabulary),
        mode=config.mode,
        reading=config.reading,
        min_document_frequency=config.min_document_frequency,
        max_document_frequency=config.max_document_frequency,
        top_k=config.top_k,
        balance=config.balance,
        seed=config.seed,
        min_count_in_caption=config.min_count_in_caption,
        phrases=config.phrases,
        copy_columns=config.copy_columns,
        overwrite=config.overwrite,
        threads=config.threads,
        progress=show_captions,
    )
    report(stats, _sentence(stats, len(vocabulary)), config.stats)
    return 0


def _sentence(stats: LabelStats, num_labels: int) -> str:
    return (
        f"{stats.captions:,} captions of {stats.files} files, {num_labels:,} labels in the vocabulary: "
        f"{stats.labels:,} labels in {stats.labelled:,} captions; {stats.seconds:.1f} s, "
        f"{stats.label_seconds:.1f} s of them in the labeler\n"
        f"without label: {stats.no_phrase:,} captions have no noun phrase, {stats.phrase_without_label:,} none that "
        f"means a label, {stats.filtered:,} only labels that the filters left out"
    )
