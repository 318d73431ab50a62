"""Loss curves as an SVG drawing that takes its colours from the page around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO

import numpy as np
from numpy.typing import NDArray

DASHES: tuple[tuple[float, ...], ...] = ((), (6.0, 2.0), (2.0, 2.0), (8.0, 2.0, 2.0, 2.0))
"""Line patterns in points. They change together with the colours, so that colour is not the only difference."""
COLORS = 8
MOST_POINTS = 600
SMOOTHING_SHARE = 0.05
INK, MUTED, FIRST_SERIES = "#0000a0", "#0000a1", 0x0000B0
"""Placeholder colours: matplotlib writes them, and the page's variables then replace them."""


def thin(curve: Sequence[tuple[int, float]], most: int = MOST_POINTS) -> NDArray[np.float64]:
    """Thins a curve to at most ``most`` points (step, loss), each the mean of neighbouring points.

    Example:
        >>> thin([(1, 5.0), (2, 3.0), (3, 2.0), (4, 2.0)], most=2).tolist()
        [[1.5, 4.0], [3.5, 2.0]]
    """
    points = np.asarray(curve, dtype=np.float64)
    if len(points) <= most:
        return points
    size = -(-len(points) // most)  # equal parts, so that the noise looks alike everywhere
    return np.stack([points[start : start + size].mean(axis=0) for start in range(0, len(points), size)])


def smooth(losses: NDArray[np.float64], share: float = SMOOTHING_SHARE) -> NDArray[np.float64]:
    """Computes the centred moving average over ``share`` of the curve. At its ends the window is cut off.

    Example:
        >>> smooth(np.array([3.0, 0.0, 3.0, 0.0]), share=0.75).tolist()
        [1.5, 2.0, 1.0, 1.5]
    """
    half = int(len(losses) * share / 2)
    window, inside = np.ones(2 * half + 1), slice(half, half + len(losses))
    return np.convolve(losses, window)[inside] / np.convolve(np.ones_like(losses), window)[inside]


def draw_curves(curves: Mapping[str, Sequence[tuple[int, float]]], *, width: float, height: float) -> str:
    """Draws the measured losses (pale) and the smoothed losses by step.

    It uses matplotlib's objects without pyplot, so no figure stays in memory. matplotlib's settings change only during
    the call. Line k has the colour ``var(--series-k)``, where k counts modulo 8. Axes and their text have the colours
    ``var(--ink)`` and ``var(--muted)``.

    Args:
        curves: By objective, pairs of a step and its loss in nats; at least one curve.
        width: The width in inches of 72 CSS pixels.
        height: The height in the same unit.

    Returns:
        An ``<svg>`` element. The same input gives the same text.

    Raises:
        ModuleNotFoundError: matplotlib is missing; the message tells how to install it.
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
    """Gives the placeholder colour of ``var(--series-k)`` while matplotlib draws."""
    return f"#{FIRST_SERIES + number % COLORS:06x}"


def series_dashes(number: int) -> tuple[float, ...]:
    """Gives the line pattern of a series in points; empty for a solid line."""
    return DASHES[number % len(DASHES)]
