"""``unicl vocab build``, ``stats``, ``diff`` and ``merge``."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from unicl.cli.progress import show_captions
from unicl.files import Reading, make_folder, refuse_existing
from unicl.jobs import mine_vocabulary
from unicl.labels import open_vocabulary, save_vocabulary, vocabulary_difference, vocabulary_stats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from unicl.labels import VocabularyDifference, VocabularyStats

SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Build:
    """Mines a vocabulary from the captions of files: their noun phrases, the most frequent first."""

    inputs: tyro.conf.Positional[tuple[Path, ...]]
    """Files, or folders of files; see unicl label --help."""
    out: Path
    """The vocabulary: .json or .tsv."""
    min_document_frequency: int | float = 2
    """In how many captions a name must be: a number, or a share such as 0.001."""
    max_document_frequency: int | float = 1.0
    """In how many captions a name may be: a number, or a share such as 0.1; 1.0 sets no limit."""
    top_k: int | None = None
    """Keep only that many names, the most frequent."""
    overwrite: bool = False
    """Replace a vocabulary that is there."""
    reading: tyro.conf.OmitArgPrefixes[Reading] = field(default_factory=Reading)


@dataclass(frozen=True, kw_only=True)
class Stats:
    """Tells what is in a vocabulary."""

    vocabulary: tyro.conf.Positional[str]
    """A file (.json, .tsv, .txt), or a name that unicl label --vocabulary takes."""
    json: bool = False
    """Write JSON."""


@dataclass(frozen=True, kw_only=True)
class Diff:
    """Tells how a second vocabulary differs from a first one, and whether ids still mean what they meant."""

    first: tyro.conf.Positional[str]
    """A file, or a name that unicl label --vocabulary takes."""
    second: tyro.conf.Positional[str]
    """Likewise."""
    json: bool = False
    """Write JSON, and all of it."""


@dataclass(frozen=True, kw_only=True)
class Merge:
    """Adds to a first vocabulary the labels of others: the ids of the first stay, what is new comes behind."""

    vocabularies: tyro.conf.Positional[tuple[str, ...]]
    """Files, or names that unicl label --vocabulary takes; two or more."""
    out: Path
    """The vocabulary: .json (with the merge log), .tsv or .txt."""
    on_clash: Literal["error", "first", "drop"] = "error"
    """Where two labels claim a synonym: stop, give it to the first, or to neither."""
    overwrite: bool = False
    """Replace a vocabulary that is there."""


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl vocab``, and runs the command."""
    config = tyro.extras.subcommand_cli_from_dict(
        {"build": Build, "stats": Stats, "diff": Diff, "merge": Merge},
        prog="unicl vocab",
        description="Label vocabularies: made, described, compared, merged.",
        args=arguments,
    )
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
        raise ValueError(f"expected --out to end in .json or .tsv, which hold the counts of captions; got {config.out}")
    make_folder(config.out.parent)
    vocabulary, counter = mine_vocabulary(
        config.inputs,
        min_document_frequency=config.min_document_frequency,
        max_document_frequency=config.max_document_frequency,
        top_k=config.top_k,
        reading=config.reading,
        progress=show_captions,
    )
    save_vocabulary(vocabulary, config.out, overwrite=config.overwrite)
    _say(f"{len(vocabulary):,} labels from {counter.captions:,} captions in {config.out}")
    if counter.max_undercount:
        _say(f"more names than fit were met: a count may lack up to {counter.max_undercount:,} captions")


def _stats(config: Stats) -> None:
    stats = vocabulary_stats(open_vocabulary(config.vocabulary))
    _say(json.dumps(dataclasses.asdict(stats), indent=2, ensure_ascii=False) if config.json else _described(stats))


def _diff(config: Diff) -> None:
    difference = vocabulary_difference(open_vocabulary(config.first), open_vocabulary(config.second))
    as_json = {**dataclasses.asdict(difference), "ids_are_kept": difference.ids_are_kept}
    _say(json.dumps(as_json, indent=2, ensure_ascii=False) if config.json else _compared(difference))


def _merge(config: Merge) -> None:
    refuse_existing(config.out, overwrite=config.overwrite)
    if len(config.vocabularies) < 2:
        raise ValueError(f"expected two vocabularies or more; got {len(config.vocabularies)}")
    first, *others = map(open_vocabulary, config.vocabularies)
    merged = first
    for other in others:
        merged = merged.merged(other, on_clash=config.on_clash)
    save_vocabulary(merged, config.out, overwrite=config.overwrite)
    log = merged.merge_log[len(first.merge_log) :]
    _say(f"{len(merged):,} labels in {config.out}: {len(merged) - len(first):,} new, {len(log):,} texts settled")
    _say("\n".join(_first(str(record) for record in log)))


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
    kept = "every id means what it meant" if difference.ids_are_kept else "ids do not mean what they meant"
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


def _say(text: str) -> None:
    if text:
        sys.stdout.write(f"{text}\n")
