"""Counts the rows of a source: kinds, captions, classes, labels, images, repetitions, bad rows."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeAlias

from unicl.data.overview.content import OWN_CLASSES, BadRows, ClassCounts, LabelCoverage, SourceOverview, Spread
from unicl.data.overview.repetitions import Repetitions
from unicl.text import looks_english

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from unicl.data.overview.content import Example
    from unicl.data.overview.images import ImageFacts
    from unicl.data.overview.labelling import Labelling
    from unicl.data.sample import Sample
    from unicl.data.skipped_samples import BadSample

Counts: TypeAlias = dict[Any, int | float]
"""How often each value was met; of all sources together, estimates."""
KINDS = ("captions alone", "classes alone", "both", "neither")
NAMED = 3
LISTED = 10


class Tally:
    """What was counted of the rows that were read.

    Each count is a table from a value to its number, so that the tables of sources can be added up by weight.

    Args:
        labelling: The labels of captions and classes, or None.
    """

    def __init__(self, labelling: Labelling | None) -> None:
        self._labelling = labelling
        self.rows = self.rows_read = self.blank = 0
        self.counts: defaultdict[str, Counts] = defaultdict(lambda: defaultdict(int))
        self.captions, self.images = Repetitions(), Repetitions()
        self._first_bad: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        self._foreign: list[str] = []

    def add(self, sample: Sample, image: ImageFacts, labels: Sequence[Sequence[int]]) -> None:
        """Counts a good row.

        Args:
            sample: The row.
            image: Its image.
            labels: For each caption, the ids of its labels; empty if there is no vocabulary.
        """
        counts = self.counts
        self.rows_read += 1
        counts["kind"][_kind(sample)] += 1
        if sample.captions:
            counts["captions"][len(sample.captions)] += 1
        for caption in sample.captions:
            self._add_caption(caption)
        for of_caption in labels:
            counts["labelled"][bool(of_caption)] += 1
            for label in set(of_caption):
                counts["label"][label] += 1
        for name in set(sample.classes):
            counts["class"][name] += 1
        counts["format"][image.format] += 1
        counts["width"][image.width] += 1
        counts["height"][image.height] += 1
        self.images.add(sample.image, sample.key)

    def add_bad(self, bad: BadSample) -> None:
        """Counts a row that cannot be used."""
        self.rows_read += 1
        self.counts["bad"][bad.reason] += 1
        first = self._first_bad[bad.reason]
        if len(first) < NAMED:
            first.append((bad.key, bad.detail))

    def merge(self, other: Tally) -> None:
        """Adds the counts of another source, in proportion to its rows. Bad and blank ones are counted, not scaled."""
        weight = 1 if other.rows_read == other.rows else other.rows / max(other.rows_read, 1)
        for name, counts in other.counts.items():
            for value, count in counts.items():
                self.counts[name][value] += count if name == "bad" else weight * count
        self.rows += other.rows
        self.rows_read += other.rows_read
        self.blank += other.blank
        self.captions.merge(other.captions)
        self.images.merge(other.images)
        for reason, first in other._first_bad.items():
            self._first_bad[reason] = [*self._first_bad[reason], *first][:NAMED]
        self._foreign = [*self._foreign, *other._foreign][:NAMED]

    def result(
        self,
        *,
        name: str,
        format: str,  # noqa: A002 - as the attribute is called
        schema: Mapping[str, str],
        class_names: Sequence[str],
        class_counts: Mapping[str, int] | None,
        examples: Sequence[Example] = (),
        sheet: Sequence[Example] = (),
    ) -> SourceOverview:
        """Gives what was counted.

        Args:
            name: The name of the source.
            format: Its format.
            schema: Its columns.
            class_names: All classes that it may have.
            class_counts: The rows of each class, if the source knows them; None: those that were read are counted.
            examples: Rows to show.
            sheet: Rows for the contact sheet.
        """
        told = {answer: self.counts["english"][answer] for answer in (True, False)}
        classes = None
        if class_names or self.counts["class"]:
            exact = class_counts is not None or self.rows_read == self.rows
            classes = _classes(class_names, class_counts or _rounded(self.counts["class"]), exact=exact)
        return SourceOverview(
            name=name,
            format=format,
            schema=dict(schema),
            rows=self.rows,
            rows_read=self.rows_read,
            kinds={kind: self._shares("kind").get(kind, 0.0) for kind in KINDS},
            captions_a_row=_spread(self.counts["captions"]),
            words=_spread(self.counts["words"]),
            word_counts=dict(sorted(self.counts["words"].items())),
            blank_captions=self.blank,
            classes=classes,
            labels=self._coverage(class_names),
            repeated_captions=self.captions.result(),
            repeated_images=self.images.result(),
            widths=_spread(self.counts["width"]),
            heights=_spread(self.counts["height"]),
            formats=self._shares("format"),
            not_english=told[False] / max(sum(told.values()), 1),
            foreign=tuple(self._foreign),
            bad=tuple(
                BadRows(reason=reason, count=int(count), first=tuple(self._first_bad[reason]))
                for reason, count in _descending(self.counts["bad"])
            ),
            examples=tuple(examples),
            sheet=tuple(sheet),
        )

    def _add_caption(self, caption: str) -> None:
        words = len(caption.split())
        self.counts["words"][words] += 1
        if not words:
            self.blank += 1
            return
        self.captions.add(caption.strip().encode(), caption)
        english = looks_english(caption)
        self.counts["english"][english] += 1
        if english is False and len(self._foreign) < NAMED and caption not in self._foreign:
            self._foreign.append(caption)

    def _shares(self, name: str) -> dict[str, float]:
        total = sum(self.counts[name].values())
        return {value: count / total for value, count in _descending(self.counts[name])}

    def _coverage(self, class_names: Sequence[str]) -> LabelCoverage | None:
        if self._labelling is None:
            return None
        labelled = self.counts["labelled"]
        captions = sum(labelled.values())
        is_own = self._labelling.name == OWN_CLASSES
        names = [] if is_own else sorted({*class_names, *self.counts["class"]})
        unmapped = self._labelling.unmapped(names)
        return LabelCoverage(
            vocabulary=self._labelling.name,
            number=len(self._labelling.names),
            captions=labelled[True] / captions if captions else None,
            frequent=tuple(
                (self._labelling.names[label], count / captions)
                for label, count in _descending(self.counts["label"])[:LISTED]
            ),
            classes=1 - len(unmapped) / len(names) if names else None,
            unmapped=tuple(unmapped[:LISTED]),
        )


def _kind(sample: Sample) -> str:
    has_captions, has_classes = bool(sample.captions), bool(sample.classes)
    return KINDS[2 if has_captions and has_classes else 0 if has_captions else 1 if has_classes else 3]


def _classes(names: Iterable[str], counts: Mapping[str, int], *, exact: bool) -> ClassCounts:
    every = sorted({*names, *counts})
    met = sorted((name for name in every if counts.get(name)), key=lambda name: -counts[name])
    empty = [name for name in every if not counts.get(name)]
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for name in every:
        alike[_spelling(name)].append(name)
    return ClassCounts(
        number=len(every),
        exact=exact,
        sizes=tuple(counts[name] for name in met),
        largest=tuple((name, counts[name]) for name in met[:LISTED]),
        smallest=tuple((name, counts[name]) for name in met[LISTED:][::-1][:LISTED]),
        empty=len(empty),
        first_empty=tuple(empty[:LISTED]),
        alike=tuple(tuple(group) for group in alike.values() if len(group) > 1),
    )


def _spelling(name: str) -> str:
    """Gives a class name without what two spellings of a name differ in."""
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", name).casefold()).strip()


def _rounded(counts: Counts) -> dict[str, int]:
    return {str(value): max(round(count), 1) for value, count in counts.items()}


def _descending(counts: Counts) -> list[tuple[Any, int | float]]:
    return sorted(counts.items(), key=lambda each: -each[1])


def _spread(counts: Counts) -> Spread | None:
    """Gives the spread of numbers from how often each occurs."""
    total = sum(counts.values())
    if not total:
        return None
    numbers = sorted(counts)
    below, median = 0.0, numbers[-1]
    for number in numbers:
        below += counts[number]
        if 2 * below >= total:
            median = number
            break
    mean = sum(number * count for number, count in counts.items()) / total
    return Spread(smallest=numbers[0], mean=mean, median=median, largest=numbers[-1])
