"""Runs ``unicl tokenize``."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from unicl.cli.files import FilesConfig
from unicl.cli.parse import parse
from unicl.cli.progress import show_progress
from unicl.cli.summary import check_stats, report
from unicl.jobs import TokenizeOptions, TokenizeStats, tokenize_files
from unicl.text import open_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence


CONTEXT_LENGTH = 77


@dataclass(frozen=True, kw_only=True)
class TokenizeConfig(FilesConfig):
    """Tokenizes the captions of files: writes the same rows, with a column "ids", to Parquet.

    It reads Parquet, Arrow IPC, CSV, TSV, JSON lines, text files (a caption a line) and webdataset shards, or folders
    of them. The text formats may be compressed. The output has every row, in the same order.
    """

    out: Path
    """The folder for NAME.parquet; for one input also the file itself (*.parquet)."""
    tokenizer: Literal["clip", "wordpiece"] = "clip"
    """clip: OpenAI's byte pairs. wordpiece: BERT's pieces."""
    tokenizer_file: Path | None = None
    """The vocabulary. clip: a merges file or a tokenizer.json; if not given, the merges of OpenAI's CLIP.
    wordpiece: a vocab.txt or a tokenizer.json."""
    clean: Literal["openai", "hf", "none"] = "openai"
    """clip: how captions are cleaned. openai: as in OpenAI's CLIP and open_clip; hf: as in transformers; none: not."""
    lowercase: bool = True
    """wordpiece from a vocab.txt: whether the model is uncased."""
    ids: tyro.conf.OmitArgPrefixes[TokenizeOptions] = field(
        default_factory=lambda: TokenizeOptions(context_length=CONTEXT_LENGTH)
    )


CONFIGS = (TokenizeConfig,)


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl tokenize``, runs it, and reports the result."""
    config = parse(TokenizeConfig, "unicl tokenize", arguments)
    check_stats(config)
    if config.tokenizer == "clip" and config.clean == "openai" and find_spec("ftfy") is None:  # before hours of work
        raise ModuleNotFoundError(
            "expected the ftfy package, which repairs captions for --clean openai; got none: pip install ftfy, "
            "or choose --clean hf or --clean none"
        )
    tokenizer = open_tokenizer(
        config.tokenizer,
        config.tokenizer_file,
        clean=config.clean,
        lowercase=config.lowercase,
        context_length=config.ids.context_length or CONTEXT_LENGTH,
    )
    stats = tokenize_files(
        config.inputs,
        config.out,
        tokenizer,
        config.ids,
        reading=config.reading,
        overwrite=config.overwrite,
        threads=config.threads,
        progress=show_progress,
    )
    report(stats, _sentence(stats), config)
    return 0


def _sentence(stats: TokenizeStats) -> str:
    return (
        f"{stats.captions:,} captions of {stats.files} files: {stats.tokens:,} ids, {stats.truncated:,} captions cut; "
        f"{stats.seconds:.1f} s, {stats.tokenize_seconds:.1f} s of them in the tokenizer"
    )
