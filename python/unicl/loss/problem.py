"""One call of the loss as the backends take it: features, scale, positives and modes.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``k`` extra texts, ``d`` width, ``s`` the logit scale. The logits
z_ij = s u_i.v_j are kept in bits: multiplied by log2(e), for exponentials of base 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from unicl.loss.modes import LossModes
from unicl.loss.targets.match import Targets

__all__ = ["LOG2_E", "Problem"]

LOG2_E = math.log2(math.e)


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
        own_texts: Number of texts of this rank; None for all.
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
    own_texts: int | None = None
    all_images: int | None = None

    @property
    def columns_of_a_row(self) -> int:
        """Number of texts and extra texts that an image is compared with."""
        return self.text.shape[0] + (0 if self.extra is None else self.extra.shape[0])

    @property
    def rows_of_a_column(self) -> int:
        """Number of images that a text is compared with, over all ranks."""
        return self.image.shape[0] if self.all_images is None else self.all_images
