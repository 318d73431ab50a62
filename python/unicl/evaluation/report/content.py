"""The content of a report page: its table, curves and galleries, checked when they are made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
READING_HINT = (
    "Each row is one way to train the same model, for the same number of steps. All numbers are measured on images "
    "that the model has never seen. The best value of each column is marked."
)

Unit: TypeAlias = Literal["share", "seconds"]
"""The unit of a column. Shares are in [0, 1], shown in percent, and higher is better. Of seconds, lower is better."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One metric, which is a column of the table.

    Attributes:
        title: A few words, e.g. ``"R@1"``.
        group: A heading over neighbouring columns of one group, e.g. ``"image to text"``; empty for none.
        unit: ``"share"`` for values in [0, 1], shown in percent, of which higher is better. ``"seconds"`` for times
            >= 0, of which lower is better.
        meaning: One sentence for a newcomer, shown below the table; empty for none.

    Raises:
        ValueError: The unit is unknown.
    """

    title: str
    group: str = ""
    unit: Unit = "share"
    meaning: str = ""

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit):
            known = ", ".join(map(repr, get_args(Unit)))
            raise ValueError(f"expected unit to be one of {known}; got {self.unit!r}")


@dataclass(frozen=True, kw_only=True)
class Row:
    """The values of one objective, which are a row of the table.

    Attributes:
        objective: The name of the objective.
        values: One value a column. Several numbers, one a seed, are shown as their mean and sample standard deviation.
            None is a missing value.
        reference: Whether the row is only there to compare with, such as chance. It is never marked as best.
    """

    objective: str
    values: Sequence[float | Sequence[float] | None]
    reference: bool = False


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The model's guesses for one image.

    Attributes:
        image: The bytes of a PNG file.
        caption: The caption of the image.
        label: The true label.
        guesses: The most probable labels in order, each with its probability in [0, 1]; at least one.

    Raises:
        ValueError: The image is no PNG file, there is no guess, or a probability is out of range.
    """

    image: bytes
    caption: str
    label: str
    guesses: Sequence[tuple[str, float]]

    def __post_init__(self) -> None:
        _check_png(self.image, self.caption)
        if not self.guesses:
            raise ValueError(f"{self.caption!r}: expected at least one guess, a (label, probability); got none")
        for label, probability in self.guesses:
            if not 0 <= probability <= 1:
                raise ValueError(f"{self.caption!r}, {label!r}: expected a probability in [0, 1]; got {probability}")

    @property
    def correct(self) -> bool:
        """Whether the first guess is the true label."""
        return self.guesses[0][0] == self.label


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A phrase of a caption.

    Attributes:
        start: The index of its first character, from 0.
        end: The index after its last character.
        label: The label of the phrase, or None if it was found and dropped.
    """

    start: int
    end: int
    label: str | None


@dataclass(frozen=True, kw_only=True)
class LabelledCaption:
    """A caption and the phrases that the labeler found in it.

    Attributes:
        caption: The text.
        phrases: The phrases, in any order; they must not overlap.
        image: The bytes of a PNG file, or None.

    Raises:
        ValueError: The image is no PNG file, or a phrase is empty, outside the caption or over another.
    """

    caption: str
    phrases: Sequence[Phrase]
    image: bytes | None = None

    def __post_init__(self) -> None:
        if self.image is not None:
            _check_png(self.image, self.caption)
        last = 0
        for phrase in sorted(self.phrases, key=lambda phrase: phrase.start):
            if not last <= phrase.start < phrase.end <= len(self.caption):
                raise ValueError(
                    f"{self.caption!r}: expected phrases that are not empty, do not overlap and lie inside its "
                    f"{len(self.caption)} characters; got [{phrase.start}, {phrase.end}) after {last}"
                )
            last = phrase.end


@dataclass(frozen=True, kw_only=True)
class Report:
    """One page: a table of objectives, loss curves and two galleries.

    Every text is shown as it is, never as markup.

    Attributes:
        title: The heading.
        subtitle: One sentence below the heading.
        columns: The metrics.
        rows: The objectives, in the order shown.
        curves: By objective, pairs of a step and its training loss in nats. Steps ascend. Long curves are thinned when
            they are drawn.
        predictions: About 24 held-out images, picked without looking at the answers.
        captions: About 24 captions.
        settings: The settings of the run, by name.
        notes: Sentences with surprises, caveats, and how the images were picked.
        licence: The source of the images and their licence.
        reading_hint: The sentences that a newcomer needs to read the table.

    Raises:
        ValueError: The table is empty, two rows have one name, or a row does not fit the columns. Or a value or a curve
            is not finite or out of range. The message names the objective and the metric.
    """

    title: str
    subtitle: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    curves: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    predictions: Sequence[Prediction] = ()
    captions: Sequence[LabelledCaption] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    licence: str = ""
    reading_hint: str = READING_HINT

    def __post_init__(self) -> None:
        if not self.rows or not self.columns:
            raise ValueError(
                "expected a table of at least one row and one column; "
                f"got {len(self.rows)} rows and {len(self.columns)} columns"
            )
        names = [row.objective for row in self.rows]
        for row in self.rows:
            if names.count(row.objective) > 1:
                raise ValueError(f"expected rows with different names; got {row.objective!r} twice")
            if len(row.values) != len(self.columns):
                raise ValueError(
                    f"{row.objective}: expected {len(self.columns)} values, one a column; got {len(row.values)}"
                )
            for column, value in zip(self.columns, row.values, strict=True):
                _check_value(row.objective, column, value)
        for objective, curve in self.curves.items():
            _check_curve(objective, curve)


def _check_png(image: bytes, caption: str) -> None:
    if not image.startswith(PNG_SIGNATURE):
        raise ValueError(f"{caption!r}: expected the bytes of a PNG file as image; got bytes that begin {image[:8]!r}")


def _check_value(objective: str, column: Column, value: float | Sequence[float] | None) -> None:
    if value is None:
        return
    numbers = [value] if isinstance(value, int | float) else list(value)
    name = f"{column.group}, {column.title}" if column.group else column.title
    if not numbers:
        raise ValueError(f"{objective}, {name}: expected at least one number; got none: give None for a missing value")
    for number in numbers:
        if column.unit == "share" and not 0 <= number <= 1:
            raise ValueError(f"{objective}, {name}: expected a share in [0, 1]; got {number}")
        if column.unit == "seconds" and not 0 <= number < math.inf:
            raise ValueError(f"{objective}, {name}: expected finite seconds >= 0; got {number}")


def _check_curve(objective: str, curve: Sequence[tuple[int, float]]) -> None:
    if not curve:
        raise ValueError(f"{objective}: expected a loss curve of at least one step; got none: remove it from curves")
    last = -math.inf
    for step, loss in curve:
        if not math.isfinite(loss):
            raise ValueError(f"{objective}, loss at step {step}: expected a finite number; got {loss}")
        if step <= last:
            raise ValueError(f"{objective}: expected a loss curve with ascending steps; got {step} after {last}")
        last = step
