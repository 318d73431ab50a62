"""Which noun phrases of captions mean which labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from unicl.labels.label_sets import LabelSets, grouped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unicl.labels.mapper import LabelMapper
    from unicl.phrases import NounPhrases
    from unicl.text import Captions


@dataclass(frozen=True, kw_only=True, eq=False)
class Mentions:
    """The labels of captions, and the phrases that mean them.

    A place is an index into ``sets.indices``: one label of one caption. A mention is a phrase and a label that it
    means.

    Attributes:
        found: The noun phrases of the captions.
        sets: The labels of every caption, ascending.
        counts: int64 (places,), how many noun phrases of the caption mean the label.
        phrases: int64 (mentions,), the index of a phrase in ``found.phrases``.
        rows: int64 (mentions,), the caption it is in.
        labels: int32 (mentions,), the label it means.
    """

    found: NounPhrases
    sets: LabelSets
    counts: NDArray[np.int64]
    phrases: NDArray[np.int64]
    rows: NDArray[np.int64]
    labels: NDArray[np.int32]

    @classmethod
    def of(
        cls, found: NounPhrases, *, phrases: NDArray[np.int64], rows: NDArray[np.int64], labels: NDArray[np.int32]
    ) -> Mentions:
        """The mentions given, and the sets that they make."""
        sets, counts = grouped(rows, labels, num_rows=len(found))
        return cls(found=found, sets=sets, counts=counts, phrases=phrases, rows=rows, labels=labels)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """int64 (mentions,): the place of each mention's label."""
        num_labels = int(self.labels.max(initial=0)) + 1
        keys = self.sets.rows() * num_labels + self.sets.indices
        return np.searchsorted(keys, self.rows * num_labels + self.labels)

    def keep(self, is_kept: NDArray[np.bool_]) -> Mentions:
        """The same without some places and their mentions: bool (places,)."""
        if bool(is_kept.all()):
            return self
        of_kept = is_kept[self.places]
        return Mentions(
            found=self.found,
            sets=self.sets.keep_entries(is_kept),
            counts=self.counts[is_kept],
            phrases=self.phrases[of_kept],
            rows=self.rows[of_kept],
            labels=self.labels[of_kept],
        )

    def replaced(self, by: LabelSets) -> Mentions:
        """Every phrase means the labels in the row of ``by`` that its label names, and no longer that label alone."""
        taken = by.take(self.labels)
        mentions = taken.rows()
        return Mentions.of(self.found, phrases=self.phrases[mentions], rows=self.rows[mentions], labels=taken.indices)


def find_mentions(
    found: NounPhrases, mapper: LabelMapper, *, texts: Captions | None = None, threads: int | None = None
) -> Mentions:
    """Maps the noun phrases of captions to labels.

    Args:
        found: The noun phrases.
        mapper: Maps them.
        texts: ``found.phrases`` as something that the mapper takes; None: as a list.
        threads: How many threads to use; None for all cores.
    """
    ids = mapper.map(found.phrases.to_list() if texts is None else texts, threads=threads).ids
    phrases = np.flatnonzero(ids >= 0)
    rows = np.repeat(np.arange(len(found)), np.diff(found.offsets))
    return Mentions.of(found, phrases=phrases, rows=rows[phrases], labels=ids[phrases])


Said = TypeVar("Said", LabelSets, Mentions)
"""What captions say: their labels alone, or with the phrases too."""


def sets_of(said: LabelSets | Mentions) -> LabelSets:
    """The labels alone."""
    return said.sets if isinstance(said, Mentions) else said
