"""Files of captions to files of labels."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from unicl.files import (
    Reading,
    RowImages,
    Shard,
    caption_column,
    extended,
    extended_schema,
    find_images,
    find_inputs,
    make_folder,
    new_parquet,
    open_source,
    output_paths,
    read_captions,
    refuse_existing,
)
from unicl.jobs.label_folder import refuse_lost_names, replace_vocabulary
from unicl.jobs.label_images import RowScorer
from unicl.jobs.labelling import FileLabeler, LabelStats, label_fields
from unicl.jobs.mine import captions_of, mine_vocabulary
from unicl.jobs.run import Progress, no_progress
from unicl.labels import (
    VOCABULARY,
    DenseLabeler,
    DocumentFrequency,
    LabelFilters,
    LabelVocabulary,
    MiningLimits,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unicl.files import Source
    from unicl.labels import Ancestors, RelevanceFilter
    from unicl.phrases import PosTagger

ROWS_WITH_IMAGES = 1024


def label_files(
    inputs: Sequence[str | Path],
    out: str | Path,
    vocabulary: LabelVocabulary | None = None,
    *,
    mode: Literal["canonical", "argmax"] = "canonical",
    reading: Reading | None = None,
    min_document_frequency: float | None = None,
    max_document_frequency: float = 1.0,
    top_k: int | None = None,
    ancestors: Ancestors | None = None,
    balance: int | None = None,
    seed: int = 0,
    min_count_in_caption: int = 1,
    relevance: RelevanceFilter | None = None,
    image_column: str | None = None,
    idf: bool = False,
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
    A row that was skipped has null in all of them; a caption without labels has empty lists. The vocabulary goes to
    ``out/vocabulary.json``, with the captions of each label where they were counted.

    Without a vocabulary the captions are read twice: once to mine one from all files, once to label them. What needs
    the captions of each label (limits on labels that were given, ``balance``, ``idf``) takes a pass too, before the
    last. The labels are those that :class:`unicl.DenseLabeler` gives all captions of all files in one call.

    Args:
        inputs: Files, or folders of files; see :mod:`unicl.files`.
        out: The folder for ``NAME.parquet`` and the vocabulary.
        vocabulary: The labels; None: mine them.
        mode: How phrases become labels: by what they mean, or by what they look like; see
            :class:`unicl.LabelMapper`.
        reading: How the captions are read; None: ``Reading()``.
        min_document_frequency: In how many captions a label must be at least. An int is a number of captions, a float a
            share in [0, 1]. None: 2 for a vocabulary that is mined, no limit for one that is given.
        max_document_frequency: In how many it may be at most, likewise; 1.0 sets no limit.
        top_k: Mine only that many labels, the most frequent.
        ancestors: "roll_up": labels below the minimum give way to their nearest ancestor that is not; "add": captions
            have all ancestors of their labels too; see :class:`unicl.DenseLabeler`. Needs a vocabulary with parents.
        balance: Keep a label of a caption with the probability min(1, balance / its number of captions).
        seed: Of the draws for ``balance``; a row's number among all rows is its id.
        min_count_in_caption: Leave out labels that fewer noun phrases of the caption mean.
        relevance: Leave out labels that are not to be seen in the image of the row, or weigh them by how well they are.
            Its scorer gets PIL images in RGB, and only of rows where a label hangs on it; the others are not opened.
        image_column: The column with the images, as bytes, {bytes, path} or paths relative to the file's folder; None:
            the first of :data:`unicl.files.IMAGE_COLUMNS`. A shard has its images beside its columns.
        idf: Weigh every label by its inverse document frequency, log(captions / captions with the label), before any
            filter; times its relevance where that weighs.
        phrases: Write the noun phrases and their spans too.
        copy_columns: Write the columns of the input too.
        overwrite: Replace outputs that exist, each when the new one is complete; but where ids come to mean other names
            than in the vocabulary there, all are removed when the first new one is.
        tagger: The tagger; None for the package's own weights.
        grammar: The noun-phrase grammar; None for that of :func:`unicl.phrases.find_noun_phrases`.
        threads: How many threads to use; None for all cores.
        progress: Is told how many captions are done.

    Returns:
        The vocabulary, and what was done.

    Raises:
        FileNotFoundError, FileExistsError, OSError: An input is missing; an output exists, or labels in the folder that
            are not replaced would lose their names; the disk is full.
        TypeError, ValueError: The relevance scorer gives something else than a number in [0, 1] for every phrase.
        ValueError: A file is malformed, its column is not found, a row or its image is bad (the message names file and
            row), an option is out of range, ``top_k`` is given with a vocabulary, or there are no labels.
    """
    started = time.perf_counter()
    out = Path(out)
    reading = Reading() if reading is None else reading
    if vocabulary is not None and top_k is not None:
        raise ValueError("top_k limits a vocabulary that is mined; one was given")
    if image_column is not None and relevance is None:
        raise ValueError("images are looked at by a relevance filter only; image_column needs one (--relevance)")
    if min_document_frequency is None:
        min_document_frequency = 2 if vocabulary is None else 0
    # What can be refused is refused before hours of work.
    MiningLimits(
        min_document_frequency=min_document_frequency, max_document_frequency=max_document_frequency, top_k=top_k
    )
    filters = LabelFilters(
        min_document_frequency=0 if vocabulary is None else min_document_frequency,
        max_document_frequency=1.0 if vocabulary is None else max_document_frequency,
        balance=balance,
        seed=seed,
        min_count_in_caption=min_count_in_caption,
        relevance=relevance,
    )
    new_labeler = partial(DenseLabeler, mode=mode, tagger=tagger, grammar=grammar, ancestors=ancestors)
    new_labeler(LabelVocabulary.from_names([]) if vocabulary is None else vocabulary, filters=filters)
    if vocabulary is not None and len(vocabulary) == 0:
        raise ValueError("the vocabulary has no labels; give one with names, or none, to mine one from the captions")
    if relevance is not None:
        filters = replace(filters, relevance=replace(relevance, scorer=RowScorer(relevance.scorer)))
    images = relevance is not None
    if images:  # in short batches, so that progress is told more often
        reading = replace(reading, batch_rows=min(reading.batch_rows, ROWS_WITH_IMAGES))
    paths = find_inputs(inputs, images=images)
    outputs = output_paths(paths, out, only_folder=True)
    refuse_existing(out / VOCABULARY, overwrite=overwrite)
    refuse_lost_names(out, outputs, vocabulary)
    fields = label_fields(phrases=phrases)
    sources: list[Source] = []  # opened once: of some formats that takes a look at all rows
    for path, output in zip(paths, outputs, strict=True):
        refuse_existing(output, overwrite=overwrite)
        source = open_source(path, reading)
        sources.append(source)
        caption_column(source, reading.column)
        if images:
            find_images(source, image_column)
        extended_schema(source, fields, copy_columns=copy_columns)
    make_folder(out)
    stats = LabelStats()
    if vocabulary is None:
        vocabulary, counter = mine_vocabulary(
            paths,
            min_document_frequency=min_document_frequency,
            max_document_frequency=max_document_frequency,
            top_k=top_k,
            reading=reading,
            tagger=tagger,
            grammar=grammar,
            threads=threads,
            progress=progress,
        )
        stats.max_undercount = counter.max_undercount
    labeler = new_labeler(vocabulary, filters=filters)
    rarity = None
    if labeler.filters.need_frequency or idf:
        frequency = DocumentFrequency.zeros(len(vocabulary))
        for captions in captions_of(sources, reading, progress, "counting labels in"):
            frequency += labeler.count(captions, threads=threads)
        vocabulary = vocabulary.with_document_frequency(frequency.counts)
        labeler = new_labeler(vocabulary, filters=filters, frequency_of=frequency)
        rarity = frequency.rarity() if idf else None
    file_labeler = FileLabeler(labeler, rarity=rarity, threads=threads)
    for source, output in zip(sources, outputs, strict=True):
        schema = extended_schema(source, fields, copy_columns=copy_columns)
        with (
            new_parquet(output, schema, overwrite=overwrite) as writer,
            progress(f"labelling {source.path.name}", source.num_rows) as advance,
        ):
            for batch in read_captions(
                source.with_images() if images and isinstance(source, Shard) else source,
                reading,
                only_captions=not copy_columns,
                image_column=find_images(source, image_column) if images else None,
                skipped=stats.skipped,
            ):
                began = time.perf_counter()
                of_rows = RowImages(batch, source.path, reading.bad_rows, threads=threads) if images else None
                columns = file_labeler.columns(batch, stats, phrases=phrases, images=of_rows)
                stats.label_seconds += time.perf_counter() - began
                writer.write(extended(batch, schema, columns))
                advance(len(batch))
            if stats.files == 0:  # no sooner, or the labels that are there would lose their names to a run that fails
                writer.finish()
                replace_vocabulary(vocabulary, out, outputs, overwrite=overwrite)
        stats.files += 1
    stats.seconds = time.perf_counter() - started
    return vocabulary, stats
