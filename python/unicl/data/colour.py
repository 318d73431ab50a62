"""Random changes of colour, with the operations of torchvision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jaxtyping import UInt8
from torch import Tensor

if TYPE_CHECKING:
    from unicl.data.draws import Draws


@dataclass(frozen=True, kw_only=True)
class ColourJitter:
    """Changes brightness, contrast, saturation and hue in a random order, as torchvision's ``ColorJitter`` does.

    The defaults are those of SupCon and SimCLR.

    Attributes:
        brightness: The factor is between 1 - brightness and 1 + brightness, and not below 0.
        contrast: The same for contrast.
        saturation: The same for saturation.
        hue: The hue turns by at most this share of the circle, at most 0.5.
        probability: How often colours change at all.

    Raises:
        ValueError: An attribute is outside its range.
    """

    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1
    probability: float = 0.8

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"expected {name} >= 0; got {getattr(self, name)}")
        if not 0 <= self.hue <= 0.5:
            raise ValueError(f"expected hue in [0, 0.5]; got {self.hue}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"expected probability in [0, 1]; got {self.probability}")

    def __call__(self, image: UInt8[Tensor, "3 h w"], draws: Draws) -> UInt8[Tensor, "3 h w"]:
        """Changes the colours of one image, or leaves them."""
        if draws.uniform() >= self.probability:
            return image
        from torchvision.transforms.v2 import functional  # it takes a second to import

        changes = [
            (functional.adjust_brightness, max(0, 1 - self.brightness), 1 + self.brightness),
            (functional.adjust_contrast, max(0, 1 - self.contrast), 1 + self.contrast),
            (functional.adjust_saturation, max(0, 1 - self.saturation), 1 + self.saturation),
            (functional.adjust_hue, -self.hue, self.hue),
        ]
        while changes:
            change, low, high = changes.pop(draws.below(len(changes)))
            if low < high:
                image = change(image, draws.uniform(low, high))
        return image


def grey(image: UInt8[Tensor, "3 h w"]) -> UInt8[Tensor, "3 h w"]:
    """Takes the colour from an image: three equal channels."""
    from torchvision.transforms.v2 import functional

    grey_image: Tensor = functional.rgb_to_grayscale(image, num_output_channels=3)
    return grey_image
