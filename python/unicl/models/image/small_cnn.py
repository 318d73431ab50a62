"""A small convolutional image tower, for training from scratch on a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def scale_pixels(pixels: Tensor) -> Tensor:
    """Pixels in [0, 255] as :class:`SmallCNN` is trained on them: float32 of the same shape, in [-2, 2].

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

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels_in, h, w) -> (n, channels, h / stride, w / stride)."""
        y = self.activation(self.norm1(self.conv1(x)))
        return cast("Tensor", self.activation(self.norm2(self.conv2(y)) + self.shortcut(x)))


class SmallCNN(nn.Module):
    """Four stages of residual blocks, global average pooling and a linear projection: pictures in, features out.

    Args:
        embed_dim: The width d of the features.
        channels: The channels of each stage; every stage after the first halves the resolution, and so does the stem.
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
                f"channels and blocks must have one entry a stage each, got {list(channels)} and {list(blocks)}"
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

    def forward(self, images: Tensor) -> Tensor:
        """Encodes pictures.

        Args:
            images: (n, 3, h, w), about zero mean and unit variance.

        Returns:
            (n, embed_dim), not normalised.

        Raises:
            TypeError: The pictures are integers: bytes that were not scaled.
        """
        if not images.is_floating_point():
            kind = str(images.dtype).removeprefix("torch.")
            raise TypeError(f"images must be floating point, about zero mean; got {kind}: bytes / 127.5 - 1 will do")
        return cast("Tensor", self.projection(self.stages(self.stem(images)).mean(dim=(2, 3))))
