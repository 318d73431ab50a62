"""The operands that both kernels take: features, labels, constants, and the tile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from unicl.loss.kernels.autotune import INTERPRETED, Tile, choose
from unicl.loss.problem import LOG2_E, Problem

__all__ = ["RowLabels", "Texts", "all_texts", "choose_tile", "image_labels", "kernel_constants", "scale_in_bits"]


class RowLabels(NamedTuple):
    """The labels of rows, as the kernels take them.

    Attributes:
        labels: One row after another.
        starts: The place where the labels of each row start; ``labels`` itself where each row has one label.
        weights: The weight of each label; ``labels`` itself where each row has one label.
    """

    labels: Tensor
    starts: Tensor
    weights: Tensor

    @classmethod
    def of(
        cls, kind: str, vectors: Sequence[Tensor], features: Tensor, *, first_pair: int = 0, is_extra: bool = False
    ) -> RowLabels:
        """Gives the labels of images, texts or extra texts from those of the targets.

        Args:
            kind: The kind of the targets.
            vectors: Their part for these rows.
            features: The features of these rows.
            first_pair: The number of the pair of row 0, for pairs.
            is_extra: Whether the rows are extra texts, which are in no pair.
        """
        rows, device = features.shape[0], features.device
        if kind in ("cosine", "any"):
            if not vectors:
                none = torch.zeros(rows + 1, dtype=torch.int32, device=device)
                return cls(none[:1], none, none[:1].float())
            labels, starts, weights = vectors
            return cls(labels.int(), starts.int(), weights.float())
        if kind == "pairs" and not is_extra:
            own = torch.arange(first_pair, first_pair + rows, dtype=torch.int32, device=device)
        else:
            # Classes are at least 0, so -2 matches none.
            own = vectors[0].int() if vectors else torch.full((rows,), -2, dtype=torch.int32, device=device)
        return cls(own, own, own)

    def a_row(self) -> float:
        """Gives the average number of labels of a row."""
        return 1.0 if self.starts is self.labels else self.labels.shape[0] / (self.starts.shape[0] - 1)

    def of_rows(self, span: slice) -> RowLabels:
        """Gives the labels of some rows."""
        if self.starts is self.labels:
            own = self.labels[span]
            return RowLabels(own, own, own)
        return RowLabels(self.labels, self.starts[span.start : span.stop + 1], self.weights)


class Texts(NamedTuple):
    """All texts, or all extra texts, which only the rows see.

    Attributes:
        features: Their features, contiguous.
        labels: Their labels.
        is_extra: Whether they are extra texts.
    """

    features: Tensor
    labels: RowLabels
    is_extra: bool


def image_labels(problem: Problem) -> RowLabels:
    """Gives the labels of all images."""
    targets = problem.targets
    return RowLabels.of(targets.kind, targets.image, problem.image, first_pair=problem.first_pair)


def all_texts(problem: Problem) -> list[Texts]:
    """Gives the texts and, if the call has them and wants rows, the extra texts."""
    targets, text, extra = problem.targets, problem.text.contiguous(), problem.extra
    every = [Texts(text, RowLabels.of(targets.kind, targets.text, text), is_extra=False)]
    if extra is not None and problem.modes.to_text:
        labels = RowLabels.of(targets.kind, targets.extra, extra, is_extra=True)
        every.append(Texts(extra.contiguous(), labels, is_extra=True))
    return every


def kernel_constants(problem: Problem, texts: Texts, *, sees_columns: bool) -> dict[str, bool]:
    """Gives the compile-time constants of a launch besides the tile."""
    return {
        "SETS": problem.targets.kind in ("cosine", "any"),
        "ANY": problem.targets.kind == "any",
        "EXCLUDE": problem.modes.exclude_self and not texts.is_extra,
        "COLUMNS": sees_columns,
        "UPCAST": INTERPRETED,
    }


def scale_in_bits(problem: Problem) -> Float[Tensor, " 1"]:
    """Gives the factor from cosines to logits in bits, on the device."""
    return (problem.scale.double() * LOG2_E).float().reshape(1)


def choose_tile(
    kernel: str,
    problem: Problem,
    u: Float[Tensor, "rows d"],
    constants: dict[str, bool],
    launch: Callable[[Tile], object],
    labels: RowLabels,
    texts: Texts,
) -> Tile:
    """Chooses the tile of one launch: see ``autotune.choose``."""
    labels_a_row = (labels.a_row(), texts.labels.a_row())
    deterministic = problem.modes.deterministic
    return choose(kernel, u, texts.features, constants, launch, labels_a_row=labels_a_row, deterministic=deterministic)
