"""The mean and standard deviation of pixels that image models expect, and the layer that applies them on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

TIMM = "timm:"


@dataclass(frozen=True, slots=True)
class PixelStatistics:
    """What an image model subtracts from its pixels, and what it then divides them by.

    Attributes:
        mean: One value for red, green and blue, where pixels are in [0, 1].
        std: The same; each is above 0.

    Raises:
        ValueError: There are not three finite values, or a standard deviation is not above 0.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __post_init__(self) -> None:
        values = torch.tensor([*self.mean, *self.std], dtype=torch.float64)
        if len(self.mean) != 3 or len(self.std) != 3 or not values.isfinite().all() or min(self.std) <= 0:
            raise ValueError(
                f"expected three means and three standard deviations above 0; got {self.mean} and {self.std}"
            )

    @staticmethod
    def named(name: str) -> PixelStatistics:
        """Finds the statistics of a family of models, or of one model of timm.

        Args:
            name: "imagenet", "clip" or "siglip"; or "timm:MODEL", such as "timm:resnet50.a1_in1k". timm is imported
                only for the latter. Its table is read, and no weights.

        Raises:
            ValueError: There is no such name, or timm has no such model.

        Example:
            >>> PixelStatistics.named("siglip")
            PixelStatistics(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
        """
        if name in KNOWN:
            return KNOWN[name]
        if not name.startswith(TIMM):
            raise ValueError(f"expected pixel statistics named {', '.join(KNOWN)} or {TIMM}MODEL; got {name!r}")
        import timm.models

        model = name.removeprefix(TIMM)
        known = f"a model of timm {timm.__version__}"
        try:
            config: Any = timm.models.get_pretrained_cfg(model, allow_unregistered=False)
        except RuntimeError as error:  # it names what timm does not know: the architecture or the tag
            raise ValueError(f"expected {known} after {TIMM}; got {model!r}: {error}") from None
        (red, green, blue), (red_std, green_std, blue_std) = config.mean, config.std
        return PixelStatistics((red, green, blue), (red_std, green_std, blue_std))


KNOWN = {
    "imagenet": PixelStatistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "clip": PixelStatistics((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "siglip": PixelStatistics((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
"""Models trained on ImageNet and UniCL's own; OpenAI's and open_clip's CLIP; SigLIP and the original ViT."""


class NormalizePixels(nn.Module):
    """Turns uint8 pixels into what an image model expects, on the device where the batch is.

    Bytes cross to the device: a quarter of what floats take. It has no parameters, and its buffers are not saved.

    Args:
        statistics: The mean and standard deviation, or their name; see :meth:`PixelStatistics.named`.
        dtype: The type of the result.

    Example:
        >>> normalize = NormalizePixels("siglip")
        >>> normalize(torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)).flatten()
        tensor([-1.0000, -0.6000,  1.0000])
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, statistics: PixelStatistics | str, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        known = PixelStatistics.named(statistics) if isinstance(statistics, str) else statistics
        mean, std = (torch.tensor(values, dtype=torch.float64).view(3, 1, 1) for values in (known.mean, known.std))
        self.dtype = dtype
        self.register_buffer("scale", (1 / (255 * std)).float(), persistent=False)
        self.register_buffer("shift", (-mean / std).float(), persistent=False)

    def forward(self, images: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """Normalises a batch.

        Raises:
            TypeError: The images are not uint8. Floats may have been divided by 255 or not, and nobody could tell.
        """
        if images.dtype != torch.uint8:
            raise TypeError(f"expected images as uint8, 0 to 255; got {images.dtype}: pass what the transform gives")
        return torch.addcmul(self.shift, images, self.scale).to(self.dtype)
