"""``unicl label``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from unicl.cli.files import FilesConfig
from unicl.cli.parse import parse
from unicl.cli.progress import show_progress
from unicl.cli.relevance import Relevance
from unicl.cli.summary import check_stats, report
from unicl.jobs import LabelStats, label_files
from unicl.labels import open_vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class LabelConfig(FilesConfig):
    """Gives the captions of files labels: the same rows, with columns "labels" and "label_weights", in Parquet.

    Reads Parquet, Arrow IPC, CSV, TSV, JSON lines, text files (a caption a line) and webdataset shards, or folders of
    them; the text formats also compressed. Rows stay in order and none is left out. The vocabulary is written too.
    """

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
    ancestors: Literal["roll-up", "add"] | None = None
    """What the parents in a vocabulary are for. roll-up: a label of too few captions gives way to its nearest ancestor
    that has enough. add: a caption has all ancestors of its labels too."""
    balance: int | None = None
    """Keep a label of a caption with the probability min(1, balance / its number of captions), as MetaCLIP does."""
    seed: int = 0
    """Of the draws for balance."""
    min_count_in_caption: int = 1
    """Leave out labels that fewer noun phrases of the caption mean."""
    weights: Literal["one", "idf", "relevance", "idf-relevance"] = "one"
    """What "label_weights" are. idf: the logarithm of captions / captions with the label, so rare labels weigh more;
    relevance: the score of the label's most relevant phrase; idf-relevance: their product."""
    image: tyro.conf.OmitArgPrefixes[Relevance] = field(default_factory=Relevance)
    phrases: bool = False
    """Write the columns "noun_phrases" and "noun_phrase_spans" too."""


CONFIGS = (LabelConfig,)


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl label``, runs it, and says what was done."""
    config = parse(LabelConfig, "unicl label", arguments)
    check_stats(config.stats)
    vocabulary, stats = label_files(
        config.inputs,
        config.out,
        None if config.vocabulary is None else open_vocabulary(config.vocabulary, parents=config.ancestors is not None),
        mode=config.mode,
        reading=config.reading,
        min_document_frequency=config.min_document_frequency,
        max_document_frequency=config.max_document_frequency,
        top_k=config.top_k,
        ancestors="roll_up" if config.ancestors == "roll-up" else config.ancestors,
        balance=config.balance,
        seed=config.seed,
        min_count_in_caption=config.min_count_in_caption,
        relevance=config.image.to_filter(weigh="relevance" in config.weights),
        image_column=config.image.image_column,
        idf="idf" in config.weights,
        phrases=config.phrases,
        copy_columns=config.copy_columns,
        overwrite=config.overwrite,
        threads=config.threads,
        progress=show_progress,
    )
    report(stats, _sentence(stats, len(vocabulary)), config.stats)
    return 0


def _sentence(stats: LabelStats, num_labels: int) -> str:
    images = f"; {stats.images:,} images were looked at" if stats.images else ""
    rolled_up = f"; {stats.rolled_up:,} labels gave way to an ancestor" if stats.rolled_up else ""
    return (
        f"{stats.captions:,} captions of {stats.files} files, {num_labels:,} labels in the vocabulary: "
        f"{stats.labels:,} labels in {stats.labelled:,} captions{rolled_up}{images}; {stats.seconds:.1f} s, "
        f"{stats.label_seconds:.1f} s of them in the labeler\n"
        f"without label: {stats.no_phrase:,} captions have no noun phrase, {stats.phrase_without_label:,} none that "
        f"means a label, {stats.filtered:,} only labels that the filters left out"
    )
