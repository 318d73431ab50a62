"""Turns files of captions into files of labels."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from unicl.files import ClassFolder, Reading, is_output_file, new_parquet, only_writer
from unicl.jobs.classes import ClassLabels
from unicl.jobs.label_folder import replace_vocabulary
from unicl.jobs.label_plan import LabelOptions, LabelPlan, plan_labels
from unicl.jobs.labelling import FileLabeler, LabelStats
from unicl.jobs.mine import captions_of, mine
from unicl.jobs.plan import write_rows
from unicl.jobs.run import Progress, no_progress
from unicl.jobs.steady import file_state, refuse_replaced
from unicl.labels import DocumentFrequency, LabelVocabulary, PhraseCounter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unicl.labels import RelevanceFilter
    from unicl.phrases import PosTagger


def label_files(
    inputs: Sequence[str | Path],
    out: str | Path,
    vocabulary: LabelVocabulary | None = None,
    options: LabelOptions | None = None,
    *,
    relevance: RelevanceFilter | None = None,
    reading: Reading | None = None,
    overwrite: bool = False,
    tagger: PosTagger | None = None,
    grammar: str | None = None,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> tuple[LabelVocabulary, LabelStats]:
    """Gives the captions of files labels: writes the same rows, with columns for the labels, to Parquet.

    The columns are ``labels`` (list<int32>, ascending ids), ``label_weights`` (list<float32>), and on request
    ``noun_phrases`` (list<string>) and ``noun_phrase_spans`` (list<fixed_size_list<int32>[2]>, characters from and to).
    A row that was skipped has null in all of them; a caption without labels has empty lists. The vocabulary goes to
    ``out/vocabulary.json``, with the captions of each label if they were counted. If ``out`` is a name that ends in
    ``.parquet``, for one input, the output is that file, and the vocabulary is ``NAME.vocabulary.json`` beside it.

    Classes and captions share one label space: the label of a row's class joins those of its caption, and a row may
    have either alone. Class folders and COCO's JSON have classes; other files have those of ``options.class_column``.
    The filters by counts treat the labels of classes as the others; those by phrases and images do not remove them.
    Classes that mean no label are counted. If the vocabulary is mined, the names of the classes join it.

    Without a vocabulary the captions are read twice: once to mine one from all files, once to label them. Limits on
    labels that were given, ``balance`` and weights by idf need the captions of each label: they take one more pass,
    before the last. The labels are those that :class:`unicl.DenseLabeler` gives all captions of all files in one call.

    Args:
        inputs: Files, or folders of files; see :mod:`unicl.files`.
        out: The folder for ``NAME.parquet`` and the vocabulary; for one input also the file itself.
        vocabulary: The labels; None: mine them.
        options: Which labels and columns are written; None: ``LabelOptions()``.
        relevance: Removes labels that the image of the row does not show, or weighs them by their score. The scorer
            gets PIL images in RGB. An image is opened only if a label of its row depends on it.
        reading: How the captions are read; None: ``Reading()``.
        overwrite: Replace outputs that exist, each when the new one is complete. If an id has another name in the new
            vocabulary than in the old one, all old outputs are removed when the first new one is complete.
        tagger: The tagger; None for the package's own weights.
        grammar: The noun-phrase grammar; None for that of :func:`unicl.phrases.find_noun_phrases`.
        threads: How many threads to use; None for all cores.
        progress: Shows how many captions are done.

    Returns:
        The vocabulary, and the counts of the run.

    Raises:
        FileNotFoundError, FileExistsError, OSError: An input is missing; an output exists, or labels in the folder that
            are not replaced would lose their names; another run writes into the folder; the disk is full.
        TypeError, ValueError: The relevance scorer gives something else than a number in [0, 1] for every phrase.
        ValueError: A file is malformed, its column is not found, a row or its image is bad (the message names file and
            row), an option is out of range or has no effect, or there are no labels.
    """
    started = time.perf_counter()
    plan = LabelPlan(
        out=Path(out),
        mines=vocabulary is None,
        options=LabelOptions() if options is None else options,
        reading=Reading() if reading is None else reading,
        overwrite=overwrite,
        relevance=relevance,
        tagger=tagger,
        grammar=grammar,
        threads=threads,
        progress=progress,
    )
    plan = plan_labels(inputs, plan, vocabulary)
    stats = LabelStats()
    with nullcontext() if is_output_file(plan.out) else only_writer(plan.out):
        if vocabulary is None:
            vocabulary = _mine(plan, stats)
        vocabulary, frequency = _count(plan, vocabulary)
        _label(plan, vocabulary, frequency, stats)
    stats.seconds = time.perf_counter() - started
    return vocabulary, stats


def _mine(plan: LabelPlan, stats: LabelStats) -> LabelVocabulary:
    """Mines a vocabulary from all captions."""
    counter = PhraseCounter(tagger=plan.tagger, grammar=plan.grammar, threads=plan.threads)
    vocabulary = mine(plan.files, plan.limits, counter, plan.reading, plan.progress, classes_of=plan.classes_of)
    stats.max_undercount = counter.max_undercount
    return vocabulary


def _count(plan: LabelPlan, vocabulary: LabelVocabulary) -> tuple[LabelVocabulary, DocumentFrequency | None]:
    """Counts the captions of each label, if a filter or the weights need that."""
    labeler = plan.labeler(vocabulary)
    if not (labeler.filters.need_frequency or "idf" in plan.options.weights):
        return vocabulary, None
    frequency = DocumentFrequency.zeros(len(vocabulary))
    labels = ClassLabels(vocabulary)
    for captions, classes in captions_of(
        plan.files, plan.reading, plan.progress, "counting labels in", plan.classes_of
    ):
        given = None if classes is None else labels.sets(classes)
        frequency += labeler.count(captions, given=given, threads=plan.threads)
    return vocabulary.with_document_frequency(frequency.counts), frequency


def _label(
    plan: LabelPlan, vocabulary: LabelVocabulary, frequency: DocumentFrequency | None, stats: LabelStats
) -> None:
    """Writes the labels of every file, and the vocabulary."""
    rarity = frequency.rarity() if frequency is not None and "idf" in plan.options.weights else None
    classes = ClassLabels(vocabulary)
    labels = FileLabeler(
        plan.labeler(vocabulary, frequency),
        stats,
        classes=classes,
        rarity=rarity,
        phrases=plan.options.phrases,
        bad_rows=plan.reading.bad_rows,
        threads=plan.threads,
    )
    written = {}
    for file in plan.files:
        with new_parquet(file.output, file.schema, overwrite=plan.overwrite) as writer:
            write_rows(
                file,
                writer,
                partial(labels.columns, file.source.path, classes=file.classes),
                reading=plan.reading,
                skipped=stats.skipped,
                title="labelling",
                progress=plan.progress,
            )
            if stats.files == 0:  # not earlier, or a run that fails would take the names from the labels that are there
                writer.finish()
                outputs = [each.output for each in plan.files]
                replace_vocabulary(vocabulary, plan.vocabulary_path, outputs, overwrite=plan.overwrite)
                written[plan.vocabulary_path] = file_state(plan.vocabulary_path)
        stats.files += 1
        stats.ignored += file.source.ignored if isinstance(file.source, ClassFolder) else Counter()
        stats.outputs.append(str(file.output))
        written[file.output] = file_state(file.output)
    refuse_replaced(written)
    stats.class_names = classes.count()
    stats.unmapped_classes = classes.unmapped()
    stats.shared_classes = {vocabulary.names[label]: names for label, names in classes.shared().items()}
