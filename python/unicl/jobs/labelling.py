"""Batches of captions to their labels, with the noun phrases that led to them, as columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from unicl.files import rows_of_lists
from unicl.jobs.run import RunStats
from unicl.labels import LABELS, WEIGHTS, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unicl.files import CaptionBatch, RowImages
    from unicl.labels import DenseLabeler, FilteredLabels, FoundLabels, LabelSets
    from unicl.text import Strings

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

    It calls the two steps of the labeler one by one, because the output and the statistics also need the noun phrases.

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
        found = labeler.find(batch.captions, phrases="text" if phrases else "count", threads=threads)
        row_ids = np.arange(self._rows, self._rows + len(batch))
        self._rows += len(batch)
        filtered = labeler.apply_filters(found, images=images, row_ids=row_ids)
        is_bad = batch.is_bad
        stats.images += 0 if images is None else images.opened
        if images is not None and images.bad:
            is_bad = np.zeros(len(batch), np.bool_) if is_bad is None else is_bad.copy()
            is_bad[[*images.bad]] = True
            stats.skipped.update(f"image {error.reason}" for error in images.bad.values())
            filtered = filtered.only_rows(~is_bad)
        sets = filtered.label_sets()
        sets = sets if self._rarity is None else sets.weighted(self._rarity)
        self._count(is_bad, found, filtered, sets, stats)
        weights = np.ones(len(sets.indices), np.float32) if sets.weights is None else sets.weights
        columns = [rows_of_lists(sets.offsets, pa.array(values), is_bad) for values in (sets.indices, weights)]
        if phrases and found.phrases is not None and found.phrases.texts is not None:
            spans = pa.FixedSizeListArray.from_arrays(pa.array(np.asarray(found.phrases.spans).ravel()), 2)
            texts = text_column(found.phrases.texts).cast(pa.string())
            columns += [rows_of_lists(found.phrase_offsets, values, is_bad) for values in (texts, spans)]
        return columns

    def _count(
        self,
        is_bad: NDArray[np.bool_] | None,
        found: FoundLabels,
        filtered: FilteredLabels,
        sets: LabelSets,
        stats: LabelStats,
    ) -> None:
        is_good = np.ones(len(sets), np.bool_) if is_bad is None else ~is_bad
        had_phrase, had_label, has_label = (
            is_good & (np.diff(offsets) > 0) for offsets in (found.phrase_offsets, found.sets.offsets, sets.offsets)
        )
        stats.captions += len(sets)
        stats.labels += len(sets.indices)
        stats.labelled += int(has_label.sum())
        stats.no_phrase += int((is_good & ~had_phrase).sum())
        stats.phrase_without_label += int((had_phrase & ~had_label).sum())
        stats.filtered += int((had_label & ~has_label).sum())
        stats.rolled_up += int(filtered.rolled_up.sum())
        numbers = np.bincount(filtered.verdicts, minlength=len(Verdict))
        stats.dropped.update({verdict.name.lower(): int(numbers[verdict]) for verdict in Verdict if numbers[verdict]})
        del stats.dropped[Verdict.KEPT.name.lower()]


def label_fields(*, phrases: bool) -> list[pa.Field]:
    """The new columns of an output."""
    fields = [pa.field(LABELS, pa.list_(pa.int32())), pa.field(WEIGHTS, pa.list_(pa.float32()))]
    if phrases:
        span = pa.list_(pa.int32(), 2)
        fields += [pa.field(PHRASES, pa.list_(pa.string())), pa.field(SPANS, pa.list_(span))]
    return fields


def text_column(texts: Strings) -> pa.Array:
    """Strings as one Arrow column; nothing is copied."""
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(texts.offsets), pa.py_buffer(texts.text))
