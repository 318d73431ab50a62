"""Runs ``unicl explain``."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tyro

from unicl.cli.drawing import draw_caption
from unicl.cli.parse import parse
from unicl.labels import Ancestors, DenseLabeler, LabelFilters, Mode, open_vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unicl.labels import Explanation


@dataclass(frozen=True, kw_only=True)
class ExplainConfig:
    """Shows the noun phrases of captions, the label of each, the rule that gave it, and why a phrase has none.

    Colours are used on a terminal, unless the environment variable NO_COLOR is set.
    """

    captions: tyro.conf.Positional[tuple[str, ...]]
    """Captions, each in quotes."""
    vocabulary: str = "coco"
    """The labels: a file (.json, .tsv, .txt), or a name that unicl label --vocabulary accepts."""
    mode: Mode = "canonical"
    """How phrases become labels. canonical: by their meaning, or to none. argmax: by their letters, always."""
    min_document_frequency: int = 0
    """In how many captions a label must be. The counts come from the vocabulary: mined ones have them, and those that
    unicl label wrote after counting."""
    ancestors: Ancestors | None = None
    """How the parents in the vocabulary are used, as in unicl label."""
    json: bool = False
    """Write JSON: a line with an object for each caption."""


CONFIGS = (ExplainConfig,)


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl explain`` and writes the explanations."""
    config = parse(ExplainConfig, "unicl explain", arguments)
    if not config.captions:
        raise ValueError('expected a caption; got none: give one in quotes, as in unicl explain "two dogs on a beach"')
    labeler = DenseLabeler(
        open_vocabulary(config.vocabulary, parents=config.ancestors is not None),
        mode=config.mode,
        filters=LabelFilters(min_document_frequency=config.min_document_frequency),
        ancestors=config.ancestors,
        frequency_of="vocabulary" if config.min_document_frequency else "captions",
    )
    explained = [(caption, labeler.explain(caption)) for caption in config.captions]
    if config.json:
        sys.stdout.writelines(json.dumps(_as_json(*each), ensure_ascii=False) + "\n" for each in explained)
        return 0
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size().columns
    names = labeler.vocabulary.names
    drawn = [
        f"{draw_caption(caption, phrases, width=width, color=color)}\n"
        f"labels: {', '.join(f'{names[label]} ({label})' for label in labels) or 'none'}"
        for (caption, phrases), labels in zip(explained, labeler(config.captions).to_list(), strict=True)
    ]
    sys.stdout.write("\n\n".join(drawn) + "\n")
    return 0


def _as_json(caption: str, phrases: Sequence[Explanation]) -> dict[str, Any]:
    rows = [{**dataclasses.asdict(phrase), "rule": phrase.rule.name.lower()} for phrase in phrases]
    return {"caption": caption, "phrases": rows}
