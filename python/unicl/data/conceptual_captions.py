"""Conceptual Captions as a data set: a TSV of captions, and images that are already downloaded."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from unicl.data.skipped import BadRow, SkippedRows
from unicl.files import MAX_PIXELS, BadImageError, decode_image

if TYPE_CHECKING:
    from PIL import Image

HEADERS = {("title", "filepath"), ("caption", "url"), ("url", "caption"), ("caption", "path"), ("caption", "image")}


@dataclass(frozen=True, slots=True)
class CaptionedImage:
    """One row: an image and its caption.

    Attributes:
        row: Its line in the TSV, from 1.
        image: The output of the data set's ``transform``; without a transform, the image itself in RGB.
        caption: The caption, stripped of outer whitespace.
    """

    row: int
    image: Tensor | Image.Image
    caption: str


class CaptionedImages(NamedTuple):
    """A batch of rows, and the bad rows that are not in it.

    Attributes:
        images: The images; empty where every row is bad.
        captions: One caption an image.
        bad_rows: The bad rows. Pass them to the data set's ``skipped.record``.
    """

    images: Float[Tensor, "b 3 h w"] | Float[Tensor, " 0"]
    captions: list[str]
    bad_rows: list[BadRow]


class ConceptualCaptions(Dataset["CaptionedImage | BadRow"]):
    """The rows of a Conceptual Captions TSV whose image is on this disk.

    Conceptual Captions has rows ``caption <TAB> image`` (Sharma et al. 2018). Conceptual 12M has rows
    ``URL <TAB> caption`` (Changpinyo et al. 2021). Both are read. A first line that names the columns, such as
    open_clip's ``title <TAB> filepath``, is no row. The file is UTF-8 without quoting. An image is found like this:

    - A path is below ``image_root``.
    - For a URL, the file is ``image_root/NAME`` or ``image_root/NAME.EXTENSION``. NAME is the first of these that
      exists: ``ROW_CRC32``, ``CRC32`` alone, or the SHA-256 of the URL in hexadecimal. ROW counts from 0, and CRC32 is
      ``zlib.crc32`` of the URL in decimal. The usual downloader of Conceptual Captions writes ``ROW_CRC32``.
    - A third column that names a file below ``image_root`` goes before either. Use it for img2dataset, which numbers
      its files: join its parquet files, which have ``url`` and ``key``, to the TSV. Then write ``KEY[:5]/KEY.jpg`` in
      the third column.

    Bad rows are skipped. A row that is malformed, or whose image is missing, is found when the file is read. An image
    that is damaged, in another format or too large is found when the row is read. All are in ``skipped``, by reason.

    Args:
        tsv: The file.
        image_root: The folder of the images; None: the folder of the TSV.
        transform: Maps an image in RGB to a tensor (3, h, w).
        max_pixels: Larger images are refused before they are decoded.
        max_bad_fraction: The largest share of the rows that may be bad, in [0, 1]. It is generous because many
            addresses of Conceptual Captions no longer answer.

    Attributes:
        captions: The captions of the usable rows, in order.
        skipped: The bad rows.

    Raises:
        FileNotFoundError: There is no such TSV, or no such folder.
        ValueError: No row can be used, or more than the allowed share cannot.

    Example:
        >>> ConceptualCaptions("nowhere.tsv")
        Traceback (most recent call last):
        FileNotFoundError: expected a Conceptual Captions TSV, lines of a caption, a tab and an image; no nowhere.tsv
    """

    def __init__(
        self,
        tsv: str | Path,
        *,
        image_root: str | Path | None = None,
        transform: Callable[[Image.Image], Tensor] | None = None,
        max_pixels: int = MAX_PIXELS,
        max_bad_fraction: float = 0.5,
    ) -> None:
        tsv = Path(tsv)
        if not tsv.is_file():
            raise FileNotFoundError(
                f"expected a Conceptual Captions TSV, lines of a caption, a tab and an image; no {tsv}"
            )
        self.image_root = tsv.parent if image_root is None else Path(image_root)
        if not self.image_root.is_dir():
            raise FileNotFoundError(
                f"expected image_root to be the folder of the images that {tsv} names; no folder {self.image_root}"
            )
        self.transform, self.max_pixels = transform, max_pixels
        self.skipped = SkippedRows(str(tsv), max_bad_fraction=max_bad_fraction)
        self.rows: list[int] = []
        self.paths: list[str] = []
        self.captions: list[str] = []
        find = _ImageFinder(self.image_root)
        for row, line in _lines(tsv):
            self.skipped.total += 1
            match _parse(row, line, find):
                case BadRow() as bad:
                    self.skipped.add(bad)
                case caption, path:
                    self.rows.append(row)
                    self.captions.append(caption)
                    self.paths.append(path)
        if not self.rows:
            raise ValueError(f"expected at least one usable row: {self.skipped}")
        self.skipped.check()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> CaptionedImage | BadRow:
        """Reads one row. A bad image gives a ``BadRow``, because a worker process cannot count for all workers."""
        row, path = self.rows[index], self.paths[index]
        try:
            image = decode_image(path, max_pixels=self.max_pixels)
        except BadImageError as error:
            return BadRow(row, error.reason, f"{path}: {error.detail}")
        except OSError as error:  # gone or unreadable since the folder was listed
            return BadRow(row, "unreadable file", f"{path}: {error.strerror}")
        return CaptionedImage(row, image if self.transform is None else self.transform(image), self.captions[index])


def collate_captioned_images(samples: Sequence[CaptionedImage | BadRow]) -> CaptionedImages:
    """Stacks rows of :class:`ConceptualCaptions` for a ``DataLoader``. The batch is short by its bad rows.

    Args:
        samples: Rows whose images are tensors of one shape.

    Returns:
        The batch. Its ``images`` have the shape (0,) where every row is bad.
    """
    good = [sample for sample in samples if isinstance(sample, CaptionedImage)]
    images = torch.stack([cast("Tensor", sample.image) for sample in good]) if good else torch.empty(0)
    bad_rows = [sample for sample in samples if isinstance(sample, BadRow)]
    return CaptionedImages(images, [sample.caption for sample in good], bad_rows)


def _lines(tsv: Path) -> Iterator[tuple[int, bytes]]:
    """Yields the lines that are not blank, with their number from 1. They are bytes: one bad byte costs one row."""
    with tsv.open("rb") as file:
        for row, line in enumerate(file, start=1):
            is_header = row == 1 and tuple(line.decode(errors="replace").strip().lower().split("\t"))[:2] in HEADERS
            if line.strip() and not is_header:
                yield row, line


def _parse(row: int, line: bytes, find: _ImageFinder) -> BadRow | tuple[str, str]:
    """Gives the caption and the path of the image, or the reason why the row is bad."""
    try:
        fields = [field.strip() for field in line.decode().split("\t")]
    except UnicodeDecodeError as error:
        return BadRow(row, "not UTF-8", f"byte {error.start} of the line")
    if len(fields) < 2:
        return BadRow(row, "missing column", f"expected a caption, a tab and an image; got {fields[0][:60]!r}")
    caption, image = fields[:2]
    if _is_url(caption) and not _is_url(image):
        caption, image = image, caption
    if not caption or not image:
        return BadRow(row, "empty column", f"caption {caption[:60]!r}, image {image[:60]!r}")
    path = (find.by_path(fields[2]) if len(fields) > 2 and fields[2] else None) or (
        find.by_url(image, row) if _is_url(image) else find.by_path(image)
    )
    return (caption, path) if path else BadRow(row, "missing image", image)


def _is_url(field: str) -> bool:
    return field.startswith(("http://", "https://"))


class _ImageFinder:
    """Finds images by listing each folder once. On a network disk, asking for millions of files takes hours."""

    def __init__(self, image_root: Path) -> None:
        self._root = image_root
        self._folders: dict[Path, tuple[set[str], dict[str, str]]] = {}

    def _folder(self, folder: Path) -> tuple[set[str], dict[str, str]]:
        """Gives the names of a folder's files, and the same by name without extension."""
        if folder not in self._folders:
            try:
                with os.scandir(folder) as entries:
                    names = {entry.name for entry in entries if entry.is_file()}
            except OSError:  # there is no such folder, so it holds no file
                names = set()
            self._folders[folder] = names, {Path(name).stem: name for name in sorted(names, reverse=True)}
        return self._folders[folder]

    def by_path(self, path: str) -> str | None:
        full = self._root / path
        return str(full) if full.name in self._folder(full.parent)[0] else None

    def by_url(self, url: str, row: int) -> str | None:
        names = self._folder(self._root)[1]
        crc = zlib.crc32(url.encode())
        for stem in (f"{row - 1}_{crc}", str(crc), hashlib.sha256(url.encode()).hexdigest()):
            if stem in names:
                return str(self._root / names[stem])
        return None
