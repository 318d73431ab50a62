"""The phrases of the captions of files, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unicl.engines.captions import read_captions
from unicl.engines.counting import MAX_NAMES, PhraseCounter
from unicl.engines.inputs import find_inputs, open_source
from unicl.engines.progress import Progress, no_progress
from unicl.engines.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from unicl.text import PosTagger


def captions_of(paths: Sequence[Path], reading: Reading, progress: Progress, title: str) -> Iterator[pa.Array]:
    """The captions of files, in batches, bad rows left out; ``progress`` is told."""
    for path in paths:
        source = open_source(path, reading)
        with progress(f"{title} {path.name}", source.num_rows) as advance:
            for batch in read_captions(source, reading, only_captions=True):
                yield batch.good_captions()
                advance(len(batch))


def count_phrases(
    inputs: Sequence[str | Path],
    *,
    reading: Reading | None = None,
    tagger: PosTagger | None = None,
    grammar: str | None = None,
    max_names: int = MAX_NAMES,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> PhraseCounter:
    """Counts the noun phrases of the captions of files, to mine a vocabulary from.

    Args:
        inputs: Files, or folders of files; see :mod:`unicl.engines`.
        reading: How the captions are read; None: ``Reading()``.
        tagger: The tagger; None for the package's own weights.
        grammar: The noun-phrase grammar; None for that of :func:`unicl.text.find_noun_phrases`.
        max_names: How many names are remembered; see :class:`PhraseCounter`.
        threads: How many threads to use; None for all cores.
        progress: Is told how many captions are done.

    Raises:
        FileNotFoundError: An input is missing.
        ValueError: A file is malformed, its column is not found, or a row is bad. The message names file and row.
    """
    counter = PhraseCounter(tagger=tagger, grammar=grammar, max_names=max_names, threads=threads)
    reading = Reading() if reading is None else reading
    for captions in captions_of(find_inputs(inputs), reading, progress, "counting phrases in"):
        counter.add(captions)
    return counter
