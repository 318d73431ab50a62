"""Turns image files into pixels for training and evaluation: bytes in, uint8 (3, size, size) out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, get_args

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn import functional

from unicl.data.colour import ColourJitter, grey
from unicl.data.draws import Draws
from unicl.data.random_crop import random_crop
from unicl.files import MAX_PIXELS, EncodedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unicl.data.random_crop import Box

Interpolation: TypeAlias = Literal["bilinear", "bicubic"]

_LONGEST = 4
"""How many times the shorter side evaluation resizes of the longer: 1 x 10,000 pixels would become 655 million."""
_FINER = 2
"""How many times larger than the result evaluation decodes. Where it decodes smaller, the difference is visible."""


class ImageTransform(Protocol):
    """What a loader calls for each sample: :class:`TrainTransform`, :class:`EvalTransform`, or a user's own."""

    def __call__(self, data: bytes, *, seed: int = 0, position: int = 0) -> UInt8[Tensor, "*views 3 size size"]:
        """Decodes and transforms an image file."""


@dataclass(frozen=True, kw_only=True)
class TrainTransform:
    """Random crop, resize, flip and colour: a pure function of the file, the seed and the position.

    The same arguments give the same pixels in any process, worker and batch, on one kind of processor. Crop and flip
    have the distributions of torchvision's ``RandomResizedCrop`` and ``RandomHorizontalFlip``. The pixels are those of
    its transforms v2 on tensors. JPEG files that are much larger than needed are decoded at 1/2, 1/4 or 1/8 of their
    size, as long as the crop is still as large as the result.

    Attributes:
        size: The height and width of the result.
        scale: The smallest and largest area of the crop, as a share of the image.
        ratio: The smallest and largest width / height of the crop.
        flip: The probability of mirroring left and right.
        jitter: The random change of colours; None: none. SupCon and SimCLR use ``ColourJitter()``.
        grayscale: The probability that the result is grey. SupCon and SimCLR use 0.2.
        views: How many crops of each image to make. With 2, for SupCon, the result has the shape (2, 3, size, size).
        interpolation: The filter for resizing. It is always antialiased.
        max_pixels: Images of more pixels are refused before they are decoded.

    Raises:
        ValueError: An attribute is outside its range.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> content = io.BytesIO()
        >>> Image.linear_gradient("L").save(content, "JPEG")
        >>> transform = TrainTransform(size=32)
        >>> image = transform(content.getvalue(), seed=0, position=41)
        >>> image.shape, image.dtype, image.equal(transform(content.getvalue(), seed=0, position=41))
        (torch.Size([3, 32, 32]), torch.uint8, True)
    """

    size: int = 224
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    jitter: ColourJitter | None = None
    grayscale: float = 0.0
    views: int = 1
    interpolation: Interpolation = "bilinear"
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        _check(self.interpolation, size=self.size, views=self.views, max_pixels=self.max_pixels)
        for name in ("flip", "grayscale"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"expected {name} as a probability in [0, 1]; got {getattr(self, name)}")
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(f"expected scale as two shares with 0 < smallest <= largest <= 1; got {self.scale}")
        if not 0 < self.ratio[0] <= self.ratio[1] < float("inf"):
            raise ValueError(f"expected ratio as two numbers with 0 < smallest <= largest; got {self.ratio}")

    def __call__(self, data: bytes, *, seed: int = 0, position: int = 0) -> UInt8[Tensor, "*views 3 size size"]:
        """Decodes and transforms an image file.

        Args:
            data: The content of a JPEG, PNG or WEBP file.
            seed: Any integer.
            position: The position of the sample in the order of all samples.

        Returns:
            The pixels. With several ``views`` there is one first dimension more.

        Raises:
            BadImageError: The file is empty, in another format, too large, cut off or damaged.
        """
        image = EncodedImage(data, max_pixels=self.max_pixels)
        draws = [Draws(seed, position, view) for view in range(self.views)]
        boxes = [random_crop(each, image.height, image.width, scale=self.scale, ratio=self.ratio) for each in draws]
        pixels = image.decode(shrink=min(min(box.height, box.width) for box in boxes) / self.size)
        height, width, _ = pixels.shape
        if height != image.height or width != image.width:
            boxes = [box.scaled(height / image.height, width / image.width) for box in boxes]
        views = [self._view(pixels, box, each) for box, each in zip(boxes, draws, strict=True)]
        return torch.stack(views) if self.views > 1 else views[0]

    def _view(self, pixels: NDArray[np.uint8], box: Box, draws: Draws) -> UInt8[Tensor, "3 size size"]:
        top, left, height, width = box
        view = _resized(pixels[top : top + height, left : left + width], self.size, self.size, self.interpolation)
        if draws.uniform() < self.flip:
            view = view.flip(2)
        if self.jitter is not None:
            view = self.jitter(view, draws)
        if self.grayscale and draws.uniform() < self.grayscale:
            view = grey(view)
        return view


