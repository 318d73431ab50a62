"""Shows what a run of ``unicl label`` wrote: the most frequent labels, some captions, and how many are not English."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unicl.cli.drawing import printable
from unicl.cli.ending import tell
from unicl.files import Reading, caption_column, open_source
from unicl.text import share_not_english

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from unicl.jobs import LabelStats
    from unicl.labels import LabelVocabulary

CLASS_COLUMNS = ("class", "classes")
"""Those of class folders and of COCO's JSON."""
MOST_FREQUENT, EXAMPLES, SAMPLE, WIDTH, NOTABLE_SHARE = 10, 3, 10_000, 80, 0.1


class LabelledColumns(NamedTuple):
    """Names of the columns of an output: the labels, the captions and the classes; None for the usual ones."""

    labels: str
    captions: str | None
    classes: str | None


def show_classes(stats: LabelStats) -> None:
    """Writes which classes mean no label, which share one, and what class folders have besides images, to stdout."""
    lines = []
    if stats.class_names:
        lines.append(f"classes: {stats.classes:,} rows with {stats.class_names:,} classes")
    if stats.unmapped_classes:
        rows = stats.unmapped_classes.total()
        named = _listed(f"{printable(_cut(name))} {rows:,}" for name, rows in stats.unmapped_classes.most_common())
        lines.append(f"without label: {len(stats.unmapped_classes):,} classes of {rows:,} rows: {named}")
    shared = sorted(stats.shared_classes.items(), key=lambda each: -len(each[1]))
    for label, names in shared[:EXAMPLES]:
        named = _listed(printable(_cut(name)) for name in names)
        lines.append(f"one label: {len(names):,} classes became {printable(label)}: {named}")
    if len(shared) > EXAMPLES:
        lines.append(f"one label: {len(shared) - EXAMPLES:,} more labels have several classes")
    lines += [f"not read: {count:,}, {kind}" for kind, count in stats.ignored.most_common(MOST_FREQUENT)]
    sys.stdout.writelines(f"{line}\n" for line in lines)


def show_labels(outputs: Sequence[Path], vocabulary: LabelVocabulary, columns: LabelledColumns) -> None:
    """Writes the summary to stdout, and a warning to stderr if a tenth of the captions or more are not English.

    The counts are of all outputs. The captions are the first 10,000 of them, if the outputs have a column of captions.
    A row without a caption is shown by its class.
    If another process has taken an output away, there is a warning in place of the summary: the work is done.

    Args:
        outputs: The outputs of the run.
        vocabulary: Its vocabulary.
        columns: The columns of the outputs.
    """
    counts = np.zeros(len(vocabulary), np.int64)
    try:
        for path in outputs:
            for batch in open_source(path).batches([columns.labels]):
                counts += np.bincount(batch.columns.column(0).flatten(), minlength=len(counts))
        rows = list(itertools.islice(_rows(outputs, columns), SAMPLE))
    except (OSError, ValueError) as error:
        tell(f"warning: expected the labels that were written, for the summary; got {error}")
        return
    frequent = [label for label in np.argsort(-counts, kind="stable")[:MOST_FREQUENT].tolist() if counts[label]]
    labelled = [(text, labels) for caption, shown, labels in rows if (text := shown or caption) and labels]
    lines = []
    if frequent:
        lines.append(
            "most frequent: " + ", ".join(f"{vocabulary.names[label]} {counts[label]:,}" for label in frequent)
        )
    for caption, labels in labelled[:: max(1, len(labelled) // EXAMPLES)][:EXAMPLES]:
        names = ", ".join(vocabulary.names[label] for label in labels)
        lines.append(f"for example: {printable(_cut(caption))} -> {names}")
    sys.stdout.writelines(f"{line}\n" for line in lines)
    share = share_not_english([caption for caption, _, _ in rows if caption])
    if share >= NOTABLE_SHARE:
        sys.stderr.write(
            f"warning: about {share:.0%} of the captions are not English; labels are found in English captions only\n"
        )


def _rows(
    outputs: Iterable[Path], columns: LabelledColumns
) -> Iterator[tuple[str | None, str | None, list[int] | None]]:
    """Gives the caption of each row, what is shown in its place if there is none, and the labels."""
    for path in outputs:
        source = open_source(path, Reading(batch_rows=1024))
        usual = [column for column in (columns.classes, *CLASS_COLUMNS) if column in source.schema.names]
        try:
            names = [caption_column(source, columns.captions), *usual[:1]]
        except ValueError:  # the columns of the input were not copied, or it has classes alone
            names = ["", *usual[:1]]
        if names == [""]:
            continue
        read = [*filter(None, names), columns.labels]
        for batch in source.batches(read):
            of_batch = batch.columns
            nothing = [None] * len(of_batch)
            captions, classes = (of_batch[name].to_pylist() if name else nothing for name in (*names, "")[:2])
            for caption, of_row, labels in zip(captions, classes, of_batch[columns.labels].to_pylist(), strict=True):
                yield caption, None if caption or not of_row else f"class {_text(of_row)}", labels


def _text(classes: object) -> str:
    return ", ".join(map(str, classes)) if isinstance(classes, list) else str(classes)


def _listed(names: Iterable[str]) -> str:
    first = list(itertools.islice(names, MOST_FREQUENT + 1))
    return ", ".join(first[:MOST_FREQUENT]) + (", ..." if len(first) > MOST_FREQUENT else "")


def _cut(caption: str) -> str:
    return caption if len(caption) <= WIDTH else caption[: WIDTH - 3] + "..."
