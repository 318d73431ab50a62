"""``unicl tokenize``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from unicl.cli.files import FilesConfig
from unicl.cli.progress import show_captions
from unicl.cli.summary import check_stats, report
from unicl.jobs import TokenizeStats, tokenize_files
from unicl.text import open_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class TokenizeConfig(FilesConfig):
    """Tokenizes the captions of files: the same rows, with a column "ids", in Parquet.

    Reads Parquet, Arrow IPC, CSV, TSV, JSON lines, text files (a caption a line) and webdataset shards, or folders of
    them; the text formats also compressed. Rows stay in order and none is left out.
    """

    out: Path
    """The folder for NAME.parquet; for one input also the file itself (*.parquet)."""
    tokenizer: Literal["clip", "wordpiece"] = "clip"
    """clip: OpenAI's byte pairs; wordpiece: BERT's pieces."""
    tokenizer_file: Path | None = None
    """The vocabulary. clip: a merges file or a tokenizer.json; that of the installed open_clip if none is given.
    wordpiece: a vocab.txt or a tokenizer.json."""
    clean: Literal["openai", "hf", "none"] = "openai"
    """clip: what happens to a caption first: as in OpenAI's CLIP and open_clip, as in transformers, or nothing."""
    lowercase: bool = True
    """wordpiece from a vocab.txt: whether the model is uncased."""
    context_length: int = 77
    """Ids in a row, start and end token included."""
    ragged: bool = False
    """Lists of ids without start, end and padding, uncut."""
    truncate: bool = True
    """Cut captions that do not fit and count them; if not, stop at the first."""


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl tokenize``, runs it, and says what was done."""
    config = tyro.cli(TokenizeConfig, prog="unicl tokenize", args=arguments)
    check_stats(config.stats)
    tokenizer = open_tokenizer(
        config.tokenizer,
        config.tokenizer_file,
        clean=config.clean,
        lowercase=config.lowercase,
        context_length=config.context_length,
    )
    stats = tokenize_files(
        config.inputs,
        config.out,
        tokenizer,
        reading=config.reading,
        ragged=config.ragged,
        truncate=config.truncate,
        copy_columns=config.copy_columns,
        overwrite=config.overwrite,
        threads=config.threads,
        progress=show_captions,
    )
    report(stats, _sentence(stats), config.stats)
    return 0


def _sentence(stats: TokenizeStats) -> str:
    return (
        f"{stats.captions:,} captions of {stats.files} files: {stats.tokens:,} ids, {stats.truncated:,} captions cut; "
        f"{stats.seconds:.1f} s, {stats.tokenize_seconds:.1f} s of them in the tokenizer"
    )
