"""Mines a label vocabulary from the captions of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unicl.files import Reading, find_inputs, read_ahead, read_captions
from unicl.jobs.classes import ClassOptions, FileClasses
from unicl.jobs.run import Progress, no_progress
from unicl.jobs.steady import open_input
from unicl.labels import MAX_NAMES, MiningLimits, PhraseCounter, with_classes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from unicl.files import Source
    from unicl.jobs.classes import ClassEntries
    from unicl.jobs.steady import Input
    from unicl.labels import LabelVocabulary
    from unicl.phrases import PosTagger


def mine_vocabulary(
    inputs: Sequence[str | Path],
    limits: MiningLimits | None = None,
    *,
    classes: ClassOptions | None = None,
    reading: Reading | None = None,
    tagger: PosTagger | None = None,
    grammar: str | None = None,
    max_names: int = MAX_NAMES,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> tuple[LabelVocabulary, PhraseCounter]:
    """Mines a vocabulary from the captions of files, as :meth:`unicl.LabelVocabulary.mine` does from captions.

    Args:
        inputs: Files, or folders of files; see :mod:`unicl.files`.
        limits: Which names become labels; None: ``MiningLimits()``.
        classes: The classes of rows. The names of all classes become labels, whatever the limits, and the vocabulary
            has no counts then. None: those of class folders and COCO's JSON.
        reading: How the captions are read; None: ``Reading()``.
        tagger: The tagger; None for the package's own weights.
        grammar: The noun-phrase grammar; None for that of :func:`unicl.phrases.find_noun_phrases`.
        max_names: How many names are in memory at most; see :class:`unicl.labels.PhraseCounter`.
        threads: How many threads to use; None for all cores.
        progress: Shows how many captions are done.

    Returns:
        The vocabulary, with a label or more, and the counts.

    Raises:
        FileNotFoundError: An input is missing.
        ValueError: A file is malformed, its column is not found, or a row is bad (the message names file and row); no
            name is within the limits.
    """
    reading = Reading() if reading is None else reading
    counter = PhraseCounter(tagger=tagger, grammar=grammar, max_names=max_names, threads=threads)
    options = ClassOptions() if classes is None else classes
    names = options.open_names()
    opened = [open_input(path, reading) for path in find_inputs(inputs)]
    vocabulary = mine(
        opened,
        MiningLimits() if limits is None else limits,
        counter,
        reading,
        progress,
        classes_of=lambda source: FileClasses.of(source, options.class_column, names),
    )
    return vocabulary, counter


def mine(
    inputs: Iterable[Input],
    limits: MiningLimits,
    counter: PhraseCounter,
    reading: Reading,
    progress: Progress,
    *,
    classes_of: Callable[[Source], FileClasses],
) -> LabelVocabulary:
    """Mines a vocabulary from the captions of opened files, and adds the names of their classes.

    Raises:
        ValueError: A file is malformed, a row is bad, or no name is within the limits.
    """
    met: dict[tuple[str, ...], None] = {}
    for captions, classes in captions_of(inputs, reading, progress, "counting phrases in", classes_of):
        counter.add(captions)
        met.update(dict.fromkeys(() if classes is None else classes.texts))
    vocabulary = with_classes(counter.vocabulary(limits), met)
    if len(vocabulary) == 0:
        raise ValueError(
            f"expected a label to mine; got none: no noun phrase of the {counter.captions} captions is within "
            f"min_document_frequency={limits.min_document_frequency} and "
            f"max_document_frequency={limits.max_document_frequency}: lower the first, raise the second, or give a "
            "vocabulary"
        )
    return vocabulary


def captions_of(
    inputs: Iterable[Input],
    reading: Reading,
    progress: Progress,
    title: str,
    classes_of: Callable[[Source], FileClasses],
) -> Iterator[tuple[pa.Array, ClassEntries | None]]:
    """Reads the captions of files in batches, without the bad rows, and the classes of the same rows."""
    for file in inputs:
        source = file.source
        classes = classes_of(source)
        with progress(f"{title} {source.path.name}", source.num_rows) as advance:
            batches = read_captions(source, reading, only_captions=True, class_column=classes.column)
            for batch, entries in read_ahead(classes.read(batch, source.path, reading.bad_rows) for batch in batches):
                yield batch.good_captions(), entries and entries.of_good_rows(batch.is_bad)
                advance(len(batch))
            file.refuse_changed()
