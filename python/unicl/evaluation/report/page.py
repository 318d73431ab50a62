"""A report as HTML: what the template is given, and the template filled."""

from __future__ import annotations

import base64
import statistics
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from typing import TYPE_CHECKING

from unicl.evaluation.report.curves import COLORS, draw_curves, series_dashes, smooth, thin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unicl.evaluation.report.content import Column, LabelledCaption, Report, Row

TEMPLATE = "report.html.jinja"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A value as shown.

    Attributes:
        text: The mean; "" for none.
        spread: The standard deviation over seeds; "" for one seed, None where the whole column has one.
        best: It is the best of its column.
    """

    text: str
    spread: str | None
    best: bool


@dataclass(frozen=True, kw_only=True)
class Series:
    """A line of the legend: name, colour number, SVG dash pattern, and the smoothed loss at the last step."""

    name: str
    color: int
    dashes: str
    final_loss: float


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of a caption; ``label`` is None outside phrases and in dropped ones."""

    text: str
    phrase: bool
    label: str | None


def render_page(report: Report) -> str:
    """The report as one self-contained HTML page.

    Raises:
        ModuleNotFoundError: jinja2 or matplotlib is missing; says how to install it.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"the report page needs {error.name}: pip install 'unicl-rs[demo]'") from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["data_uri"] = png_data_uri
    template = environment.from_string(resources.files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8"))
    return template.render(
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
    """The table as shown, row by row.

    The best value of a column is marked wherever it is shown, so that two that look the same are both marked; rows for
    reference are not marked, and nothing is where fewer than two others have a value.
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
            alone = "" if any(len(others) > 1 for others in numbers) else None
            spread = f"{statistics.stdev(several):.1f}" if len(several) > 1 else alone
            shown.append(Cell(text=mean, spread=spread, best=mean == best and not row.reference))
    return cells


def legend(report: Report) -> list[Series]:
    """One line a curve, in the order drawn."""
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
    """The caption cut at its phrases: the texts of all segments, joined, are the caption."""
    segments, last = [], 0
    for phrase in sorted(caption.phrases, key=lambda phrase: phrase.start):
        segments.append(Segment(text=caption.caption[last : phrase.start], phrase=False, label=None))
        segments.append(Segment(text=caption.caption[phrase.start : phrase.end], phrase=True, label=phrase.label))
        last = phrase.end
    segments.append(Segment(text=caption.caption[last:], phrase=False, label=None))
    return [segment for segment in segments if segment.text]


def png_data_uri(picture: bytes) -> str:
    """The picture as an address that holds the picture itself."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"


def _numbers(value: float | Sequence[float] | None, scale: float) -> list[float]:
    if value is None:
        return []
    return [scale * number for number in ([value] if isinstance(value, int | float) else value)]
