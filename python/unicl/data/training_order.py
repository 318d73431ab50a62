"""The order of the samples of several sources: their weights by kind of source, and blocks of one class."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from unicl.data.label_blocks import LabelBlocks
from unicl.data.mix import budget_weights
from unicl.data.order import SampleOrder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from unicl.data.label_space import LabelSpace
    from unicl.data.sample import Source

IMAGE_TEXT, IMAGE_LABEL = "image-text", "image-label"


def check_sources(sources: Sequence[Source]) -> None:
    """Refuses sources that make no data.

    Raises:
        ValueError: There are none, one has no rows, or two have one name.
    """
    if not sources:
        raise ValueError("expected at least one source; got none")
    for source in sources:
        if not len(source):
            raise ValueError(f"expected sources with rows; got {source.name} without")
    name, count = Counter(source.name for source in sources).most_common(1)[0]
    if count > 1:
        raise ValueError(f"expected sources of different names; got {count} of the name {name!r}: give them name=")


def training_order(
    sources: Sequence[Source],
    *,
    seed: int,
    weights: Sequence[int | float | Fraction] | None,
    budgets: Mapping[str, int | float | Fraction] | None,
    same_class: int,
    label_space: LabelSpace | None,
) -> SampleOrder:
    """Makes the order of :meth:`unicl.data.TrainingData.order`, which has the arguments."""
    lengths = [len(source) for source in sources]
    kinds = [IMAGE_TEXT if source.has_captions else IMAGE_LABEL for source in sources]
    if weights is not None and budgets is not None:
        raise ValueError("expected weights or budgets; got both: pass one of them")
    if budgets is not None:
        weights = budget_weights(lengths, kinds, budgets)
    blocks = {}
    if same_class != 1:
        for number, (source, kind) in enumerate(zip(sources, kinds, strict=True)):
            if kind == IMAGE_LABEL:
                blocks[number] = LabelBlocks.from_labels(_labels_of_rows(source, label_space), size=same_class)
        if not blocks:
            raise ValueError(f"expected an image-label source for same_class={same_class}; got none: use 1")
    return SampleOrder(lengths, weights=weights, seed=seed, blocks=blocks)


def _labels_of_rows(source: Source, space: LabelSpace | None) -> NDArray[np.int64]:
    """The label of each row of a source, by its class; -1 where it has none."""
    row_classes = getattr(source, "row_classes", None)
    if row_classes is None:
        raise TypeError(
            f"expected a source with row_classes(), for same_class; {source.name} has none: use same_class=1"
        )
    classes = np.asarray(row_classes())
    ids = {} if space is None else space.ids
    labels = np.array([*(ids[name] for name in source.class_names or ()), -1], dtype=np.int64)  # class -1 is the last
    of_rows: NDArray[np.int64] = labels[classes]
    return of_rows
