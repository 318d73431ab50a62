"""Turns batches of captions into columns of labels, and counts them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from unicl.files import RowImages, rows_of_lists
from unicl.jobs.run import RunStats
from unicl.labels import LABELS, WEIGHTS, DenseLabeler, FoundLabels, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from unicl.files import BadRows, CaptionBatch
    from unicl.jobs.classes import ClassLabels, FileClasses
    from unicl.labels import FilteredLabels, LabelSets
    from unicl.text import Strings

PHRASES, SPANS = "noun_phrases", "noun_phrase_spans"
IS_LABELS = {b"unicl": b"labels"}
"""The metadata of a column of labels that has another name than usual."""


@dataclass(kw_only=True)
class LabelStats(RunStats):
    """What :func:`unicl.jobs.label_files` did.

    Attributes:
        outputs: The files written, in the order of their inputs.
        labelled: Rows with a label.
        labels: Labels given, in all captions together.
        no_phrase: Captions without a label because they have no noun phrase.
        phrase_without_label: Captions without a label because none of their noun phrases means a label.
        class_without_label: Rows without a label, with a class that means none.
        filtered: Captions without a label because the filters removed all of their labels.
        dropped: Labels that the filters removed, in all captions together, by filter.
        rolled_up: Labels that were replaced by an ancestor, in all captions together.
        images: Images that the relevance filter opened.
        max_undercount: By how many captions the counts of a mined vocabulary may be too low; see
            :class:`unicl.labels.PhraseCounter`.
        label_seconds: Time in the labeler, without the passes that count.
        classes: Rows with a class.
        class_names: Different classes.
        unmapped_classes: The classes that mean no label, and how many rows have each.
        shared_classes: The names of the classes that share a label with others, by the name of the label.
        ignored: What is in class folders and is no row, by kind.
    """

    outputs: list[str] = field(default_factory=list)
    labelled: int = 0
    labels: int = 0
    no_phrase: int = 0
    phrase_without_label: int = 0
    class_without_label: int = 0
    filtered: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    rolled_up: int = 0
    images: int = 0
    max_undercount: int = 0
    label_seconds: float = 0.0
    classes: int = 0
    class_names: int = 0
    unmapped_classes: Counter[str] = field(default_factory=Counter)
    shared_classes: dict[str, list[str]] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)


def label_fields(*, name: str, phrases: bool) -> list[pa.Field]:
    """Gives the new columns of an output. The column of labels has that name."""
    weights, metadata = (WEIGHTS, None) if name == LABELS else (f"{name}_weights", IS_LABELS)
    fields = [pa.field(name, pa.list_(pa.int32()), metadata=metadata), pa.field(weights, pa.list_(pa.float32()))]
    if phrases:
        span = pa.list_(pa.int32(), 2)
        fields += [pa.field(PHRASES, pa.list_(pa.string())), pa.field(SPANS, pa.list_(span))]
    return fields


class FileLabeler:
    """Gives batches of captions the labels that :class:`unicl.DenseLabeler` gives all of them at once.

    It calls the two steps of the labeler one by one, because the output and the counts need both results.

    Args:
        labeler: The labeler. If its filters need the captions of each label, it has their counts.
        stats: Counts the labels.
        classes: Gives the classes of rows their labels.
        rarity: float64 (number of labels,), factors for the weights of each label; None: no factors.
        phrases: Give the noun phrases and their spans too.
        bad_rows: What happens at a row whose image cannot be read.
        threads: How many threads to use; None for all cores.
    """

    def __init__(
        self,
        labeler: DenseLabeler,
        stats: LabelStats,
        *,
        classes: ClassLabels,
        rarity: NDArray[np.float64] | None = None,
        phrases: bool = False,
        bad_rows: BadRows = "error",
        threads: int | None = None,
    ) -> None:
        self._labeler, self._stats, self._rarity, self._threads = labeler, stats, rarity, threads
        self._phrases, self._bad_rows = phrases, bad_rows
        self._rows = 0
        self._classes = classes
        # Neither phrases nor images tell about classes. The other filters treat them as the labels of captions.
        self._class_labeler = DenseLabeler(
            labeler.vocabulary,
            filters=replace(labeler.filters, relevance=None, min_count_in_caption=1),
            ancestors=labeler.ancestors,
            frequency_of="captions" if labeler.frequency is None else labeler.frequency,
        )

    def columns(self, path: Path, batch: CaptionBatch, *, classes: FileClasses) -> list[pa.Array]:
        """Gives the new columns of a batch; ``path`` is its file. Batches come in the order of their rows."""
        began = time.perf_counter()
        batch, entries = classes.read(batch, path, self._bad_rows, self._stats.skipped)
        found = self._labeler.find(batch.captions, phrases="text" if self._phrases else "count", threads=self._threads)
        images = RowImages(batch, path, self._bad_rows, threads=self._threads) if batch.images is not None else None
        row_ids = np.arange(self._rows, self._rows + len(batch))
        self._rows += len(batch)
        filtered = self._labeler.apply_filters(found, images=images, row_ids=row_ids)
        is_bad = batch.is_bad
        if images is not None:
            is_bad = self._with_bad_images(is_bad, images)
            filtered = filtered if is_bad is None else filtered.only_rows(~is_bad)
        sets = filtered.label_sets()
        verdicts = [filtered]
        has_class = means_label = np.zeros(len(batch), np.bool_)
        if entries is not None:
            entries = entries.without(is_bad)
            given = self._classes.sets(entries)
            has_class, means_label = entries.has_class(), np.diff(given.offsets) > 0
            of_classes = self._class_labeler.apply_filters(FoundLabels.of_sets(given), row_ids=row_ids)
            verdicts.append(of_classes)
            sets = sets.union(of_classes.label_sets())
        sets = sets if self._rarity is None else sets.weighted(self._rarity)
        self._count(is_bad, found, verdicts, sets, has_class=has_class, means_label=means_label)
        columns = label_columns(sets, is_bad)
        columns += phrase_columns(found, is_bad) if self._phrases else []
        self._stats.label_seconds += time.perf_counter() - began
        return columns

    def _with_bad_images(self, is_bad: NDArray[np.bool_] | None, images: RowImages) -> NDArray[np.bool_] | None:
        """Adds the rows whose images could not be read to the bad rows."""
        self._stats.images += images.opened
        if not images.bad:
            return is_bad
        self._stats.skipped.update(f"image {error.reason}" for error in images.bad.values())
        is_bad = np.zeros(len(images), np.bool_) if is_bad is None else is_bad.copy()
        is_bad[[*images.bad]] = True
        return is_bad

    def _count(
        self,
        is_bad: NDArray[np.bool_] | None,
        found: FoundLabels,
        filtered: list[FilteredLabels],
        sets: LabelSets,
        *,
        has_class: NDArray[np.bool_],
        means_label: NDArray[np.bool_],
    ) -> None:
        is_good = np.ones(len(sets), np.bool_) if is_bad is None else ~is_bad
        had_phrase, had_label, has_label = (
            is_good & (np.diff(offsets) > 0) for offsets in (found.phrase_offsets, found.sets.offsets, sets.offsets)
        )
        had_label |= means_label
        other_class = has_class & ~had_label
        stats = self._stats
        stats.classes += int(has_class.sum())
        stats.class_without_label += int(other_class.sum())
        stats.captions += len(sets)
        stats.labels += len(sets.indices)
        stats.labelled += int(has_label.sum())
        stats.no_phrase += int((is_good & ~had_phrase & ~had_label & ~other_class).sum())
        stats.phrase_without_label += int((had_phrase & ~had_label & ~other_class).sum())
        stats.filtered += int((had_label & ~has_label).sum())
        stats.rolled_up += sum(int(each.rolled_up.sum()) for each in filtered)
        numbers = np.bincount(np.concatenate([each.verdicts for each in filtered]), minlength=len(Verdict))
        removed = [verdict for verdict in Verdict if verdict != Verdict.KEPT and numbers[verdict]]
        stats.dropped.update({verdict.name.lower(): int(numbers[verdict]) for verdict in removed})


def label_columns(sets: LabelSets, is_bad: NDArray[np.bool_] | None) -> list[pa.Array]:
    """Gives the columns of labels and their weights."""
    weights = np.ones(len(sets.indices), np.float32) if sets.weights is None else sets.weights
    return [rows_of_lists(sets.offsets, pa.array(values), is_bad) for values in (sets.indices, weights)]


def phrase_columns(found: FoundLabels, is_bad: NDArray[np.bool_] | None) -> list[pa.Array]:
    """Gives the columns of noun phrases and their spans."""
    if found.phrases is None or found.phrases.texts is None or found.phrases.spans is None:
        raise TypeError("expected labels with the texts of their phrases; got labels alone")
    texts = _string_column(found.phrases.texts).cast(pa.string())
    spans = pa.FixedSizeListArray.from_arrays(pa.array(found.phrases.spans.ravel()), 2)
    return [rows_of_lists(found.phrase_offsets, values, is_bad) for values in (texts, spans)]


def _string_column(strings: Strings) -> pa.Array:
    """Gives the strings as one Arrow column. Nothing is copied."""
    return pa.LargeStringArray.from_buffers(len(strings), pa.py_buffer(strings.offsets), pa.py_buffer(strings.text))
