"""Looks at the image of a sample: its format, its size, whether it can be decoded, and a thumbnail."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unicl.files import EncodedImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

THUMBNAIL = 192
"""The longer side of a thumbnail, in pixels."""
_CHECK = 8
_QUALITY = 80


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """The format and the size of an image, as it is shown, and a small JPEG file of it."""

    format: str
    width: int
    height: int
    thumbnail: bytes | None


def inspect_image(data: bytes, *, thumbnail: bool) -> ImageFacts:
    """Decodes an image, at a fraction of its size where its format allows.

    Args:
        data: The content of an image file.
        thumbnail: Whether to make one.

    Raises:
        BadImageError: Training could not use the image either.
    """
    image = EncodedImage(data)
    longest = max(image.width, image.height)
    pixels = image.decode(shrink=longest / (2 * THUMBNAIL) if thumbnail else _CHECK)
    return ImageFacts(
        format="JPEG" if data[:2] == b"\xff\xd8" else "PNG" if data[:4] == b"\x89PNG" else "WEBP",
        width=image.width,
        height=image.height,
        thumbnail=_small(pixels) if thumbnail else None,
    )


def _small(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    small = Image.fromarray(pixels)
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    content = io.BytesIO()
    small.save(content, "JPEG", quality=_QUALITY)
    return content.getvalue()
