"""What a report page shows, checked when it is made, and the way it gets to disk."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from unicl.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
READING_HINT = (
    "Each row is one way to train the same model, for the same number of steps. All numbers are measured on pictures "
    "the model has never seen. In each column the best value is marked."
)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One metric.

    Attributes:
        title: A few words, e.g. ``"R@1"``.
        group: A heading over neighbouring columns that share it, e.g. ``"image to text"``; empty for none.
        unit: ``"share"``: in [0, 1], shown in percent, higher is better. ``"seconds"``: >= 0, lower is better.
        meaning: One sentence for a newcomer, shown below the table; empty for none.
    """

    title: str
    group: str = ""
    unit: Literal["share", "seconds"] = "share"
    meaning: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one objective reached.

    Attributes:
        objective: Its name.
        values: One a column: a number; several numbers, one a seed, of which mean and sample standard deviation are
            shown; or None where there is none.
        reference: The row is something to compare with, such as chance: shown, and never marked as best.
    """

    objective: str
    values: Sequence[float | Sequence[float] | None]
    reference: bool = False


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What the model says of one picture.

    Attributes:
        picture: A PNG file's bytes.
        caption: What the picture shows.
        label: The true label.
        guesses: The first labels, most probable first, each with its probability in [0, 1]; at least one.
    """

    picture: bytes
    caption: str
    label: str
    guesses: Sequence[tuple[str, float]]

    def __post_init__(self) -> None:
        _check_png(self.picture, self.caption)
        if not self.guesses:
            raise ValueError(
                f"the prediction for {self.caption!r} has no guesses: give at least one (label, probability)"
            )
        for label, probability in self.guesses:
            if not 0 <= probability <= 1:
                raise ValueError(f"{self.caption!r}, {label!r}: a probability must be in [0, 1], got {probability}")

    @property
    def correct(self) -> bool:
        """Whether the first guess is the true label."""
        return self.guesses[0][0] == self.label


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A stretch of a caption.

    Attributes:
        start: Its first character, from 0.
        end: One past its last character.
        label: The label it was given, or None where it was found and dropped.
    """

    start: int
    end: int
    label: str | None


@dataclass(frozen=True, kw_only=True)
class LabelledCaption:
    """A caption and what the labeler found in it.

    Attributes:
        caption: The text.
        phrases: In any order; they must not overlap.
        picture: A PNG file's bytes, or None.
    """

    caption: str
    phrases: Sequence[Phrase]
    picture: bytes | None = None

    def __post_init__(self) -> None:
        if self.picture is not None:
            _check_png(self.picture, self.caption)
        last = 0
        for phrase in sorted(self.phrases, key=lambda phrase: phrase.start):
            if not last <= phrase.start < phrase.end <= len(self.caption):
                raise ValueError(
                    f"{self.caption!r}: phrases must be non-empty, inside its {len(self.caption)} characters and "
                    f"must not overlap, got [{phrase.start}, {phrase.end}) after {last}"
                )
            last = phrase.end


@dataclass(frozen=True, kw_only=True)
class Report:
    """One page: a table of objectives, loss curves and two galleries.

    Every text is shown as it is, never as markup.

    Attributes:
        title: The heading.
        subtitle: One sentence below it.
        columns: The metrics.
        rows: The objectives, in the order shown.
        curves: objective -> (step, training loss in nats), steps ascending; long ones are thinned when drawn.
        predictions: About 24 held-out pictures, picked without looking at the answers.
        captions: About 24 captions.
        settings: What the run was told, name -> value.
        notes: Sentences: surprises, caveats, how pictures were picked.
        licence: Where the pictures come from and under which licence.
        reading_hint: What a newcomer must know to read the table.

    Raises:
        ValueError: An empty table, two rows of one name, a row that does not fit the columns, a value that is not
        finite or out of
            range, or a curve that is; names the objective and the metric.
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
                "the table needs at least one row and one column, "
                f"got {len(self.rows)} rows and {len(self.columns)} columns"
            )
        names = [row.objective for row in self.rows]
        for row in self.rows:
            if names.count(row.objective) > 1:
                raise ValueError(f"two rows are called {row.objective!r}: give each its own name")
            if len(row.values) != len(self.columns):
                raise ValueError(
                    f"{row.objective}: wanted {len(self.columns)} values, one a column, got {len(row.values)}"
                )
            for column, value in zip(self.columns, row.values, strict=True):
                _check_value(row.objective, column, value)
        for objective, curve in self.curves.items():
            _check_curve(objective, curve)


def write_report(report: Report, path: str | os.PathLike[str]) -> None:
    """Writes the page, whole or not at all: it is written beside ``path`` and then renamed over it.

    The page is one HTML file that asks for nothing from elsewhere: pictures are in it, curves are SVG, there is no
    script.

    Args:
        report: What to show.
        path: The file; one that exists is replaced.

    Raises:
        OSError: The folder is missing (``FileNotFoundError``) or cannot be written to (``PermissionError``); the
        message names it.
        ModuleNotFoundError: jinja2 or matplotlib is missing; says how to install it.

    Example:
        >>> import tempfile
        >>> report = Report(
        ...     title="A run", subtitle="", columns=[Column(title="top-1")], rows=[Row(objective="unicl", values=[0.5])]
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report(report, Path(folder, "report.html"))
        ...     Path(folder, "report.html").read_text(encoding="utf-8")[:15]
        '<!doctype html>'
    """
    from unicl.evaluation.report.page import render_page

    page, path = render_page(report), Path(path)
    try:
        write_text(path, page)
    except OSError as error:
        raise OSError(error.errno, f"cannot write the report: {error.strerror}", str(path)) from error


def _check_png(picture: bytes, caption: str) -> None:
    if not picture.startswith(PNG_SIGNATURE):
        raise ValueError(
            f"the picture of {caption!r} must be the bytes of a PNG file, got ones that begin {picture[:8]!r}"
        )


def _check_value(objective: str, column: Column, value: float | Sequence[float] | None) -> None:
    if value is None:
        return
    numbers = [value] if isinstance(value, int | float) else list(value)
    name = f"{column.group}, {column.title}" if column.group else column.title
    if not numbers:
        raise ValueError(f"{objective}, {name}: got no numbers; give None for a missing value")
    for number in numbers:
        if column.unit == "share" and not 0 <= number <= 1:
            raise ValueError(f"{objective}, {name}: wanted a share in [0, 1], got {number}")
        if column.unit == "seconds" and not 0 <= number < math.inf:
            raise ValueError(f"{objective}, {name}: wanted finite seconds >= 0, got {number}")


def _check_curve(objective: str, curve: Sequence[tuple[int, float]]) -> None:
    if not curve:
        raise ValueError(f"{objective}: its loss curve is empty; leave it out of curves")
    last = -math.inf
    for step, loss in curve:
        if not math.isfinite(loss):
            raise ValueError(f"{objective}, loss at step {step}: wanted a finite number, got {loss}")
        if step <= last:
            raise ValueError(f"{objective}: the steps of its loss curve must ascend, got {step} after {last}")
        last = step
