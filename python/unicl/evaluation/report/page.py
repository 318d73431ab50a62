"""The report page: a report as one HTML file, from the template and the values that fill it."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from pathlib import Path

from unicl.evaluation.report.content import Column, LabelledCaption, Report, Row
from unicl.evaluation.report.curves import COLORS, draw_curves, series_dashes, smooth, thin
from unicl.files import render_page, write_text

TEMPLATE = "report.html.jinja"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A value as the table shows it.

    Attributes:
        text: The mean; "" for a missing value.
        spread: The standard deviation over seeds. "" for one seed, None if the whole column has one seed.
        best: Whether it is the best of its column.
    """

    text: str
    spread: str | None
    best: bool


@dataclass(frozen=True, kw_only=True)
class Series:
    """A line of the legend: its name, colour number, SVG dash pattern, and the smoothed loss at the last step."""

    name: str
    color: int
    dashes: str
    final_loss: float


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of a caption. ``label`` is None outside phrases and in dropped phrases."""

    text: str
    phrase: bool
    label: str | None


def write_report(report: Report, path: str | os.PathLike[str]) -> None:
    """Writes the page of a report. A reader sees the whole page or none.

    The page is one HTML file that loads nothing from elsewhere. It contains its images, its curves are SVG, and it has
    no script.

    Args:
        report: The content.
        path: The file; an existing file is replaced.

    Raises:
        OSError: The folder is missing (``FileNotFoundError``) or cannot be written to (``PermissionError``); the
            message names it.
        ModuleNotFoundError: jinja2 or matplotlib is missing; the message tells how to install it.

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
    page, path = render_report(report), Path(path)
    try:
        write_text(path, page)
    except OSError as error:
        raise OSError(error.errno, f"cannot write the report: {error.strerror}", str(path)) from error


def render_report(report: Report) -> str:
    """Renders the report as one self-contained HTML page.

    Raises:
        ModuleNotFoundError: jinja2 or matplotlib is missing; the message tells how to install it.
    """
    return render_page(
        resources.files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8"),
        name="the report page",
        report=report,
        headings=[
            (group, len(list(columns))) for group, columns in groupby(report.columns, key=lambda column: column.group)
        ],
        table=list(zip(report.rows, table_cells(report.columns, report.rows), strict=True)),
        several_seeds=any(
            not isinstance(value, int | float | None) and len(value) > 1 for row in report.rows for value in row.values
        ),
        series=legend(report),
        wide_curves=draw_curves(report.curves, width=11.0, height=4.2) if report.curves else "",
        narrow_curves=draw_curves(report.curves, width=4.6, height=3.6) if report.curves else "",
        right=sum(prediction.correct for prediction in report.predictions),
        captions=[(caption, caption_segments(caption)) for caption in report.captions],
    )


def table_cells(columns: Sequence[Column], rows: Sequence[Row]) -> list[list[Cell]]:
    """Makes the cells of the table, row by row.

    The best value of a column is marked wherever it is shown, so two values that look the same are both marked. Rows
    for reference are not marked. A column is not marked if fewer than two other rows have a value.
    """
    cells: list[list[Cell]] = [[] for _ in rows]
    for position, column in enumerate(columns):
        scale = 100.0 if column.unit == "share" else 1.0
        numbers = [_numbers(row.values[position], scale) for row in rows]
        means = [f"{statistics.fmean(several):.1f}" if several else "" for several in numbers]
        rivals = [mean for mean, row in zip(means, rows, strict=True) if mean and not row.reference]
        pick = max if column.unit == "share" else min
        best = pick(rivals, key=float) if len(rivals) > 1 else None
        for row, several, mean, shown in zip(rows, numbers, means, cells, strict=True):
            one_seed = "" if any(len(others) > 1 for others in numbers) else None
            spread = f"{statistics.stdev(several):.1f}" if len(several) > 1 else one_seed
            shown.append(Cell(text=mean, spread=spread, best=mean == best and not row.reference))
    return cells


def legend(report: Report) -> list[Series]:
    """Makes the legend: one line a curve, in the order drawn."""
    return [
        Series(
            name=name,
            color=number % COLORS,
            dashes=" ".join(f"{length:g}" for length in series_dashes(number)),
            final_loss=float(smooth(thin(curve)[:, 1])[-1]),
        )
        for number, (name, curve) in enumerate(report.curves.items())
    ]


def caption_segments(caption: LabelledCaption) -> list[Segment]:
    """Cuts the caption at its phrases. The joined texts of all segments are the caption."""
    segments, last = [], 0
    for phrase in sorted(caption.phrases, key=lambda phrase: phrase.start):
        segments.append(Segment(text=caption.caption[last : phrase.start], phrase=False, label=None))
        segments.append(Segment(text=caption.caption[phrase.start : phrase.end], phrase=True, label=phrase.label))
        last = phrase.end
    segments.append(Segment(text=caption.caption[last:], phrase=False, label=None))
    return [segment for segment in segments if segment.text]


def _numbers(value: float | Sequence[float] | None, scale: float) -> list[float]:
    """Gives the scaled numbers of a value, one a seed."""
    if value is None:
        return []
    return [scale * number for number in ([value] if isinstance(value, int | float) else value)]
