"""One training batch: pictures, texts, and the labels that say which of them belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Pictures and texts in one label space; b pictures and m texts need not be equally many.

    Attributes:
        images: (b, 3, h, w) float.
        tokens: (m, length) token ids.
        image_labels: (b,) int64; a label < 0 is "no class": picture i then belongs to text i alone.
        text_labels: (m,) int64, likewise.
    """

    images: Tensor
    tokens: Tensor
    image_labels: Tensor
    text_labels: Tensor
