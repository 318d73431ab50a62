"""Draws the box of a random-resized-crop, with the distribution of torchvision's ``RandomResizedCrop``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from unicl.data.draws import Draws

_TRIES = 10


class Box(NamedTuple):
    """A part of an image, in whole pixels from the upper left corner."""

    top: int
    left: int
    height: int
    width: int

    def scaled(self, vertical: float, horizontal: float) -> Box:
        """Gives the same part of the image at another size, at least one pixel, rounded."""
        top, left = round(self.top * vertical), round(self.left * horizontal)
        return Box(top, left, max(round(self.height * vertical), 1), max(round(self.width * horizontal), 1))


def random_crop(
    draws: Draws, height: int, width: int, *, scale: tuple[float, float], ratio: tuple[float, float]
) -> Box:
    """Draws a part of an image: its area uniformly, the logarithm of its width / height uniformly, then its place.

    A box that does not fit is drawn again. After ten that did not, it is the largest box in the centre whose width /
    height is in ``ratio``.

    Args:
        draws: The source of the draws.
        height: The height of the image in pixels.
        width: The width of the image.
        scale: The smallest and largest area, as a share of the image.
        ratio: The smallest and largest width / height.

    Returns:
        A box inside of the image, with at least one pixel.
    """
    for _ in range(_TRIES):
        area, width_by_height = draws.uniform(*scale) * height * width, draws.log_uniform(*ratio)
        box_height, box_width = round(math.sqrt(area / width_by_height)), round(math.sqrt(area * width_by_height))
        if 0 < box_height <= height and 0 < box_width <= width:
            top, left = draws.below(height - box_height + 1), draws.below(width - box_width + 1)
            return Box(top, left, box_height, box_width)
    nearest = min(max(width / height, ratio[0]), ratio[1])
    box_height, box_width = min(height, max(round(width / nearest), 1)), min(width, max(round(height * nearest), 1))
    return Box((height - box_height) // 2, (width - box_width) // 2, box_height, box_width)