@dataclass(frozen=True, kw_only=True)
class EvalTransform:
    """Resizes the shorter side, and crops the centre: what torchvision's ``Resize`` and ``CenterCrop`` do.

    JPEG files are decoded at 1/2, 1/4 or 1/8 of their size if they stay at least twice as large as ``resize``. Of an
    image that is more than four times as long as wide, only the centre is resized.

    Attributes:
        size: The height and width of the result.
        resize: The length of the shorter side before the crop; None: ``size``, as for CLIP. UniCL's own models use 256
            for 224.
        interpolation: The filter for resizing. It is always antialiased.
        max_pixels: Images of more pixels are refused before they are decoded.

    Raises:
        ValueError: An attribute is outside its range.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> content = io.BytesIO()
        >>> Image.new("RGB", (300, 200)).save(content, "PNG")
        >>> EvalTransform(size=64, resize=72)(content.getvalue()).shape
        torch.Size([3, 64, 64])
    """

    size: int = 224
    resize: int | None = None
    interpolation: Interpolation = "bicubic"
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        _check(self.interpolation, size=self.size, max_pixels=self.max_pixels)
        if self.resize is not None and self.resize < self.size:
            raise ValueError(f"expected resize >= size, which is {self.size}; got {self.resize}")

    def __call__(self, data: bytes, *, seed: int = 0, position: int = 0) -> UInt8[Tensor, "3 size size"]:  # noqa: ARG002
        """Decodes and transforms an image file. Seed and position change nothing.

        Raises:
            BadImageError: The file is empty, in another format, too large, cut off or damaged.
        """
        image = EncodedImage(data, max_pixels=self.max_pixels)
        shorter, longest = min(image.height, image.width), _LONGEST * min(image.height, image.width)
        resize = self.resize or self.size
        height, width = (resize * min(length, longest) // shorter for length in (image.height, image.width))
        pixels = image.decode(shrink=shorter / (_FINER * resize))
        longest = _LONGEST * min(pixels.shape[:2])
        top, left = (_middle(length, min(length, longest)) for length in pixels.shape[:2])
        pixels = pixels[top : top + longest, left : left + longest]
        resized = _resized(pixels, height, width, self.interpolation)
        top, left = _middle(height, self.size), _middle(width, self.size)
        return resized[:, top : top + self.size, left : left + self.size].contiguous()


def _check(interpolation: str, **sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"expected {name} >= 1; got {size}")
    if interpolation not in get_args(Interpolation):
        raise ValueError(f"expected interpolation {' or '.join(get_args(Interpolation))}; got {interpolation!r}")


def _middle(length: int, part: int) -> int:
    """Gives the start of the part in the middle. Where that is between pixels, it is the one that torchvision takes."""
    return round((length - part) / 2)


def _resized(pixels: NDArray[np.uint8], height: int, width: int, interpolation: str) -> UInt8[Tensor, "3 height width"]:
    """Resizes pixels (h, w, 3). What comes back is contiguous."""
    image = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)  # torch is slower with rows that have gaps
    if pixels.shape[:2] != (height, width):
        image = functional.interpolate(image[None], (height, width), mode=interpolation, antialias=True)[0]
    return image.contiguous()
