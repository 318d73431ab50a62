"""Batches of captions to their labels, with the noun phrases that led to them, as columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from unicl.engines.columns import rows_of_lists
from unicl.engines.stats import RunStats
from unicl.labels import LabelMapper, LabelSets, LabelVocabulary
from unicl.labels.filters import DocumentFrequency, LabelFilters, Verdict
from unicl.text import find_noun_phrases

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from unicl.engines.captions import CaptionBatch
    from unicl.text import NounPhrases, PosTagger

LABELS, WEIGHTS, PHRASES, SPANS = "labels", "label_weights", "noun_phrases", "noun_phrase_spans"


class LabelledBatch(NamedTuple):
    """Captions of a batch, their noun phrases, and what those mean.

    Attributes:
        phrases: The noun phrases of every caption.
        sets: The labels of every caption before any filter.
        counts: int64 (labels in the sets,), how many noun phrases of the caption mean the label.
    """

    phrases: NounPhrases
    sets: LabelSets
    counts: NDArray[np.int64]


@dataclass(kw_only=True)
class LabelStats(RunStats):
    """What :func:`unicl.engines.label_files` did.

    Attributes:
        labelled: Captions with a label.
        labels: Labels given, in all captions together.
        no_phrase: Captions without a label because they have no noun phrase.
        phrase_without_label: Because none of their noun phrases means a label.
        filtered: Because the filters left none of their labels.
        dropped: Labels that the filters left out, in all captions together, by filter.
        max_undercount: By how many captions the counts of a mined vocabulary may be too small; see
            :class:`unicl.engines.PhraseCounter`.
        label_seconds: Time in the labeler, counting passes apart.
    """

    labelled: int = 0
    labels: int = 0
    no_phrase: int = 0
    phrase_without_label: int = 0
    filtered: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    max_undercount: int = 0
    label_seconds: float = 0.0


class FileLabeler:
    """Gives batches of captions the labels that :class:`unicl.DenseLabeler` gives all of them at once.

    It takes the two steps that the labeler joins into one, for what lies between them is asked for too: the noun
    phrases, and why a caption has no label.
    """

    def __init__(
        self,
        vocabulary: LabelVocabulary,
        *,
        filters: LabelFilters,
        mode: Literal["canonical", "argmax"] = "canonical",
        tagger: PosTagger | None = None,
        grammar: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.vocabulary, self.filters = vocabulary, filters
        self._mapper = LabelMapper(vocabulary, mode=mode)
        self._tagger, self._grammar, self._threads = tagger, grammar, threads
        self._frequency = DocumentFrequency(counts=np.zeros(len(vocabulary), np.int64), num_captions=0)
        self._rows = 0

    def count(self, batches: Iterable[pa.Array]) -> None:
        """Counts the captions of every label, for the filters that need to know."""
        for captions in batches:
            self._frequency += DocumentFrequency.of(self.read(captions).sets, num_labels=len(self.vocabulary))

    def read(self, captions: pa.Array) -> LabelledBatch:
        """The noun phrases and labels of captions, an Arrow column."""
        found = find_noun_phrases(captions, tagger=self._tagger, grammar=self._grammar, threads=self._threads)
        ids = self._mapper.map(phrase_column(found), threads=self._threads).ids
        rows = np.repeat(np.arange(len(found)), np.diff(found.offsets))[ids >= 0]
        num_labels = max(len(self.vocabulary), 1)
        keys, counts = np.unique(rows * num_labels + ids[ids >= 0], return_counts=True)
        lengths = np.bincount(keys // num_labels, minlength=len(found))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return LabelledBatch(found, LabelSets(indices=(keys % num_labels).astype(np.int32), offsets=offsets), counts)

    def columns(self, batch: CaptionBatch, stats: LabelStats, *, phrases: bool) -> list[pa.Array]:
        """The new columns of a batch; batches come in the order of their rows. ``stats`` counts what became of them."""
        found = self.read(batch.captions)
        sets = self._filtered(found, stats)
        is_good = np.ones(len(batch), np.bool_) if batch.is_bad is None else ~batch.is_bad
        had_phrase, had_label, has_label = (
            np.diff(offsets) > 0 for offsets in (found.phrases.offsets, found.sets.offsets, sets.offsets)
        )
        stats.captions += len(batch)
        stats.labels += len(sets.indices)
        stats.labelled += int(has_label.sum())
        stats.no_phrase += int((is_good & ~had_phrase).sum())
        stats.phrase_without_label += int((had_phrase & ~had_label).sum())
        stats.filtered += int((had_label & ~has_label).sum())
        weights = np.ones(len(sets.indices), np.float32)
        columns = [rows_of_lists(sets.offsets, pa.array(values), batch.is_bad) for values in (sets.indices, weights)]
        if phrases:
            spans = pa.FixedSizeListArray.from_arrays(pa.array(found.phrases.spans.ravel()), 2)
            texts = phrase_column(found.phrases).cast(pa.string())
            columns += [rows_of_lists(found.phrases.offsets, values, batch.is_bad) for values in (texts, spans)]
        return columns

    def _filtered(self, found: LabelledBatch, stats: LabelStats) -> LabelSets:
        row_ids = np.arange(self._rows, self._rows + len(found.sets))
        self._rows += len(found.sets)
        verdicts = np.zeros(len(found.counts), np.uint8)
        if self.filters.need_frequency:
            verdicts = self.filters.by_frequency(found.sets, self._frequency, row_ids)
        verdicts[(found.counts < self.filters.min_count_in_caption) & (verdicts == Verdict.KEPT)] = Verdict.COUNT
        if not verdicts.any():
            return found.sets
        numbers = np.bincount(verdicts, minlength=len(Verdict))
        stats.dropped.update({Verdict(verdict).name.lower(): int(numbers[verdict]) for verdict in np.unique(verdicts)})
        del stats.dropped[Verdict.KEPT.name.lower()]
        return found.sets.keep_entries(verdicts == Verdict.KEPT)


def label_fields(*, phrases: bool) -> list[pa.Field]:
    """The new columns of an output."""
    fields = [pa.field(LABELS, pa.list_(pa.int32())), pa.field(WEIGHTS, pa.list_(pa.float32()))]
    if phrases:
        span = pa.list_(pa.int32(), 2)
        fields += [pa.field(PHRASES, pa.list_(pa.string())), pa.field(SPANS, pa.list_(span))]
    return fields


def phrase_column(found: NounPhrases) -> pa.Array:
    """The noun phrases of a batch as one Arrow column, one after another; nothing is copied."""
    phrases = found.phrases
    return pa.LargeStringArray.from_buffers(len(phrases), pa.py_buffer(phrases.offsets), pa.py_buffer(phrases.text))
