"""A small convolutional image tower that trains from scratch on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from jaxtyping import Float, Shaped
from torch import Tensor, nn


def scale_pixels(pixels: Shaped[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Scales pixels in [0, 255] to float32 in [-2, 2], the range that :class:`SmallCNN` is trained on.

    Example:
        >>> import torch
        >>> scale_pixels(torch.tensor([0, 255], dtype=torch.uint8)).tolist()
        [-2.0, 2.0]
    """
    return pixels.float().div(255).sub_(0.5).div_(0.25)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, and a shortcut (He et al. 2016, figure 2)."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.activation = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True), nn.Conv2d(channels_in, channels, 1, bias=False)
            )

    def forward(self, x: Float[Tensor, "b channels_in h w"]) -> Float[Tensor, "b channels h_out w_out"]:
        """Computes the block. Height and width are divided by the stride."""
        y = self.activation(self.norm1(self.conv1(x)))
        return cast("Tensor", self.activation(self.norm2(self.conv2(y)) + self.shortcut(x)))


class SmallCNN(nn.Module):
    """Four stages of residual blocks, global average pooling and a linear projection to features.

    Args:
        embed_dim: The width of the features.
        channels: The channels of each stage. The stem and every stage after the first halve the resolution.
        blocks: The residual blocks of each stage.

    Raises:
        ValueError: ``channels`` and ``blocks`` differ in length.

    Example:
        >>> import torch
        >>> SmallCNN(embed_dim=64)(torch.zeros(2, 3, 48, 48)).shape
        torch.Size([2, 64])
    """

    def __init__(
        self, *, embed_dim: int, channels: Sequence[int] = (32, 64, 128, 256), blocks: Sequence[int] = (1, 1, 1, 1)
    ) -> None:
        super().__init__()
        if len(channels) != len(blocks):
            raise ValueError(
                "expected channels and blocks with one entry a stage each; "
                f"got channels={list(channels)} and blocks={list(blocks)}"
            )
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels[0], 3, 2, 1, bias=False), nn.BatchNorm2d(channels[0]), nn.ReLU(inplace=True)
        )
        layers: list[nn.Module] = []
        channels_in = channels[0]
        for stage, (width, depth) in enumerate(zip(channels, blocks, strict=True)):
            for block in range(depth):
                layers.append(ResidualBlock(channels_in, width, stride=2 if stage and not block else 1))
                channels_in = width
        self.stages = nn.Sequential(*layers)
        self.projection = nn.Linear(channels_in, embed_dim, bias=False)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Encodes images.

        Args:
            images: Pixels of about zero mean and unit variance; :func:`scale_pixels` makes them.

        Returns:
            One row an image, not normalised.

        Raises:
            TypeError: The images are integers, so bytes that were not scaled.
        """
        if not images.is_floating_point():
            kind = str(images.dtype).removeprefix("torch.")
            raise TypeError(f"expected images in floating point, about zero mean; got {kind}: use scale_pixels(images)")
        return cast("Tensor", self.projection(self.stages(self.stem(images)).mean(dim=(2, 3))))
