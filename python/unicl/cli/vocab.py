"""Runs ``unicl vocab build``, ``stats``, ``diff`` and ``merge``."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from unicl.cli.files import InputsConfig
from unicl.cli.parse import parse_one_of
from unicl.cli.progress import show_progress
from unicl.files import make_folder, refuse_existing
from unicl.jobs import ClassOptions, mine_vocabulary
from unicl.labels import (
    MiningLimits,
    OnClash,
    open_vocabulary,
    save_vocabulary,
    vocabulary_difference,
    vocabulary_stats,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from unicl.labels import VocabularyDifference, VocabularyStats

SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Build(InputsConfig):
    """Mines a vocabulary from the captions of files: their noun phrases, then the names of their classes."""

    out: Path
    """The vocabulary: .json or .tsv."""
    limits: tyro.conf.OmitArgPrefixes[MiningLimits] = field(default_factory=MiningLimits)
    classes: tyro.conf.OmitArgPrefixes[ClassOptions] = field(default_factory=ClassOptions)
    overwrite: bool = False
    """Replace a vocabulary that exists."""


@dataclass(frozen=True, kw_only=True)
class Stats:
    """Describes a vocabulary."""

    vocabulary: tyro.conf.Positional[str]
    """A file (.json, .tsv, .txt), or a name that unicl label --vocabulary accepts."""
    json: bool = False
    """Write JSON."""


@dataclass(frozen=True, kw_only=True)
class Diff:
    """Compares two vocabularies, and tells whether every id of the first has the same label in the second."""

    first: tyro.conf.Positional[str]
    """A file, or a name that unicl label --vocabulary accepts."""
    second: tyro.conf.Positional[str]
    """A file or name, like the first."""
    json: bool = False
    """Write JSON, with all differences."""


@dataclass(frozen=True, kw_only=True)
class Merge:
    """Adds the labels of other vocabularies to a first one. Its ids stay; new labels follow."""

    vocabularies: tyro.conf.Positional[tuple[str, ...]]
    """Two or more files, or names that unicl label --vocabulary accepts."""
    out: Path
    """The vocabulary: .json (with the merge log), .tsv or .txt."""
    on_clash: OnClash = "error"
    """What to do where two labels have the same synonym. error: stop. first: keep it for the first. drop: remove it."""
    overwrite: bool = False
    """Replace a vocabulary that exists."""


CONFIGS = (Build, Stats, Diff, Merge)


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl vocab``, and runs the command."""
    commands: dict[str, Callable[..., Any]] = {"build": Build, "stats": Stats, "diff": Diff, "merge": Merge}
    description = "Mines, describes, compares and merges label vocabularies."
    config = parse_one_of(commands, "unicl vocab", description, arguments)
    match config:
        case Build():
            _build(config)
        case Stats():
            _stats(config)
        case Diff():
            _diff(config)
        case Merge():
            _merge(config)
    return 0


def _build(config: Build) -> None:
    refuse_existing(config.out, overwrite=config.overwrite)
    if config.out.suffix not in (".json", ".tsv"):
        raise ValueError(
            f"expected a name for --out that ends in .json or .tsv, which hold the counts of captions; got {config.out}"
        )
    make_folder(config.out.parent)
    vocabulary, counter = mine_vocabulary(
        config.inputs,
        config.limits,
        classes=config.classes,
        reading=config.reading,
        progress=show_progress,
    )
    save_vocabulary(vocabulary, config.out, overwrite=config.overwrite)
    _write(f"{len(vocabulary):,} labels from {counter.captions:,} captions in {config.out}")
    if counter.max_undercount:
        _write(f"there were more names than fit in memory: a count may be up to {counter.max_undercount:,} too low")


def _stats(config: Stats) -> None:
    stats = vocabulary_stats(open_vocabulary(config.vocabulary))
    _write(json.dumps(dataclasses.asdict(stats), indent=2, ensure_ascii=False) if config.json else _described(stats))


def _diff(config: Diff) -> None:
    difference = vocabulary_difference(open_vocabulary(config.first), open_vocabulary(config.second))
    as_json = {**dataclasses.asdict(difference), "ids_are_kept": difference.ids_are_kept}
    _write(json.dumps(as_json, indent=2, ensure_ascii=False) if config.json else _compared(difference))


def _merge(config: Merge) -> None:
    refuse_existing(config.out, overwrite=config.overwrite)
    if len(config.vocabularies) < 2:
        raise ValueError(f"expected 2 vocabularies or more; got {len(config.vocabularies)}")
    first, *others = map(open_vocabulary, config.vocabularies)
    merged = first
    for other in others:
        merged = merged.merged(other, on_clash=config.on_clash)
    save_vocabulary(merged, config.out, overwrite=config.overwrite)
    log = merged.merge_log[len(first.merge_log) :]
    _write(f"{len(merged):,} labels in {config.out}: {len(merged) - len(first):,} new, {len(log):,} texts settled")
    _write("\n".join(_first(str(record) for record in log)))


def _described(stats: VocabularyStats) -> str:
    lines = [
        f"{stats.labels:,} labels, {stats.synonyms:,} synonyms, {stats.blocked:,} blocked texts, "
        f"{stats.with_parent:,} labels with a parent, {stats.merges:,} texts settled",
        "words in a name: " + ", ".join(f"{words} ({labels:,})" for words, labels in stats.words.items()),
    ]
    if stats.captions is not None and stats.most_frequent is not None and stats.rarest is not None:
        low, first, middle, third, high = stats.captions.values()
        lines += [
            f"captions of a label: {low:,} to {high:,}, half of them {first:,} to {third:,}, median {middle:,}",
            "most frequent: " + ", ".join(f"{name} {count:,}" for name, count in stats.most_frequent.items()),
            "rarest: " + ", ".join(f"{name} {count:,}" for name, count in stats.rarest.items()),
        ]
    return "\n".join(lines)


def _compared(difference: VocabularyDifference) -> str:
    kept = "every id keeps its label" if difference.ids_are_kept else "some ids have other labels"
    parts = {
        "added": difference.added,
        "removed": difference.removed,
        "renumbered": [f"{name} {old} -> {new}" for name, (old, new) in difference.renumbered.items()],
        "synonyms added": [f"{name}: {', '.join(texts)}" for name, texts in difference.synonyms_added.items()],
        "synonyms removed": [f"{name}: {', '.join(texts)}" for name, texts in difference.synonyms_removed.items()],
    }
    lines = [f"{kept}; " + ", ".join(f"{len(items):,} {what}" for what, items in parts.items())]
    for what, items in parts.items():
        lines += [f"{what}: {item}" for item in _first(items)]
    return "\n".join(lines)


def _first(items: Iterable[str]) -> list[str]:
    listed = list(items)
    more = [f"... and {len(listed) - SHOWN:,} more"] if len(listed) > SHOWN else []
    return [*listed[:SHOWN], *more]


def _write(text: str) -> None:
    if text:
        sys.stdout.write(f"{text}\n")
