"""Which noun phrases of captions mean which labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from unicl.labels.label_sets import LabelSets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unicl.labels.mapper import LabelMapper
    from unicl.text.noun_phrases import NounPhrases


@dataclass(frozen=True, kw_only=True, eq=False)
class Mentions:
    """The labels of captions, and the phrases that mean them.

    A place is an index into ``sets.indices``: one label of one caption.

    Attributes:
        sets: The labels of every caption, ascending.
        counts: int64 (places,), how many noun phrases of the caption mean the label.
        phrases: The noun phrases that mean a label, caption by caption.
        places: int64 (number of phrases,), the place of each phrase's label.
    """

    sets: LabelSets
    counts: NDArray[np.int64]
    phrases: list[str]
    places: NDArray[np.int64]

    def keep(self, is_kept: NDArray[np.bool_]) -> Mentions:
        """The same without some places and their phrases: bool (places,)."""
        if bool(is_kept.all()):
            return self
        of_kept = is_kept[self.places]
        return replace(
            self,
            sets=self.sets.keep_entries(is_kept),
            counts=self.counts[is_kept],
            phrases=[phrase for phrase, kept in zip(self.phrases, of_kept.tolist(), strict=True) if kept],
            places=(np.cumsum(is_kept) - 1)[self.places[of_kept]],
        )


def find_mentions(found: NounPhrases, mapper: LabelMapper, *, threads: int | None = None) -> Mentions:
    """Maps the noun phrases of captions to labels."""
    phrases = found.phrases.to_list()
    ids = mapper.map(phrases, threads=threads).ids
    labelled = np.flatnonzero(ids >= 0)
    rows = np.repeat(np.arange(len(found)), np.diff(found.offsets))[labelled]
    num_labels = len(mapper.vocabulary)
    keys, places, counts = np.unique(rows * num_labels + ids[labelled], return_inverse=True, return_counts=True)
    lengths = np.bincount(keys // max(num_labels, 1), minlength=len(found))
    return Mentions(
        sets=LabelSets(
            indices=(keys % max(num_labels, 1)).astype(np.int32),
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        ),
        counts=counts,
        phrases=[phrases[index] for index in labelled.tolist()],
        places=places,
    )
