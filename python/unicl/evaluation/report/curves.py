"""Loss curves as an SVG drawing that takes its colours from the page it stands in."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

DASHES: tuple[tuple[float, ...], ...] = ((), (6, 2), (2, 2), (8, 2, 2, 2))
"""Line patterns in points, one after another with the colours, so that colour is not the only difference."""
COLORS = 8
MOST_POINTS = 600
SMOOTHING_SHARE = 0.05
INK, MUTED, FIRST_SERIES = "#0000a0", "#0000a1", 0x0000B0
"""Colours no one sees: matplotlib writes them, and they are then replaced by the page's variables."""


def thin(curve: Sequence[tuple[int, float]], most: int = MOST_POINTS) -> NDArray[np.float64]:
    """The curve with at most ``most`` points, each the mean of neighbouring ones: (points, 2) of step and loss.

    Example:
        >>> thin([(1, 5.0), (2, 3.0), (3, 2.0), (4, 2.0)], most=2).tolist()
        [[1.5, 4.0], [3.5, 2.0]]
    """
    points = np.asarray(curve, dtype=np.float64)
    if len(points) <= most:
        return points
    size = -(-len(points) // most)  # equal parts, or the noise of one stretch would look unlike another's
    return np.stack([points[start : start + size].mean(axis=0) for start in range(0, len(points), size)])


def smooth(losses: NDArray[np.float64], share: float = SMOOTHING_SHARE) -> NDArray[np.float64]:
    """The centred moving average over ``share`` of the curve; at its ends, over as much of the window as there is.

    Example:
        >>> smooth(np.array([3.0, 0.0, 3.0, 0.0]), share=0.75).tolist()
        [1.5, 2.0, 1.0, 1.5]
    """
    half = int(len(losses) * share / 2)
    window, inside = np.ones(2 * half + 1), slice(half, half + len(losses))
    return np.convolve(losses, window)[inside] / np.convolve(np.ones_like(losses), window)[inside]


def draw_curves(curves: Mapping[str, Sequence[tuple[int, float]]], *, width: float, height: float) -> str:
    """Draws raw (pale) and smoothed losses by step.

    Uses matplotlib's objects without pyplot: no figure stays behind, and its settings are changed only for the time of
    the call. Line k has the colour ``var(--series-k)``, ``k`` modulo 8; axes and their text have ``var(--ink)`` and
    ``var(--muted)``.

    Args:
        curves: objective -> (step, loss in nats); at least one.
        width: In inches of 72 CSS pixels.
        height: Likewise.

    Returns:
        An ``<svg>`` element; the same input gives the same text.

    Raises:
        ModuleNotFoundError: matplotlib is missing; says how to install it.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"loss curves need {error.name}: pip install 'unicl-rs[demo]'") from error

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "unicl"}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for number, curve in enumerate(curves.values()):
            steps, losses = thin(curve).T
            color, dashes = series_color(number), series_dashes(number)
            axes.plot(steps, losses, color=color, linewidth=0.8, alpha=0.25)
            axes.plot(steps, smooth(losses), color=color, linewidth=1.8, linestyle=(0, dashes) if dashes else "-")
        axes.set_xlabel("step", color=INK)
        axes.set_ylabel("training loss (nats)", color=INK)
        axes.margins(x=0.01)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(MUTED)
        axes.tick_params(color=MUTED, labelcolor=MUTED)
        axes.grid(axis="y", color=MUTED, alpha=0.2, linewidth=0.6)
        drawing = StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(drawing, format="svg", transparent=True, metadata=nothing)
    svg = drawing.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "var(--ink)").replace(MUTED, "var(--muted)")
    for number in range(COLORS):
        svg = svg.replace(series_color(number), f"var(--series-{number})")
    return svg


def series_color(number: int) -> str:
    """The colour that stands for ``var(--series-k)`` while matplotlib draws."""
    return f"#{FIRST_SERIES + number % COLORS:06x}"


def series_dashes(number: int) -> tuple[float, ...]:
    """The line pattern of a series, in points; empty for a solid line."""
    return DASHES[number % len(DASHES)]
