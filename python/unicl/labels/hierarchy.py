"""The more general labels above labels: in the place of those that are too rare, or beside all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from unicl.labels.label_sets import LabelSets, grouped

if TYPE_CHECKING:
    from numpy.typing import NDArray

Ancestors: TypeAlias = Literal["roll_up", "add"]


def lineage(parents: NDArray[np.int32]) -> LabelSets:
    """For every label a row: the label and all its ancestors.

    Args:
        parents: int32 (number of labels,), the id of each label's parent; -1 where it has none. No circles.

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
    """For every label a row with the one label that it becomes."""
    return LabelSets(indices=labels, offsets=np.arange(len(labels) + 1))
