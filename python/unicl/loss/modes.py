"""The modes of the loss: what stays the same from step to step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from unicl.loss.checks import check_choice
from unicl.loss.targets.sets import Overlap

__all__ = ["BackendName", "DirectionName", "LossModes"]

BackendName: TypeAlias = Literal["auto", "reference", "tiled", "triton"]
DirectionName: TypeAlias = Literal["both", "image_to_text", "text_to_image"]

_OVERLAPS, _DIRECTIONS, _BACKENDS = (get_args(names) for names in (Overlap, DirectionName, BackendName))


@dataclass(frozen=True, kw_only=True)
class LossModes:
    """The modes of a call; ``fused_loss`` explains each.

    A mode is written here once. The schema of the operators is made from these fields.

    Attributes:
        label_smoothing: In [0, 1).
        overlap: How two sets of labels are compared.
        direction: Which losses are wanted.
        exclude_self: Whether i = j is taken out of targets and softmax.
        backend: What computes the loss.
        chunk_size: Rows of a tile, at least 1; None chooses.
        deterministic: Whether the order of sums must be the same from run to run. It always is.

    Raises:
        ValueError: A mode is unknown or outside its range.

    Example:
        >>> LossModes(direction="sideways")
        Traceback (most recent call last):
        ...
        ValueError: expected direction 'both', 'image_to_text' or 'text_to_image'; got 'sideways'
    """

    label_smoothing: float = 0.0
    overlap: Overlap = "cosine"
    direction: DirectionName = "both"
    exclude_self: bool = False
    backend: BackendName = "auto"
    chunk_size: int | None = None
    deterministic: bool = True

    def __post_init__(self) -> None:
        check_choice("overlap", self.overlap, _OVERLAPS)
        check_choice("direction", self.direction, _DIRECTIONS)
        check_choice("backend", self.backend, _BACKENDS)
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"expected label_smoothing in [0, 1); got {self.label_smoothing}")
        if self.chunk_size is not None and self.chunk_size < 1:
            raise ValueError(f"expected chunk_size >= 1, or None to choose; got {self.chunk_size}")

    @property
    def to_text(self) -> bool:
        """Whether the losses of the rows of z (image to text) are wanted."""
        return self.direction != "text_to_image"

    @property
    def to_image(self) -> bool:
        """Whether the losses of the columns of z (text to image) are wanted."""
        return self.direction != "image_to_text"
