"""Batches of captions to their labels, with the noun phrases that led to them, as columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from unicl.files import rows_of_lists
from unicl.jobs.run import RunStats
from unicl.labels import LABELS, WEIGHTS, Verdict, find_mentions
from unicl.phrases import find_noun_phrases

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unicl.files import CaptionBatch, RowImages
    from unicl.labels import DenseLabeler, Judged, LabelSets, Mentions
    from unicl.phrases import NounPhrases

PHRASES, SPANS = "noun_phrases", "noun_phrase_spans"


@dataclass(kw_only=True)
class LabelStats(RunStats):
    """What :func:`unicl.jobs.label_files` did.

    Attributes:
        labelled: Captions with a label.
        labels: Labels given, in all captions together.
        no_phrase: Captions without a label because they have no noun phrase.
        phrase_without_label: Because none of their noun phrases means a label.
        filtered: Because the filters left none of their labels.
        dropped: Labels that the filters left out, in all captions together, by filter.
        rolled_up: Labels that gave way to an ancestor, in all captions together.
        images: Images that the relevance filter looked at.
        max_undercount: By how many captions the counts of a mined vocabulary may be too small; see
            :class:`unicl.labels.PhraseCounter`.
        label_seconds: Time in the labeler, counting passes apart.
    """

    labelled: int = 0
    labels: int = 0
    no_phrase: int = 0
    phrase_without_label: int = 0
    filtered: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    rolled_up: int = 0
    images: int = 0
    max_undercount: int = 0
    label_seconds: float = 0.0


class FileLabeler:
    """Gives batches of captions the labels that :class:`unicl.DenseLabeler` gives all of them at once.

    It takes the two steps that the labeler joins into one, for what lies between them is asked for too: the noun
    phrases, and why a caption has no label.

    Args:
        labeler: The labeler; where its filters count captions, with the counts of all.
        rarity: float64 (number of labels,), what the weight of each label is multiplied with; None: nothing.
        threads: How many threads to use; None for all cores.
    """

    def __init__(
        self, labeler: DenseLabeler, *, rarity: NDArray[np.float64] | None = None, threads: int | None = None
    ) -> None:
        self._labeler, self._rarity, self._threads = labeler, rarity, threads
        self._rows = 0

    def columns(
        self, batch: CaptionBatch, stats: LabelStats, *, phrases: bool, images: RowImages | None = None
    ) -> list[pa.Array]:
        """The new columns of a batch; batches come in the order of their rows. ``stats`` counts what became of them.

        Args:
            batch: The rows.
            stats: Where they are counted.
            phrases: Give the noun phrases and their spans too.
            images: Those of the rows, for a relevance filter. A row whose image is found bad has no result.
        """
        labeler, threads = self._labeler, self._threads
        found = find_noun_phrases(batch.captions, tagger=labeler.tagger, grammar=labeler.grammar, threads=threads)
        texts = phrase_column(found)
        mentions = find_mentions(found, labeler.mapper, texts=texts, threads=threads)
        row_ids = np.arange(self._rows, self._rows + len(batch))
        self._rows += len(batch)
        judged = labeler.judge(mentions, images=images, row_ids=row_ids)
        is_bad = batch.is_bad
        stats.images += 0 if images is None else images.opened
        if images is not None and images.bad:
            is_bad = np.zeros(len(batch), np.bool_) if is_bad is None else is_bad.copy()
            is_bad[[*images.bad]] = True
            stats.skipped.update(f"image {error.reason}" for error in images.bad.values())
            judged = judged.of_rows(~is_bad)
        sets = judged.kept(weigh=labeler.filters.weigh)
        sets = sets if self._rarity is None else sets.weighted(self._rarity)
        self._count(is_bad, mentions, judged, sets, stats)
        weights = np.ones(len(sets.indices), np.float32) if sets.weights is None else sets.weights
        columns = [rows_of_lists(sets.offsets, pa.array(values), is_bad) for values in (sets.indices, weights)]
        if phrases:
            spans = pa.FixedSizeListArray.from_arrays(pa.array(found.spans.ravel()), 2)
            columns += [rows_of_lists(found.offsets, values, is_bad) for values in (texts.cast(pa.string()), spans)]
        return columns

    def _count(
        self,
        is_bad: NDArray[np.bool_] | None,
        mentions: Mentions,
        judged: Judged,
        sets: LabelSets,
        stats: LabelStats,
    ) -> None:
        is_good = np.ones(len(sets), np.bool_) if is_bad is None else ~is_bad
        had_phrase, had_label, has_label = (
            is_good & (np.diff(offsets) > 0)
            for offsets in (mentions.found.offsets, mentions.sets.offsets, sets.offsets)
        )
        stats.captions += len(sets)
        stats.labels += len(sets.indices)
        stats.labelled += int(has_label.sum())
        stats.no_phrase += int((is_good & ~had_phrase).sum())
        stats.phrase_without_label += int((had_phrase & ~had_label).sum())
        stats.filtered += int((had_label & ~has_label).sum())
        stats.rolled_up += int(judged.rolled_up.sum())
        numbers = np.bincount(judged.verdicts, minlength=len(Verdict))
        stats.dropped.update({verdict.name.lower(): int(numbers[verdict]) for verdict in Verdict if numbers[verdict]})
        del stats.dropped[Verdict.KEPT.name.lower()]


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
