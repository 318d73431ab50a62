"""The captions of files, to count in, and to mine a vocabulary from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unicl.files import Reading, find_inputs, open_source, read_captions
from unicl.jobs.run import Progress, no_progress
from unicl.labels import MAX_NAMES, MiningLimits, PhraseCounter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from unicl.files import Source
    from unicl.labels import LabelVocabulary
    from unicl.phrases import PosTagger


def captions_of(sources: Iterable[Source], reading: Reading, progress: Progress, title: str) -> Iterator[pa.Array]:
    """The captions of files, in batches, bad rows left out; ``progress`` is told."""
    for source in sources:
        with progress(f"{title} {source.path.name}", source.num_rows) as advance:
            for batch in read_captions(source, reading, only_captions=True):
                yield batch.good_captions()
                advance(len(batch))


def mine_vocabulary(
    inputs: Sequence[str | Path],
    *,
    min_document_frequency: float = 2,
    max_document_frequency: float = 1.0,
    top_k: int | None = None,
    reading: Reading | None = None,
    tagger: PosTagger | None = None,
    grammar: str | None = None,
    max_names: int = MAX_NAMES,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> tuple[LabelVocabulary, PhraseCounter]:
    """Mines a vocabulary from the captions of files: what :meth:`unicl.LabelVocabulary.mine` gives for all of them.

    Args:
        inputs: Files, or folders of files; see :mod:`unicl.files`.
        min_document_frequency: In how many captions a name must be at least. An int is a number of captions, a float a
            share of all, in [0, 1].
        max_document_frequency: In how many it may be at most, likewise; 1.0 sets no limit.
        top_k: Keep only that many, the most frequent.
        reading: How the captions are read; None: ``Reading()``.
        tagger: The tagger; None for the package's own weights.
        grammar: The noun-phrase grammar; None for that of :func:`unicl.phrases.find_noun_phrases`.
        max_names: How many names are remembered; see :class:`PhraseCounter`.
        threads: How many threads to use; None for all cores.
        progress: Is told how many captions are done.

    Returns:
        The vocabulary, with a label or more, and what was counted.

    Raises:
        FileNotFoundError: An input is missing.
        ValueError: A limit is out of range, which is told before anything is read; a file is malformed, its column is
            not found, or a row is bad (the message names file and row); no name is within the limits.
    """
    limits = MiningLimits(  # a bad limit is refused before hours of work
        min_document_frequency=min_document_frequency, max_document_frequency=max_document_frequency, top_k=top_k
    )
    counter = PhraseCounter(tagger=tagger, grammar=grammar, max_names=max_names, threads=threads)
    reading = Reading() if reading is None else reading
    sources = (open_source(path, reading) for path in find_inputs(inputs))
    for captions in captions_of(sources, reading, progress, "counting phrases in"):
        counter.add(captions)
    vocabulary = counter.vocabulary(limits)
    if len(vocabulary) == 0:
        raise ValueError(
            f"no label can be mined: no noun phrase of the {counter.captions} captions is within "
            f"min_document_frequency={min_document_frequency} and max_document_frequency={max_document_frequency}; "
            "lower the first, raise the second, or give a vocabulary"
        )
    return vocabulary, counter
