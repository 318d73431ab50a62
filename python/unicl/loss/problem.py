"""One call of the loss as the backends take it: features, scale, positives and modes.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``k`` extra texts, ``d`` width, ``s`` the logit scale. The logits
z_ij = s u_i.v_j are kept in bits: multiplied by log2(e), for exponentials of base 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from jaxtyping import Float
from torch import Tensor

from unicl.loss.checks import check_choice
from unicl.loss.targets.match import Targets
from unicl.loss.targets.sets import Overlap

__all__ = ["LOG2_E", "BackendName", "DirectionName", "LossModes", "Problem"]

LOG2_E = math.log2(math.e)

BackendName: TypeAlias = Literal["auto", "reference", "tiled", "triton"]
DirectionName: TypeAlias = Literal["both", "image_to_text", "text_to_image"]

_OVERLAPS, _DIRECTIONS, _BACKENDS = (get_args(names) for names in (Overlap, DirectionName, BackendName))


@dataclass(frozen=True, kw_only=True)
class LossModes:
    """What stays the same from step to step; ``fused_loss`` explains each.

    A mode is written here once. The schema of the operators is made from these fields.

    Attributes:
        label_smoothing: In [0, 1).
        overlap: How two sets of labels are compared.
        direction: Which losses are wanted.
        exclude_self: Whether i = j is taken out of targets and softmax.
        backend: What computes the loss.
        chunk_size: Rows of a tile, at least 1; None chooses.
        deterministic: Whether the order of sums must be the same from run to run; that of tiles in plain torch always
            is.

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


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One call of the loss, checked.

    Attributes:
        image: Unit rows.
        text: Unit rows.
        extra: Further columns of z that only the rows see; None if there are none.
        scale: Positive. Its dtype (float32, or float64 with float64 features) is that of all arithmetic.
        targets: The positives.
        modes: The modes of the call.
        keep_logits: Whether forward keeps the logits, so that backward need not make them again.
        first_pair: The text that belongs to image 0. Over ranks, the texts of all ranks are here, and only some images.
        all_images: Number of images over all ranks; None for those here.
    """

    image: Float[Tensor, "b d"]
    text: Float[Tensor, "m d"]
    extra: Float[Tensor, "k d"] | None = None
    scale: Float[Tensor, ""]
    targets: Targets
    modes: LossModes = field(default=LossModes())
    keep_logits: bool = False
    first_pair: int = 0
    all_images: int | None = None

    @property
    def columns_of_a_row(self) -> int:
        """Number of texts and extra texts that an image is compared with."""
        return self.text.shape[0] + (0 if self.extra is None else self.extra.shape[0])

    @property
    def rows_of_a_column(self) -> int:
        """Number of images that a text is compared with, over all ranks."""
        return self.image.shape[0] if self.all_images is None else self.all_images
