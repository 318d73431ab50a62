"""Makes a sample of what a row has. A row that cannot be used gives a bad sample, never an error."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from unicl.data.sample import Sample
from unicl.data.skipped_samples import BadSample, BadSampleError, good_caption
from unicl.files import as_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from unicl.files import AnyPath


def sample_or_bad(source: str, key: str, make: Callable[[], Sample]) -> Sample | BadSample:
    """Calls ``make``. What is wrong with the sample becomes a :class:`BadSample`."""
    named = f"{source}, {key}"
    try:
        return make()
    except BadSampleError as error:
        return BadSample(named, error.reason, error.detail)
    except UnicodeDecodeError as error:
        return BadSample(named, "not UTF-8", f"byte {error.start} of {bytes(error.object)[:60]!r}")


def checked_sample(
    *,
    source: str,
    key: str,
    image: bytes | None,
    captions: Iterable[str | bytes | None] = (),
    classes: Iterable[str] = (),
    weight: float | None = None,
) -> Sample:
    """Makes a sample. Captions that are missing or blank are left out.

    Raises:
        BadSampleError: The image has no bytes; there is neither a caption nor a class; a caption is not UTF-8; the
            weight is not above 0 and finite.
    """
    if not image:
        raise BadSampleError("missing image" if image is None else "empty image", "the sample has no bytes of one")
    good = tuple(
        good_caption(caption)
        for caption in captions
        if caption is not None and not (caption.isspace() or len(caption) == 0)
    )
    classes = tuple(dict.fromkeys(classes))
    if not good and not classes:
        raise BadSampleError("missing caption and class", "the sample has neither")
    weight = 1.0 if weight is None else float(weight)
    if not (weight > 0 and math.isfinite(weight)):
        raise BadSampleError("bad weight", f"expected a finite weight above 0; got {weight:g}")
    return Sample(key=key, image=image, captions=good, classes=classes, weight=weight, source=source)


def read_image(path: AnyPath) -> bytes:
    """Reads the bytes of an image file.

    Raises:
        BadSampleError: The file is missing, or cannot be read.
    """
    try:
        if isinstance(path, Path) and not path.is_file():
            raise BadSampleError("missing image", f"there is no file {path}")
        return path.read_bytes()
    except FileNotFoundError:
        raise BadSampleError("missing image", f"there is no file {path}") from None
    except (OSError, ValueError) as error:  # a path with a null byte is a ValueError
        if isinstance(error, BadSampleError):
            raise
        raise BadSampleError("unreadable image", f"{path}: {getattr(error, 'strerror', None) or error}") from None


def existing(path: str | AnyPath, wanted: str) -> AnyPath:
    """Gives the path of a file or folder that is there, or a pattern in a folder that is there.

    Raises:
        FileNotFoundError: There is none; the message tells what is wanted.
    """
    found = as_path(path)
    if not (found.parent if "*" in found.name else found).exists():
        raise FileNotFoundError(f"expected {wanted}; got {path}, which does not exist")
    return found


def refuse_no_rows(path: object, rows: int) -> None:
    """Refuses a source without rows.

    Raises:
        ValueError: It has none.
    """
    if not rows:
        raise ValueError(f"{path}: expected at least one row; got none: name a file or folder with samples")
