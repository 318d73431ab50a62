"""Looks at sources before training: reads a sample of the rows of each, or all, and counts what is in them."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unicl.data.order import SampleOrder
from unicl.data.overview.content import Example, Overview
from unicl.data.overview.images import inspect_image
from unicl.data.overview.labelling import Labelling
from unicl.data.overview.tally import Tally
from unicl.data.sample import DescribedSource
from unicl.data.skipped_samples import BadSample, BadSampleError, good_caption
from unicl.files import BadImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from unicl.data.overview.images import ImageFacts
    from unicl.data.sample import Sample, Source
    from unicl.labels import LabelVocabulary

EXAMPLES, SHEET, BAD_SHOWN = 10, 40, 12
_AT_A_TIME = 32
"""How many images are in memory at once."""


def look_at_data(
    sources: Sequence[Source],
    *,
    rows: int | None = 1_000,
    seed: int = 0,
    vocabulary: LabelVocabulary | None = None,
    vocabulary_name: str = "the vocabulary",
    threads: int | None = None,
    advance: Callable[[int], object] = lambda _: None,
) -> Overview:
    """Counts what is in some sources.

    Every image that is read is decoded, at a fraction of its size where its format allows. So a bad one is found here
    and not in training. Memory does not grow with the rows.

    Args:
        sources: The sources.
        rows: How many rows of each source to read; None: all. Which ones, ``SampleOrder`` draws.
        seed: The seed of the draw, >= 0.
        vocabulary: The labels. None: the classes of all sources.
        vocabulary_name: Names the vocabulary.
        threads: How many threads decode images; None: one for each core.
        advance: Is called with the number of rows that were read since the last call.

    Raises:
        ModuleNotFoundError: The classes are wnids, and timm, which has their names, is not installed.
        ValueError: There is no source, a source has no rows, or ``rows`` or ``threads`` is less than 1.
        OSError: A file of a source can no longer be read.
    """
    if not sources:
        raise ValueError("expected one source or more; got none: name files or folders")
    if rows is not None and rows < 1:
        raise ValueError(f"expected rows >= 1; got {rows}: leave it out for all")
    if threads is not None and threads < 1:
        raise ValueError(f"expected threads >= 1; got {threads}")
    for source in sources:
        if len(source) == 0:
            raise ValueError(f"{source.name}: expected rows; got none")
    class_names = sorted({name for source in sources for name in source.class_names or ()})
    labelling = None
    if vocabulary is not None:
        labelling = Labelling(vocabulary, vocabulary_name)
    elif class_names and any(source.has_captions for source in sources):
        labelling = Labelling.of_classes(class_names)
    together, found, class_counts = Tally(labelling), [], list[Mapping[str, int] | None]()
    for source in sources:
        tally = Tally(labelling)
        tally.rows = len(source)
        drawn = _draw(tally.rows, rows, seed)
        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            shown = _read(source, tally, labelling, drawn, pool, advance)
        sheet = [shown.pop(row) for row in drawn.sheet]
        described = source if isinstance(source, DescribedSource) else None
        class_counts.append(described.class_counts() if described else None)
        found.append(
            tally.result(
                name=source.name,
                format=described.format if described else "",
                schema=described.schema if described else {},
                class_names=source.class_names or (),
                class_counts=class_counts[-1],
                examples=[each for each in sheet if not each.fault][:EXAMPLES],
                sheet=[*sheet, *shown.values()],
            )
        )
        together.merge(tally)
    if len(found) == 1:
        return Overview(sources=tuple(found), together=found[0], seed=seed)
    name = f"{len(sources)} sources together"
    known = [Counter(counts) for counts in class_counts if counts is not None]
    every = together.result(
        name=name,
        format="",
        schema={},
        class_names=class_names,
        class_counts=sum(known, Counter[str]()) if len(known) == sum(map(_has_classes, sources)) else None,
    )
    return Overview(sources=tuple(found), together=every, seed=seed)


def _has_classes(source: Source) -> bool:
    return source.class_names is not None


class _Drawn(NamedTuple):
    """The rows to read, ascending, and those of the contact sheet, in the order that they were drawn."""

    rows: Sequence[int]
    sheet: list[int]


def _draw(length: int, rows: int | None, seed: int) -> _Drawn:
    """Draws rows. All rows are read from front to back."""
    drawn = SampleOrder([length], seed=seed).take(np.arange(min(length, rows or SHEET)))[1]
    return _Drawn(range(length) if rows is None else np.sort(drawn).tolist(), drawn[:SHEET].tolist())


def _read(
    source: Source,
    tally: Tally,
    labelling: Labelling | None,
    drawn: _Drawn,
    pool: ThreadPoolExecutor,
    advance: Callable[[int], object],
) -> dict[int, Example]:
    """Reads and counts the rows; gives those of the contact sheet, and the first bad ones."""
    wanted, shown, bad = set(drawn.sheet), dict[int, Example](), 0
    for start in range(0, len(drawn.rows), _AT_A_TIME):
        rows = drawn.rows[start : start + _AT_A_TIME]
        looked = list(pool.map(lambda row, sample: _look(sample, thumbnail=row in wanted), rows, source.take(rows)))
        captions = [caption for each in looked if isinstance(each, _Good) for caption in each.sample.captions]
        labels = iter(labelling.of_captions(captions) if labelling else [])
        for row, each in zip(rows, looked, strict=True):
            if isinstance(each, BadSample):
                tally.add_bad(each)
                bad += 1
                if row in wanted or bad <= BAD_SHOWN:
                    shown[row] = Example(key=each.key, fault=f"{each.reason}: {each.detail}")
                continue
            of_row = list(itertools.islice(labels, len(each.sample.captions)))
            tally.add(each.sample, each.image, of_row)
            if row in wanted:
                shown[row] = _example(each, labelling, of_row)
        advance(len(rows))
    return shown


class _Good(NamedTuple):
    """A row that can be used."""

    sample: Sample
    image: ImageFacts


def _look(sample: Sample | BadSample, *, thumbnail: bool) -> _Good | BadSample:
    """Looks at a row as training will: its captions must be text, and its image must decode."""
    if isinstance(sample, BadSample):
        return sample
    try:
        for caption in filter(str.strip, sample.captions):
            good_caption(caption)
        return _Good(sample, inspect_image(sample.image, thumbnail=thumbnail))
    except (BadImageError, BadSampleError) as error:
        return BadSample(f"{sample.source}, {sample.key}" if sample.source else sample.key, error.reason, error.detail)


def _example(good: _Good, labelling: Labelling | None, labels: list[list[int]]) -> Example:
    names = [labelling.names[label] for of_caption in labels for label in of_caption] if labelling else []
    return Example(
        key=good.sample.key,
        captions=good.sample.captions,
        classes=good.sample.classes,
        labels=tuple(dict.fromkeys(names)),
        width=good.image.width,
        height=good.image.height,
        thumbnail=good.image.thumbnail,
    )
