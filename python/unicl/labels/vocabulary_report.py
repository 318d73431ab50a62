"""Describes a vocabulary in numbers, and compares two vocabularies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from unicl.labels.vocabulary import LabelVocabulary

SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class VocabularyStats:
    """A vocabulary in numbers.

    Attributes:
        labels: The number of labels.
        synonyms: The number of other texts that mean them.
        blocked: The number of texts that mean no label.
        with_parent: The number of labels with a parent.
        merges: The number of entries in the merge log.
        words: Number of words -> number of labels whose name has so many.
        captions: Quantile -> document frequency; "0" is that of the rarest label. None if it was not counted.
        most_frequent: The most frequent labels with their document frequency; None if it was not counted.
        rarest: The rarest labels with their document frequency; None if it was not counted.
    """

    labels: int
    synonyms: int
    blocked: int
    with_parent: int
    merges: int
    words: dict[int, int]
    captions: dict[str, int] | None
    most_frequent: dict[str, int] | None
    rarest: dict[str, int] | None


def vocabulary_stats(vocabulary: LabelVocabulary) -> VocabularyStats:
    """Describes a vocabulary in numbers.

    Example:
        >>> from unicl import LabelVocabulary
        >>> stats = vocabulary_stats(LabelVocabulary.from_names(["dog", "hot dog"], synonyms={"dog": ["puppy"]}))
        >>> stats.labels, stats.synonyms, stats.words, stats.captions
        (2, 1, {1: 1, 2: 1}, None)
    """
    counts = vocabulary.document_frequency
    quantiles = frequent = rare = None
    if counts is not None and len(counts):
        order = np.argsort(-counts, kind="stable").tolist()
        frequent = {vocabulary.names[label]: int(counts[label]) for label in order[:SHOWN]}
        rare = {vocabulary.names[label]: int(counts[label]) for label in reversed(order[-SHOWN:])}
        levels = (0.0, 0.25, 0.5, 0.75, 1.0)
        values = np.quantile(counts, levels, method="lower").tolist()
        quantiles = {f"{level:g}": int(value) for level, value in zip(levels, values, strict=True)}
    return VocabularyStats(
        labels=len(vocabulary),
        synonyms=sum(map(len, vocabulary.synonyms.values())),
        blocked=len(vocabulary.blocked),
        with_parent=int((vocabulary.parents >= 0).sum()),
        merges=len(vocabulary.merge_log),
        words=dict(sorted(Counter(len(name.split()) for name in vocabulary.names).items())),
        captions=quantiles,
        most_frequent=frequent,
        rarest=rare,
    )


@dataclass(frozen=True, kw_only=True)
class VocabularyDifference:
    """How a second vocabulary differs from a first one.

    Attributes:
        added: Names of the second alone, in its order.
        removed: Names of the first alone, in its order.
        renumbered: Name -> its id in the first and in the second, where they differ.
        synonyms_added: Name -> the synonyms that the second alone has for it, among the names of both.
        synonyms_removed: Name -> those that the first alone has.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renumbered: dict[str, tuple[int, int]]
    synonyms_added: dict[str, tuple[str, ...]]
    synonyms_removed: dict[str, tuple[str, ...]]

    @property
    def ids_are_kept(self) -> bool:
        """Whether data labelled with the first can be read with the second: every id has its old meaning."""
        return not self.removed and not self.renumbered


def vocabulary_difference(first: LabelVocabulary, second: LabelVocabulary) -> VocabularyDifference:
    """Compares two vocabularies, name by name.

    Example:
        >>> from unicl import LabelVocabulary
        >>> first = LabelVocabulary.from_names(["dog", "cat"])
        >>> second = LabelVocabulary.from_names(["dog", "ball", "cat"], synonyms={"dog": ["puppy"]})
        >>> difference = vocabulary_difference(first, second)
        >>> difference.added, difference.renumbered, difference.synonyms_added, difference.ids_are_kept
        (('ball',), {'cat': (1, 2)}, {'dog': ('puppy',)}, False)
    """
    ids = [{name: label for label, name in enumerate(vocabulary.names)} for vocabulary in (first, second)]
    shared = [name for name in first.names if name in ids[1]]
    more, fewer = {}, {}
    for name in shared:
        before, after = first.synonyms.get(name, ()), second.synonyms.get(name, ())
        if new := tuple(text for text in after if text not in before):
            more[name] = new
        if gone := tuple(text for text in before if text not in after):
            fewer[name] = gone
    return VocabularyDifference(
        added=tuple(name for name in second.names if name not in ids[0]),
        removed=tuple(name for name in first.names if name not in ids[1]),
        renumbered={name: (ids[0][name], ids[1][name]) for name in shared if ids[0][name] != ids[1][name]},
        synonyms_added=more,
        synonyms_removed=fewer,
    )
