"""The dual tower: an image tower and a text tower with unit features, and the temperature between them."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional


class DualTowerOutput(NamedTuple):
    """The output of a :class:`DualTower`, in the order that ``unicl.UniCLLoss`` and open_clip's ``ClipLoss`` take.

    Attributes:
        image_features: One row an image, of norm 1.
        text_features: One row a text, of norm 1.
        logit_scale: The inverse temperature, > 0.
    """

    image_features: Float[Tensor, "b d"]
    text_features: Float[Tensor, "m d"]
    logit_scale: Float[Tensor, ""]


class DualTower(nn.Module):
    """An image tower and a text tower with features of one width, normalised, and a learnable ``logit_scale``.

    As in CLIP (Radford et al. 2021, section 2.4), the parameter is the logarithm of the scale.
    :meth:`clamp_logit_scale` keeps the scale at 100 or less.

    Args:
        image_encoder: Maps images (b, 3, h, w) to features (b, d).
        text_encoder: Maps token ids (m, length) to features (m, d).
        logit_scale: The scale to start from, > 0.

    Raises:
        ValueError: ``logit_scale`` is not positive.

    Example:
        >>> image_encoder = nn.Sequential(nn.Flatten(), nn.Linear(12, 4))
        >>> tower = DualTower(image_encoder, nn.Sequential(nn.Embedding(9, 4), nn.Flatten()))
        >>> image_features, text_features, scale = tower(torch.zeros(2, 3, 2, 2), torch.tensor([[1], [2]]))
        >>> image_features.shape, text_features.shape, round(scale.item(), 2)
        (torch.Size([2, 4]), torch.Size([2, 4]), 14.29)
    """

    MAX_LOGIT_SCALE = 100.0

    def __init__(self, image_encoder: nn.Module, text_encoder: nn.Module, *, logit_scale: float = 1 / 0.07) -> None:
        super().__init__()
        if not logit_scale > 0:
            raise ValueError(f"expected logit_scale > 0; got {logit_scale}")
        self.image_encoder = image_encoder
        self.text_encoder = text_encoder
        self.log_logit_scale = nn.Parameter(torch.tensor(math.log(logit_scale)))

    @property
    def logit_scale(self) -> Float[Tensor, ""]:
        """The inverse temperature, differentiable."""
        return self.log_logit_scale.exp()

    @torch.no_grad()
    def clamp_logit_scale(self) -> None:
        """Keeps the scale in [1, 100]. Call it after each optimizer step."""
        self.log_logit_scale.clamp_(0.0, math.log(self.MAX_LOGIT_SCALE))

    def encode_image(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Encodes images as features of norm 1."""
        return functional.normalize(self.image_encoder(images), dim=-1)

    def encode_text(self, tokens: Int[Tensor, "m length"]) -> Float[Tensor, "m d"]:
        """Encodes token ids as features of norm 1."""
        return functional.normalize(self.text_encoder(tokens), dim=-1)

    def forward(self, images: Float[Tensor, "b 3 h w"], tokens: Int[Tensor, "m length"]) -> DualTowerOutput:
        """Encodes both sides. The numbers of images and of texts may differ."""
        return DualTowerOutput(self.encode_image(images), self.encode_text(tokens), self.logit_scale)
