"""The table of objectives, for the terminal and for the page: its columns, its rows and its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unicl.evaluation import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unicl.demo.evaluate import Scores

COLUMNS = (
    Column(title="subgroups", group="zero-shot", meaning="The nearest of 98 subgroups is the right one."),
    Column(
        title="per class",
        group="zero-shot",
        meaning="The same share within each subgroup, averaged over the subgroups.",
    ),
    Column(title="groups", group="zero-shot", meaning="The nearest subgroup is in the right one of 9 groups."),
    Column(title="R@1", group="image to text", meaning="The image's caption is the nearest of all held-out captions."),
    Column(title="R@5", group="image to text"),
    Column(title="R@10", group="image to text"),
    Column(title="R@1", group="text to image", meaning="The caption's image is the nearest of all held-out images."),
    Column(title="R@5", group="text to image"),
    Column(title="R@10", group="text to image"),
    Column(title="training", unit="seconds", meaning="The training time."),
)


def table_row(scores: Scores) -> list[float]:
    """Gives the shares of one row, in the order of ``COLUMNS``."""
    zero_shot = [scores.subgroup_accuracy, scores.subgroup_accuracy_per_class, scores.group_accuracy]
    return [*zero_shot, *scores.image_to_text.values(), *scores.text_to_image.values()]


def format_table(rows: Mapping[str, tuple[Scores, float]]) -> str:
    """Formats a plain-text table in percent, one row an objective.

    Args:
        rows: By objective, its scores and its training time in seconds.

    Example:
        >>> from unicl.demo.evaluate import Scores
        >>> recall = {1: 0.1, 5: 0.2, 10: 0.3}
        >>> scores = Scores(subgroup_accuracy=0.4, subgroup_accuracy_per_class=0.2, group_accuracy=0.6,
        ...     image_to_text=recall, text_to_image=recall)
        >>> print(format_table({"unicl": (scores, 61.4)}))
                                 zero-shot               image to text       text to image
        objective, %  subgroups  per class  groups   R@1    R@5   R@10   R@1    R@5   R@10  training, s
        unicl              40.0       20.0    60.0  10.0   20.0   30.0  10.0   20.0   30.0           61
    """
    width = max(len("objective, %"), *map(len, rows))
    widths = [9, 9, 6, 4, 5, 5, 4, 5, 5, 11]
    groups = {column.group: 0 for column in COLUMNS}
    for column, cell in zip(COLUMNS, widths, strict=True):
        groups[column.group] += cell + 2
    heading = " " * width + "".join(f"{group:^{size}}" for group, size in groups.items())
    titles = "".join(
        f"  {column.title + (', s' if column.unit == 'seconds' else ''):>{cell}}"
        for column, cell in zip(COLUMNS, widths, strict=True)
    )
    lines = [heading.rstrip(), "objective, %".ljust(width) + titles]
    for name, (scores, seconds) in rows.items():
        cells = [f"{100 * value:.1f}" for value in table_row(scores)] + [f"{seconds:.0f}"]
        lines.append(name.ljust(width) + "".join(f"  {cell:>{size}}" for cell, size in zip(cells, widths, strict=True)))
    return "\n".join(lines)
