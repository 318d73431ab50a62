"""Shows what a run of ``unicl label`` wrote: the most frequent labels, some captions, and how many are not English."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from unicl.cli.drawing import printable
from unicl.cli.language import share_not_english
from unicl.files import caption_column, open_source
from unicl.labels import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from unicl.labels import LabelVocabulary

MOST_FREQUENT, EXAMPLES, SAMPLE, WIDTH, NOTABLE_SHARE = 10, 3, 10_000, 80, 0.1


def show_labels(outputs: Sequence[Path], vocabulary: LabelVocabulary, *, column: str | None) -> None:
    """Writes the summary to stdout, and a warning to stderr if a tenth of the captions or more are not English.

    The counts are of all outputs. The captions are the first 10,000 of them, if the outputs have a column of captions.

    Args:
        outputs: The outputs of the run.
        vocabulary: Its vocabulary.
        column: The column with the captions; None: the usual ones.
    """
    counts = np.zeros(len(vocabulary), np.int64)
    for path in outputs:
        for batch in pq.ParquetFile(path).iter_batches(columns=[LABELS]):
            counts += np.bincount(batch.column(0).flatten(), minlength=len(counts))
    frequent = [label for label in np.argsort(-counts, kind="stable")[:MOST_FREQUENT].tolist() if counts[label]]
    rows = list(itertools.islice(_rows(outputs, column), SAMPLE))
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
        try:
            name = caption_column(open_source(path), column)
        except ValueError:  # the columns of the input were not copied
            continue
        for batch in pq.ParquetFile(path).iter_batches(batch_size=1024, columns=[name, LABELS]):
            yield from zip(batch[name].to_pylist(), batch[LABELS].to_pylist(), strict=True)


def _cut(caption: str) -> str:
    return caption if len(caption) <= WIDTH else caption[: WIDTH - 3] + "..."
