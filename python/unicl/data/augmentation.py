"""Augmentation of whole image batches as tensors, cheap enough for a CPU."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def augment(
    images: Float[Tensor, "b 3 h w"], generator: torch.Generator, *, strength: float = 1.0
) -> Float[Tensor, "b 3 h w"]:
    """Turns, scales, shifts, mirrors and tints each image by its own random amount.

    At strength 1, an image turns by up to 14 degrees, scales by up to 15 % and shifts by up to 6 % of its width. It is
    mirrored half of the time. The contrast of each channel changes by up to 20 %, and the brightness by up to 0.2.
    Where the image ends, its border repeats.

    Args:
        images: The batch.
        generator: The source of every random number. The same state gives the same images.
        strength: Scales every amount; 0 changes nothing.

    Returns:
        New images, or the given ones at strength 0.

    Raises:
        ValueError: ``strength`` is negative.
    """
    if strength < 0:
        raise ValueError(f"expected strength >= 0; got {strength}")
    if strength == 0:
        return images
    b = len(images)

    def uniform(limit: float, *shape: int) -> Tensor:
        return (torch.rand(b, *shape, generator=generator) * 2 - 1) * limit * strength

    angle, scale, shift = uniform(0.25), 1 + uniform(0.15), uniform(0.12, 2)
    mirror = torch.where(torch.rand(b, generator=generator) < 0.5, -1.0, 1.0)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    matrix = torch.stack([cosine * mirror, -sine, shift[:, 0], sine * mirror, cosine, shift[:, 1]], dim=1).view(b, 2, 3)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return moved * (1 + uniform(0.2, 3, 1, 1)) + uniform(0.2, 1, 1, 1)
