"""Files of captions to files of labels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from unicl.engines.captions import CaptionBatch, caption_column, read_captions
from unicl.engines.columns import extended, extended_schema, rows_of_lists
from unicl.engines.inputs import find_inputs, open_source, output_paths
from unicl.engines.mine import captions_of, count_phrases
from unicl.engines.output import new_parquet, refuse_existing
from unicl.engines.progress import Progress, no_progress
from unicl.engines.reading import Reading
from unicl.engines.stats import RunStats
from unicl.engines.vocabularies import save_vocabulary
from unicl.labels import LabelMapper, LabelSets, LabelVocabulary
from unicl.labels.vocabulary import as_count
from unicl.text import find_noun_phrases

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from unicl.text import NounPhrases, PosTagger

VOCABULARY = "vocabulary.json"
LABELS, WEIGHTS, PHRASES, SPANS = "labels", "label_weights", "noun_phrases", "noun_phrase_spans"


class Limits(NamedTuple):
    """In how many captions a label must be and may be: an int is a number of them, a float a share."""

    min_document_frequency: float
    max_document_frequency: float


NO_LIMITS = Limits(0, 1.0)


@dataclass(kw_only=True)
class LabelStats(RunStats):
    """What :func:`label_files` did.

    Attributes:
        labelled: Captions with a label.
        labels: Labels given, in all captions together.
        no_phrase: Captions without a label because they have no noun phrase.
        phrase_without_label: Because none of their noun phrases means a label.
        outside_limits: Because all their labels are in too few or too many captions.
        max_undercount: By how many captions the counts of a mined vocabulary may be too small; see
            :class:`unicl.engines.PhraseCounter`.
        label_seconds: Time in the labeler, the counting pass apart.
    """

    labelled: int = 0
    labels: int = 0
    no_phrase: int = 0
    phrase_without_label: int = 0
    outside_limits: int = 0
    max_undercount: int = 0
    label_seconds: float = 0.0


class LabelledBatch(NamedTuple):
    """Captions of a batch, their noun phrases, and what those mean.

    Attributes:
        phrases: The noun phrases of every caption.
        sets: The labels of every caption, as :class:`unicl.DenseLabeler` gives them without limits.
    """

    phrases: NounPhrases
    sets: LabelSets


class FileLabeler:
    """Gives batches of captions their labels, with the noun phrases that led to them.

    The labels are those of :class:`unicl.DenseLabeler`, by the two steps that it joins into one.
    """

    def __init__(
        self, vocabulary: LabelVocabulary, *, tagger: PosTagger | None, grammar: str | None, threads: int | None
    ) -> None:
        self.vocabulary = vocabulary
        self._mapper = LabelMapper(vocabulary)
        self._tagger, self._grammar, self._threads = tagger, grammar, threads

    def __call__(self, captions: pa.Array) -> LabelledBatch:
        """The labels of captions, an Arrow column."""
        found = find_noun_phrases(captions, tagger=self._tagger, grammar=self._grammar, threads=self._threads)
        ids = self._mapper.map(phrase_column(found), threads=self._threads).ids
        rows = np.repeat(np.arange(len(found)), np.diff(found.offsets))[ids >= 0]
        num_labels = len(self.vocabulary)
        keys = np.unique(rows * num_labels + ids[ids >= 0])
        lengths = np.bincount(keys // num_labels, minlength=len(found))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return LabelledBatch(found, LabelSets(indices=(keys % num_labels).astype(np.int32), offsets=offsets))


def phrase_column(found: NounPhrases) -> pa.Array:
    """The noun phrases of a batch as one Arrow column, one after another; nothing is copied."""
    phrases = found.phrases
    buffers = pa.py_buffer(phrases.offsets), pa.py_buffer(phrases.text)
    return pa.LargeStringArray.from_buffers(len(phrases), *buffers)


def label_files(
    inputs: Sequence[str | Path],
    out: Path,
    vocabulary: LabelVocabulary | None = None,
    *,
    reading: Reading | None = None,
    min_document_frequency: float | None = None,
    max_document_frequency: float = 1.0,
    top_k: int | None = None,
    phrases: bool = False,
    copy_columns: bool = True,
    overwrite: bool = False,
    tagger: PosTagger | None = None,
    grammar: str | None = None,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> tuple[LabelVocabulary, LabelStats]:
    """Gives the captions of files labels: the same rows, with columns for them, in Parquet.

    The columns are ``labels`` (list<int32>, ascending ids), ``label_weights`` (list<float32>), and if asked for
    ``noun_phrases`` (list<string>) and ``noun_phrase_spans`` (list<fixed_size_list<int32>[2]>, characters from and to).
    The vocabulary goes to ``out/vocabulary.json``.
    A row that was skipped has null in all of them; a caption without labels has empty lists.

    Without a vocabulary the captions are read twice: once to mine one from all files, once to label them. With one
    they are read twice if a limit is set, for then the captions of each label are counted first.

    Args:
        inputs: Files, or folders of files; see :mod:`unicl.engines`.
        out: The folder for ``NAME.parquet`` and the vocabulary.
        vocabulary: The labels; None: mine them.
        reading: How the captions are read; None: ``Reading()``.
        min_document_frequency: In how many captions a label must be at least. An int is a number of captions, a float a
            share in [0, 1]. None: 2 for a vocabulary that is mined, no limit for one that is given.
        max_document_frequency: In how many it may be at most, likewise; 1.0 sets no limit.
        top_k: Mine only that many labels, the most frequent.
        phrases: Write the noun phrases and their spans too.
        copy_columns: Write the columns of the input too.
        overwrite: Replace outputs that exist, each when the new one is complete.
        tagger: The tagger; None for the package's own weights.
        grammar: The noun-phrase grammar; None for that of :func:`unicl.text.find_noun_phrases`.
        threads: How many threads to use; None for all cores.
        progress: Is told how many captions are done.

    Returns:
        The vocabulary, and what was done.

    Raises:
        FileNotFoundError, FileExistsError, OSError: An input is missing; an output exists; the disk is full.
        ValueError: A file is malformed, its column is not found, a row is bad (the message names file and row), a limit
            is out of range, or ``top_k`` is given with a vocabulary.
    """
    started = time.perf_counter()
    reading = Reading() if reading is None else reading
    if vocabulary is not None and top_k is not None:
        raise ValueError("top_k limits a vocabulary that is mined; one was given")
    paths = find_inputs(inputs)
    outputs = output_paths(paths, out, only_folder=True)
    refuse_existing(out / VOCABULARY, overwrite=overwrite)
    fields = _fields(phrases=phrases)
    for path, output in zip(paths, outputs, strict=True):  # whatever can be refused is refused before hours of work
        refuse_existing(output, overwrite=overwrite)
        source = open_source(path, reading)
        caption_column(source, reading.column)
        extended_schema(source, fields, copy_columns=copy_columns)
    stats = LabelStats()
    is_kept: NDArray[np.bool_] | None = None
    if vocabulary is None:
        counter = count_phrases(
            paths,
            reading=reading,
            tagger=tagger,
            grammar=grammar,
            threads=threads,
            progress=progress,
        )
        stats.max_undercount = counter.max_undercount
        least = 2 if min_document_frequency is None else min_document_frequency
        vocabulary = counter.vocabulary(
            min_document_frequency=least, max_document_frequency=max_document_frequency, top_k=top_k
        )
        labeler = FileLabeler(vocabulary, tagger=tagger, grammar=grammar, threads=threads)
    else:
        labeler = FileLabeler(vocabulary, tagger=tagger, grammar=grammar, threads=threads)
        limits = Limits(min_document_frequency or 0, max_document_frequency)
        if limits != NO_LIMITS:
            is_kept = _within(limits, labeler, captions_of(paths, reading, progress, "counting labels in"))
    for path, output in zip(paths, outputs, strict=True):
        source = open_source(path, reading)
        schema = extended_schema(source, fields, copy_columns=copy_columns)
        with (
            new_parquet(output, schema, overwrite=overwrite) as writer,
            progress(f"labelling {path.name}", source.num_rows) as advance,
        ):
            for batch in read_captions(source, reading, only_captions=not copy_columns, skipped=stats.skipped):
                began = time.perf_counter()
                found = labeler(batch.captions)
                columns = _columns(found, batch, is_kept, stats, phrases=phrases)
                stats.label_seconds += time.perf_counter() - began
                writer.write(extended(batch, schema, columns))
                advance(len(batch))
            if stats.files == 0:  # no sooner, or the labels that are there would lose their names to a run that fails
                save_vocabulary(vocabulary, out / VOCABULARY, overwrite=overwrite)
        stats.files += 1
    stats.seconds = time.perf_counter() - started
    return vocabulary, stats


def _fields(*, phrases: bool) -> list[pa.Field]:
    fields = [pa.field(LABELS, pa.list_(pa.int32())), pa.field(WEIGHTS, pa.list_(pa.float32()))]
    if phrases:
        span = pa.list_(pa.int32(), 2)
        fields += [pa.field(PHRASES, pa.list_(pa.string())), pa.field(SPANS, pa.list_(span))]
    return fields


def _within(limits: Limits, labeler: FileLabeler, batches: Iterable[pa.Array]) -> NDArray[np.bool_]:
    """Which labels are in as many captions as the limits want: the first pass over the files."""
    counts, total = np.zeros(len(labeler.vocabulary), np.int64), 0
    for captions in batches:
        counts += labeler(captions).sets.document_frequency(len(counts))
        total += len(captions)
    least = as_count("min_document_frequency", limits.min_document_frequency, total)
    most = as_count("max_document_frequency", limits.max_document_frequency, total)
    return (counts >= least) & (counts <= most)


def _columns(
    found: LabelledBatch, batch: CaptionBatch, is_kept: NDArray[np.bool_] | None, stats: LabelStats, *, phrases: bool
) -> list[pa.Array]:
    """The new columns of a batch; counts what became of its captions."""
    sets = found.sets if is_kept is None else found.sets.keep(is_kept)
    is_good = np.ones(len(batch), np.bool_) if batch.is_bad is None else ~batch.is_bad
    had_phrase, had_label, has_label = (
        np.diff(offsets) > 0 for offsets in (found.phrases.offsets, found.sets.offsets, sets.offsets)
    )
    stats.captions += len(batch)
    stats.labels += len(sets.indices)
    stats.labelled += int(has_label.sum())
    stats.no_phrase += int((is_good & ~had_phrase).sum())
    stats.phrase_without_label += int((had_phrase & ~had_label).sum())
    stats.outside_limits += int((had_label & ~has_label).sum())
    weights = np.ones(len(sets.indices), np.float32) if sets.weights is None else sets.weights
    columns = [rows_of_lists(sets.offsets, pa.array(values), batch.is_bad) for values in (sets.indices, weights)]
    if phrases:
        spans = pa.FixedSizeListArray.from_arrays(pa.array(found.phrases.spans.ravel()), 2)
        texts = phrase_column(found.phrases).cast(pa.string())
        columns += [rows_of_lists(found.phrases.offsets, values, batch.is_bad) for values in (texts, spans)]
    return columns
