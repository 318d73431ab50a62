"""Decodes images from untrusted files: format and number of pixels are checked before decoding."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image, UnidentifiedImageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMATS = ("JPEG", "PNG", "WEBP")
"""The formats that the web data sets hold. Pillow's other forty parsers never see a file."""

MAX_PIXELS = 2**26
"""64 mebipixels: 8,192 x 8,192, or 192 MiB of RGB. Below the size at which Pillow warns."""

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a file of each EXIF orientation upright. From 5 on, width and height change places."""


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
    """Decodes an image to RGB as it is shown: the first frame, turned as its EXIF orientation asks, on white.

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
    with open_checked(file, max_pixels) as image:
        return as_shown(image)


def open_checked(file: BinaryIO, max_pixels: int) -> Image.Image:
    """Reads the header of an image, and checks format and size.

    Raises:
        BadImageError: The file is empty, in another format or too large, or its header is damaged.
    """
    head = file.read(12)
    file.seek(0)
    if not head:
        raise BadImageError("empty file", "0 bytes")
    with naming_damage():
        try:
            image = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError as error:
            raise BadImageError("not JPEG, PNG or WEBP", f"the file begins with {head!r}") from error
    check_pixels(*image.size, max_pixels)
    return image


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """Refuses an image by the size that it claims.

    Raises:
        BadImageError: It claims more than ``max_pixels``.
    """
    if width * height > max_pixels:
        raise BadImageError("too many pixels", f"{width} x {height}, at most {max_pixels} are allowed")


def as_shown(image: Image.Image) -> Image.Image:
    """Decodes an opened image to RGB: turned as its EXIF orientation asks, and on white where it is transparent.

    Raises:
        BadImageError: It is cut off or damaged.
    """
    with naming_damage():
        turn = _TURNS.get(orientation(image))
        if turn is not None:
            image = image.transpose(turn)
        if image.mode.startswith("I"):  # 16 bits of grey, which convert() cuts at 255
            return image.point(lambda level: level * (1 / 256)).convert("L").convert("RGB")
        if image.has_transparency_data:
            image = image.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        return image.convert("RGB")


def orientation(image: Image.Image) -> int:
    """Reads the EXIF orientation, 1 to 8. Where there is none, or EXIF data that are damaged, it is 1."""
    try:
        value = image.getexif().get(_ORIENTATION)
    except Exception:  # whatever Pillow meets in them; the pixels may be whole
        return 1
    return value if value in _TURNS else 1


@contextmanager
def naming_damage() -> Iterator[None]:
    """Turns what Pillow raises about the content of an image into a :class:`BadImageError`."""
    try:
        yield
    except BadImageError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, met before ours
        raise BadImageError("too many pixels", str(error)) from error
    except (
        Exception
    ) as error:  # Pillow answers damage with OSError, SyntaxError, ValueError, struct.error, EOFError, ...
        raise BadImageError("undecodable", f"{type(error).__name__}: {error}") from error
