"""The features and labels of a call as the kernels take them, and the positives of large batches as sorted entries.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts, ``d`` width.

An *entry* is one label of one row. Sorted by label, the entries of images and texts that can meet lie in few tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unicl.loss.kernels.classes import Classes, number_classes
from unicl.loss.kernels.logits import CLASSES, NO_LABELS, PAIRS
from unicl.loss.problem import Problem

__all__ = ["Batch", "Entries", "Prepared", "Texts", "prepare", "read_batch"]

_NEVER = -(1 << 62)


@dataclass(frozen=True, kw_only=True)
class Entries:
    """The entries of rows, sorted by label.

    Attributes:
        rows: The row of each entry.
        codes: Its label; a class of its own for an unlabelled row.
        place: Where its sums go: its row, or with sets its place in ``sets``.
        sets: Labels, offsets and weights of the rows, as in ``Targets``; empty for integer labels.
        weights: The weight of each entry; ``codes`` itself for integer labels.
    """

    rows: Int[Tensor, " entries"]
    codes: Int[Tensor, " entries"]
    place: Int[Tensor, " entries"]
    sets: Sequence[Tensor]
    weights: Tensor

    @classmethod
    def of_codes(cls, codes: Int[Tensor, " rows"]) -> Entries:
        """Gives the entries of rows with one label each."""
        ordered, order = codes.sort(stable=True)
        rows = order.int()
        return cls(rows=rows, codes=ordered, place=rows, sets=(), weights=ordered)

    @classmethod
    def of_sets(cls, sets: Sequence[Tensor]) -> Entries:
        """Gives the entries of sets of labels."""
        # 32 bits, as the kernels compare labels and places in tiles; read_sets has numbered the labels.
        labels, offsets, weights = sets[0].int(), sets[1].int(), sets[2]
        ordered, order = labels.sort(stable=True)
        place = order.int()
        rows = torch.searchsorted(offsets[1:], place, right=True, out_int32=True)
        return cls(rows=rows, codes=ordered, place=place, sets=(labels, offsets, weights), weights=weights[order])

    def ranges(self, others: Entries) -> tuple[Tensor, Tensor]:
        """Gives the first of the other entries with the label of each entry, and the one after the last."""
        first = torch.searchsorted(others.codes, self.codes, out_int32=True)
        return first, torch.searchsorted(others.codes, self.codes, right=True, out_int32=True)

    def by_chunk(self, size: int) -> tuple[Entries, Tensor]:
        """Gives the entries in the order of chunks of ``size`` rows, each sorted by label; and that order."""
        order = (self.rows // size).sort(stable=True).indices
        parts = {name: getattr(self, name)[order] for name in ("rows", "codes", "place")}
        weights = parts["codes"] if self.weights is self.codes else self.weights[order]
        return replace(self, **parts, weights=weights), order


@dataclass(frozen=True, kw_only=True)
class Texts:
    """All texts, or all extra texts, which only the images see.

    Attributes:
        features: Contiguous.
        labels: The class of each row; ``features`` itself if the kernels read none.
        is_extra: Whether they are extra texts.
        can_meet: Whether one of them can be a positive.
        entries: Sorted entries; None if positives are found in every tile.
    """

    features: Float[Tensor, "columns d"]
    labels: Tensor
    is_extra: bool
    can_meet: bool
    entries: Entries | None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The images and what they are compared with.

    Attributes:
        image: Contiguous.
        row_labels: As ``Texts.labels``.
        kind: The kind of the targets.
        classes: The classes and counts of integer labels; None for other kinds, and if not every tile is compared.
        entries: Sorted entries; None for pairs, and if positives are found in every tile.
        every_tile: Whether the kernels compare labels in every tile.
        texts: All texts and, if the call has them and wants rows, the extra texts.
    """

    image: Float[Tensor, "b d"]
    row_labels: Tensor
    kind: str
    classes: Classes | None
    entries: Entries | None
    every_tile: bool
    texts: Sequence[Texts]

    def labels_seen(self, texts: Texts) -> int:
        """Gives what the kernels of every tile know of labels."""
        if not self.every_tile or not texts.can_meet:
            return int(NO_LABELS.value)
        return int(PAIRS.value if self.kind == "pairs" else CLASSES.value)


class Prepared(NamedTuple):
    """What a forward pass has made of the labels, for the backward pass. It holds no features.

    Attributes:
        every_tile: Whether the kernels compare classes or pairs in every tile.
        classes: As ``Batch.classes``.
        entries: The entries of images, texts and extra texts; None where there are none.
    """

    every_tile: bool
    classes: Classes | None
    entries: Sequence[Entries | None]


def prepare(problem: Problem, *, every_tile: bool) -> Prepared:
    """Sorts or numbers the labels of a call.

    Args:
        problem: What is being computed.
        every_tile: Whether the kernels shall compare classes in every tile. Those of sets cannot.
    """
    kind = problem.targets.kind
    paired = problem.text.shape[0] if problem.own_texts is None else problem.own_texts
    if kind == "integers" and every_tile:
        return Prepared(every_tile=True, classes=number_classes(problem, paired), entries=(None, None, None))
    entries = (None, None, None) if kind == "pairs" else _all_entries(problem, paired)
    return Prepared(every_tile=every_tile and kind == "pairs", classes=None, entries=entries)


def read_batch(problem: Problem, prepared: Prepared) -> Batch:
    """Gives the features and labels of a call."""
    kind, text, classes = problem.targets.kind, problem.text.contiguous(), prepared.classes
    features = [text]
    if problem.extra is not None and problem.modes.to_text:
        features.append(problem.extra.contiguous())
    texts = []
    for number, own in enumerate(features):
        is_extra, has_class = number == 1, classes is not None and number < len(classes.texts)
        texts.append(
            Texts(
                features=own,
                labels=classes.texts[number] if classes is not None and has_class else own,
                is_extra=is_extra,
                can_meet=has_class or (kind == "pairs" and not is_extra),
                entries=prepared.entries[1 + number],
            )
        )
    image = problem.image.contiguous()
    return Batch(
        image=image,
        row_labels=image if classes is None else classes.image,
        kind=kind,
        classes=classes,
        entries=prepared.entries[0],
        every_tile=prepared.every_tile,
        texts=texts,
    )


def _all_entries(problem: Problem, paired: int) -> list[Entries | None]:
    """Gives the entries of images, texts and extra texts; None for extra texts without labels."""
    targets = problem.targets
    texts = _entries(targets.kind, targets.text, first=-1)
    has_extra = bool(targets.extra) and problem.modes.to_text
    extra = _entries(targets.kind, targets.extra, first=_NEVER + 1) if has_extra else None
    # One sort serves both sides of a batch whose images have the labels of their texts.
    is_shared = targets.image[0] is targets.text[0] and problem.first_pair == 0 and paired == problem.text.shape[0]
    first = -1 - problem.first_pair
    images = texts if is_shared else _entries(targets.kind, targets.image, first=first, paired=paired)
    return [images, texts, extra]


def _entries(kind: str, part: Sequence[Tensor], *, first: int, paired: int | None = None) -> Entries:
    if kind != "integers":
        return Entries.of_sets(part)
    labels = part[0].long()
    if first == _NEVER + 1:
        own = torch.full_like(labels, first)
    else:
        own = first - torch.arange(labels.shape[0], device=labels.device)
        if paired is not None and paired < labels.shape[0]:
            own[paired:] = _NEVER
    return Entries.of_codes(torch.where(labels < 0, own, labels))
