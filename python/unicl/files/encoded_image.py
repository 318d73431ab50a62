"""Images in memory before they are decoded: the size is known, and the pixels come when they are asked for."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg

from unicl.files.decode import MAX_PIXELS, as_shown, check_pixels, open_checked, orientation

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

_SHRINKS = (8, 4, 2)
_EXIF_WITHIN = 2**17
_ON_ITS_SIDE = 5
_FOR_PRINT = {"CMYK", "YCCK"}


class EncodedImage:
    """An image whose header was read: its format is allowed, and it claims no more pixels than are allowed.

    simplejpeg decodes JPEG files. Pillow decodes all else: other formats, CMYK, JPEG files that are stored turned, and
    those that simplejpeg finds a fault with.

    Args:
        data: The content of a JPEG, PNG or WEBP file.
        max_pixels: The largest width times height.

    Attributes:
        height: The height as the image is shown, in pixels.
        width: The width as the image is shown.

    Raises:
        BadImageError: The content is empty, in another format or too large, or its header is damaged.

    Example:
        >>> from PIL import Image
        >>> content = io.BytesIO()
        >>> Image.new("RGB", (300, 200), "red").save(content, "JPEG")
        >>> image = EncodedImage(content.getvalue())
        >>> image.height, image.width, image.decode().shape, image.decode(shrink=3.5).shape
        (200, 300, (200, 300, 3), (100, 150, 3))
    """

    __slots__ = ("_data", "_jpeg_size", "_max_pixels", "_opened", "height", "width")

    def __init__(self, data: bytes, *, max_pixels: int = MAX_PIXELS) -> None:
        self._data, self._max_pixels = data, max_pixels
        self._opened: Image.Image | None = None
        self._jpeg_size = _jpeg_size(data)
        if self._jpeg_size is not None:
            self.height, self.width = self._jpeg_size
            check_pixels(self.width, self.height, max_pixels)
            if data.find(b"Exif\0\0", 0, _EXIF_WITHIN) < 0:  # the usual case, which Pillow would make 50 us slower
                return
        self._opened = open_checked(io.BytesIO(data), max_pixels)
        self.width, self.height = self._opened.size
        turn = orientation(self._opened)
        if turn >= _ON_ITS_SIDE:
            self.height, self.width = self.width, self.height
        if turn > 1:
            self._jpeg_size = None

    def decode(self, *, shrink: float = 1) -> NDArray[np.uint8]:
        """Decodes to RGB as the image is shown: the first frame, turned as its EXIF orientation asks, on white.

        Args:
            shrink: How many times smaller the result may be. A JPEG file is then decoded at 1/2, 1/4 or 1/8 of its
                size, the smallest that is allowed. That takes a fraction of the time.

        Returns:
            uint8 (h, w, 3): height and width, or the fraction of them, rounded up. It can be written to.

        Raises:
            BadImageError: The content is cut off or damaged.
        """
        factor = next((factor for factor in _SHRINKS if factor <= shrink), 1)
        if self._jpeg_size is not None:
            height, width = (-(-length // factor) for length in self._jpeg_size)
            try:
                pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
                    self._data, min_height=height, min_width=width, min_factor=factor
                )
            except ValueError:
                pass  # Pillow judges whether the fault matters
            else:
                return pixels
        opened, self._opened = self._opened or open_checked(io.BytesIO(self._data), self._max_pixels), None
        if factor > 1:
            opened.draft("", (max(opened.width // factor, 1), max(opened.height // factor, 1)))
        with opened:
            return np.array(as_shown(opened))


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Gives height and width of a JPEG file as stored; None for all that is not for simplejpeg."""
    if data[:3] != b"\xff\xd8\xff":
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    return None if colours in _FOR_PRINT else (height, width)
