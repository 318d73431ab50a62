"""Replaces labels by the more general labels above them, or adds those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from unicl.labels.label_sets import LabelSets, grouped

if TYPE_CHECKING:
    from numpy.typing import NDArray

Ancestors: TypeAlias = Literal["roll_up", "add"]
"""The use of parents: "roll_up" replaces rare labels by an ancestor, "add" adds all ancestors of labels."""


def lineage(parents: NDArray[np.int32]) -> LabelSets:
    """Gives a row for every label: the label and all its ancestors.

    Args:
        parents: int32 (number of labels,), the id of each label's parent; -1 for none. They go in no circle.

    Example:
        >>> lineage(np.array([1, 2, -1, -1], np.int32)).to_list()
        [[0, 1, 2], [1, 2], [2], [3]]
    """
    rows, labels = [np.arange(len(parents))], [np.arange(len(parents), dtype=np.int32)]
    while len(labels[-1]):
        above = parents[labels[-1]]
        rows.append(rows[-1][above >= 0])
        labels.append(above[above >= 0])
    return grouped(np.concatenate(rows), np.concatenate(labels), num_rows=len(parents))[0]


def one_for_each(labels: NDArray[np.int32]) -> LabelSets:
    """Gives a row for every label, with the one label that it becomes."""
    return LabelSets.from_lengths(labels, np.ones(len(labels), np.int64))
