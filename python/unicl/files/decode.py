"""Decodes images from untrusted files: format and number of pixels are checked before decoding."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image, UnidentifiedImageError

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("JPEG", "PNG", "WEBP")
"""The formats that the web data sets hold. Pillow's other forty parsers never see a file."""

MAX_PIXELS = 2**26
"""64 mebipixels: 8,192 x 8,192, or 192 MiB of RGB. Below the size at which Pillow warns."""


class BadImageError(ValueError):
    """An image that was refused or could not be decoded.

    Attributes:
        reason: Names the kind of fault, to count it: "empty file", "not JPEG, PNG or WEBP", "too many pixels",
            "undecodable", "unreadable" or "missing".
        detail: The values that led to it.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


def decode_image(file: str | Path | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decodes an image to RGB: the first frame. It is not rotated, even if its EXIF data ask for that.

    The header is read first. An image of more than ``max_pixels`` is refused undecoded, however small its file.

    Args:
        file: A path, or a file open for reading bytes.
        max_pixels: The largest width times height.

    Returns:
        The decoded image, in mode RGB.

    Raises:
        BadImageError: The file is empty, in another format, too large, cut off or damaged.
        OSError: The path cannot be opened.

    Example:
        >>> import io
        >>> decode_image(io.BytesIO(b"GIF89a"))
        Traceback (most recent call last):
        unicl.files.decode.BadImageError: not JPEG, PNG or WEBP: the file begins with b'GIF89a'
    """
    if isinstance(file, (str, os.PathLike)):
        with open(file, "rb") as opened:  # noqa: PTH123 - a str stays a str: millions of them
            return decode_image(opened, max_pixels=max_pixels)
    head = file.read(12)
    file.seek(0)
    if not head:
        raise BadImageError("empty file", "0 bytes")
    try:
        with Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise BadImageError("too many pixels", f"{width} x {height}, at most {max_pixels} are allowed")
            if image.mode.startswith("I"):  # 16 bits of grey, which convert() cuts at 255
                return image.point(lambda level: level * (1 / 256)).convert("L").convert("RGB")
            return image.convert("RGB")
    except BadImageError:
        raise
    except UnidentifiedImageError as error:
        raise BadImageError("not JPEG, PNG or WEBP", f"the file begins with {head!r}") from error
    except Image.DecompressionBombError as error:  # Pillow's own limit, met before ours
        raise BadImageError("too many pixels", str(error)) from error
    except (
        Exception
    ) as error:  # Pillow answers damage with OSError, SyntaxError, ValueError, struct.error, EOFError, ...
        raise BadImageError("undecodable", f"{type(error).__name__}: {error}") from error
