"""Shows what a run of ``unicl label`` wrote: the most frequent labels, some captions, and how many are not English."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING

import numpy as np

from unicl.cli.drawing import printable
from unicl.cli.ending import tell
from unicl.cli.language import share_not_english
from unicl.files import Reading, caption_column, open_source
from unicl.labels import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from unicl.labels import LabelVocabulary

MOST_FREQUENT, EXAMPLES, SAMPLE, WIDTH, NOTABLE_SHARE = 10, 3, 10_000, 80, 0.1


def show_labels(outputs: Sequence[Path], vocabulary: LabelVocabulary, *, column: str | None) -> None:
    """Writes the summary to stdout, and a warning to stderr if a tenth of the captions or more are not English.

    The counts are of all outputs. The captions are the first 10,000 of them, if the outputs have a column of captions.
    If another process has taken an output away, there is a warning in place of the summary: the work is done.

    Args:
        outputs: The outputs of the run.
        vocabulary: Its vocabulary.
        column: The column with the captions; None: the usual ones.
    """
    counts = np.zeros(len(vocabulary), np.int64)
    try:
        for path in outputs:
            for batch in open_source(path).batches([LABELS]):
                counts += np.bincount(batch.columns.column(0).flatten(), minlength=len(counts))
        rows = list(itertools.islice(_rows(outputs, column), SAMPLE))
    except (OSError, ValueError) as error:
        tell(f"warning: expected the labels that were written, for the summary; got {error}")
        return
    frequent = [label for label in np.argsort(-counts, kind="stable")[:MOST_FREQUENT].tolist() if counts[label]]
    labelled = [(caption, labels) for caption, labels in rows if caption and labels]
    lines = []
    if frequent:
        lines.append(
            "most frequent: " + ", ".join(f"{vocabulary.names[label]} {counts[label]:,}" for label in frequent)
        )
    for caption, labels in labelled[:: max(1, len(labelled) // EXAMPLES)][:EXAMPLES]:
        names = ", ".join(vocabulary.names[label] for label in labels)
        lines.append(f"for example: {printable(_cut(caption))} -> {names}")
    sys.stdout.writelines(f"{line}\n" for line in lines)
    share = share_not_english([caption for caption, _ in rows if caption])
    if share >= NOTABLE_SHARE:
        sys.stderr.write(
            f"warning: about {share:.0%} of the captions are not English; labels are found in English captions only\n"
        )


def _rows(outputs: Iterable[Path], column: str | None) -> Iterator[tuple[str | None, list[int] | None]]:
    for path in outputs:
        source = open_source(path, Reading(batch_rows=1024))
        try:
            name = caption_column(source, column)
        except ValueError:  # the columns of the input were not copied
            continue
        for batch in source.batches([name, LABELS]):
            yield from zip(batch.columns[name].to_pylist(), batch.columns[LABELS].to_pylist(), strict=True)


def _cut(caption: str) -> str:
    return caption if len(caption) <= WIDTH else caption[: WIDTH - 3] + "..."
