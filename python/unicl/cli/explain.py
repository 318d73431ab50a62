"""``unicl explain``."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import tyro

from unicl.cli.drawing import draw_caption
from unicl.labels import DenseLabeler, LabelFilters, open_vocabulary

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
    """The labels: a file (.json, .tsv, .txt), or a name that unicl label --vocabulary takes."""
    mode: Literal["canonical", "argmax"] = "canonical"
    """How phrases become labels: by what they mean, or none; or by what they look like, always."""
    min_document_frequency: int = 0
    """In how many captions a label must be, as the vocabulary has counted them: a mined one, or one that unicl label
    wrote when it counted."""
    ancestors: Literal["roll-up", "add"] | None = None
    """What the parents in the vocabulary are for, as in unicl label."""
    json: bool = False
    """Write JSON: an object a line for each caption."""


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl explain`` and writes the explanations."""
    config = tyro.cli(ExplainConfig, prog="unicl explain", args=arguments)
    if not config.captions:
        raise ValueError('no caption: give one in quotes, as in unicl explain "two dogs on a beach"')
    labeler = DenseLabeler(
        open_vocabulary(config.vocabulary, parents=config.ancestors is not None),
        mode=config.mode,
        filters=LabelFilters(min_document_frequency=config.min_document_frequency),
        ancestors="roll_up" if config.ancestors == "roll-up" else config.ancestors,
        frequency_of="vocabulary" if config.min_document_frequency else "captions",
    )
    explained = [(caption, labeler.explain(caption)) for caption in config.captions]
    if config.json:
        sys.stdout.writelines(json.dumps(_as_json(*each), ensure_ascii=False) + "\n" for each in explained)
        return 0
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size().columns
    drawn = [draw_caption(caption, phrases, width=width, color=color) for caption, phrases in explained]
    sys.stdout.write("\n\n".join(drawn) + "\n")
    return 0


def _as_json(caption: str, phrases: Sequence[Explanation]) -> dict[str, Any]:
    rows = [{**dataclasses.asdict(phrase), "rule": phrase.rule.name.lower()} for phrase in phrases]
    return {"caption": caption, "phrases": rows}
