"""Counts noun phrases over any number of captions, in bounded memory."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from unicl import _native
from unicl.labels.content import VocabularyContent
from unicl.labels.frequency import MiningLimits
from unicl.labels.vocabulary import LabelVocabulary
from unicl.phrases import english_tagger

if TYPE_CHECKING:
    from unicl.phrases import PosTagger
    from unicl.text import Captions

MAX_NAMES = 1_000_000
"""About 225 MB of counts."""
DEFAULT_LIMITS = MiningLimits()


class PhraseCounter:
    """Counts, batch by batch, the captions of each name that :meth:`LabelVocabulary.mine` considers.

    The counts are exact while there are ``max_names`` names at most. Then :meth:`vocabulary` gives the same as ``mine``
    for all captions at once. With more names, the rarest are forgotten, down to three quarters of ``max_names``.
    ``max_undercount`` is the largest number of captions that a count may lack. It is also the largest number of
    captions that a missing name can have. This is lossy counting with buckets that end when the memory is full.

    Source: Manku & Motwani 2002, "Approximate Frequency Counts over Data Streams", section 4.2.

    Args:
        tagger: The tagger; None for the package's own weights.
        grammar: The noun-phrase grammar; None for that of :func:`unicl.phrases.find_noun_phrases`.
        max_names: How many names are remembered.
        threads: How many threads to use; None for all cores.

    Attributes:
        captions: The number of captions counted.
        max_undercount: 0 while the counts are exact.

    Raises:
        ValueError: ``max_names`` is not positive.

    Example:
        >>> counter = PhraseCounter()
        >>> counter.add(["a black dog", "two dogs on grass"])
        >>> counter.add(["green grass"])
        >>> vocabulary = counter.vocabulary(MiningLimits(min_document_frequency=2))
        >>> vocabulary.names, vocabulary.document_frequency.tolist(), counter.max_undercount
        (('dog', 'grass'), [2, 2], 0)
    """

    def __init__(
        self,
        *,
        tagger: PosTagger | None = None,
        grammar: str | None = None,
        max_names: int = MAX_NAMES,
        threads: int | None = None,
    ) -> None:
        if max_names < 1:
            raise ValueError(f"expected max_names >= 1; got {max_names}")
        self._tagger = english_tagger() if tagger is None else tagger
        self._grammar, self._max_names, self._threads = grammar, max_names, threads
        self._counts: dict[str, int] = {}
        self._forms: dict[str, Counter[str]] = {}  # of names that were not always written as their keys
        self._missed: dict[
            str, int
        ] = {}  # for names first met after names were forgotten: how much their count may lack
        self.captions = 0
        self.max_undercount = 0

    def __len__(self) -> int:
        """The number of names remembered."""
        return len(self._counts)

    def add(self, captions: Captions) -> None:
        """Counts a batch of captions, or an Arrow column."""
        met = _native.count_names(captions, self._tagger._native, self._grammar, self._threads)
        counts, forms_of = self._counts, self._forms
        if self.max_undercount:
            self._missed.update((key, self.max_undercount) for key, _, _ in met if key not in counts)
        for key, count, forms in met:
            before = counts.get(key, 0)
            if forms or key in forms_of:
                forms_of.setdefault(key, Counter({key: before})).update(dict(forms) or {key: count})
            counts[key] = before + count
        self.captions += len(captions)  # type: ignore[arg-type]
        if len(counts) > self._max_names:
            self._forget(len(counts) - self._max_names * 3 // 4)

    def _forget(self, number: int) -> None:
        """Forgets that many names or more: those with the lowest upper bound of their count."""
        counts, missed = self._counts, self._missed
        names = list(counts)
        most = np.fromiter((counts[name] + missed.get(name, 0) for name in names), np.int64, len(names))
        self.max_undercount = int(np.partition(most, number - 1)[number - 1])
        for index in np.flatnonzero(most <= self.max_undercount).tolist():
            del counts[names[index]]
            missed.pop(names[index], None)
            self._forms.pop(names[index], None)

    def vocabulary(self, limits: MiningLimits = DEFAULT_LIMITS) -> LabelVocabulary:
        """Makes a vocabulary of the names within the limits, the most frequent first.

        Args:
            limits: In how many of the captions that were counted a name must be and may be, and how many names to keep.
        """
        least, most = limits.as_counts(self.captions)
        within = sorted(
            (-count, _native.shown_name(key, [(form, n) for form, n in self._forms.get(key, {}).items() if n]))
            for key, count in self._counts.items()
            if least <= count <= most
        )
        mined = within[: limits.top_k]
        counts = np.array([-count for count, _ in mined], dtype=np.int64)
        return LabelVocabulary(VocabularyContent(names=tuple(name for _, name in mined), document_frequency=counts))
