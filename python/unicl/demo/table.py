"""The table of objectives, once for the terminal and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unicl.demo.evaluate import Scores

COLUMNS = {
    "subgroups": "zero-shot accuracy over the 98 subgroups",
    "groups": "zero-shot accuracy over the 9 groups, through the prompts of their subgroups",
    "group names": "zero-shot accuracy over the 9 groups, by prompts of their own names, which no objective has as classes",
    "I->T R@1": "recall at 1, image to text",
    "R@5": "recall at 5, image to text",
    "R@10": "recall at 10, image to text",
    "T->I R@1": "recall at 1, text to image",
    "R@5 ": "recall at 5, text to image",
    "R@10 ": "recall at 10, text to image",
}


def table_row(scores: Scores) -> list[float]:
    """The values of one row in the order of ``COLUMNS``, shares in [0, 1]."""
    zero_shot = [scores.subgroup_accuracy, scores.group_accuracy, scores.group_name_accuracy]
    recalls = [*scores.image_to_text.values(), *scores.text_to_image.values()]
    return zero_shot + recalls


def format_table(scores: Mapping[str, Scores]) -> str:
    """A plain-text table in percent, one row an objective.

    Example:
        >>> from unicl.demo.evaluate import Scores
        >>> half = Scores(subgroup_accuracy=0.5, subgroup_accuracy_per_class=0.5, group_accuracy=0.5,
        ...     group_name_accuracy=0.5, image_to_text={1: 0.5, 5: 0.5, 10: 0.5}, text_to_image={1: 0.5, 5: 0.5, 10: 0.5})
        >>> format_table({"unicl": half}).split()[-9:]
        ['50.0', '50.0', '50.0', '50.0', '50.0', '50.0', '50.0', '50.0', '50.0']
    """
    width = max(len("objective, %"), *map(len, scores))
    lines = ["objective, %".ljust(width) + "".join(f"  {title.strip():>{max(5, len(title))}}" for title in COLUMNS)]
    for name, one in scores.items():
        cells = zip(COLUMNS, table_row(one), strict=True)
        lines.append(name.ljust(width) + "".join(f"  {100 * value:{max(5, len(title))}.1f}" for title, value in cells))
    return "\n".join(lines)
