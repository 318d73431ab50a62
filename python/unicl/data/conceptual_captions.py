"""Conceptual Captions: a TSV of captions and pictures that somebody has already downloaded."""

from __future__ import annotations

import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.utils.data import Dataset

from unicl.data.skipped import BadRow, SkippedRows
from unicl.files import MAX_PIXELS, BadImageError, decode_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from PIL import Image
    from torch import Tensor

HEADERS = {("title", "filepath"), ("caption", "url"), ("url", "caption"), ("caption", "path"), ("caption", "image")}


@dataclass(frozen=True, slots=True)
class CaptionedImage:
    """One row: a picture and its caption.

    Attributes:
        row: Its line in the TSV, from 1.
        image: What the data set's ``transform`` made of the picture; without one, the picture itself, in RGB.
        caption: The caption, stripped of outer whitespace.
    """

    row: int
    image: Any
    caption: str


class CaptionedImages(NamedTuple):
    """A batch of n rows, and the rows that were met and left out.

    Attributes:
        images: (n, 3, h, w).
        captions: n captions.
        bad_rows: Hand them to the data set's ``skipped.record``.
    """

    images: Tensor
    captions: list[str]
    bad_rows: list[BadRow]


class ConceptualCaptions(Dataset["CaptionedImage | BadRow"]):
    """The rows of a Conceptual Captions TSV whose picture is on this disk.

    A row is ``caption <TAB> picture``, as Conceptual Captions has it (Sharma et al. 2018), or ``URL <TAB> caption``,
    as Conceptual 12M has it (Changpinyo et al. 2021). A first line that names the columns, such as open_clip's
    ``title <TAB> filepath``, is left out. The file is UTF-8 without quoting. Where the picture is:

    - A path is taken below ``image_root``.
    - For a URL, the file is ``image_root/NAME`` or ``image_root/NAME.EXTENSION`` where NAME is the first of these
      that exists: ``ROW_CRC32`` (the row from 0 and ``zlib.crc32`` of the URL, in decimal: what the usual downloader
      of Conceptual Captions writes), ``CRC32`` alone, or the SHA-256 of the URL in hexadecimal.
    - A third column that names a file below ``image_root`` goes before either. img2dataset numbers its files: join its
      parquet files, which have ``url`` and ``key``, to the TSV, and write ``KEY[:5]/KEY.jpg`` there.

    A row that is malformed or whose picture is missing is left out when the file is read; one whose picture turns out
    to be damaged, in another format or too large, when it is asked for. All are in ``skipped``, by reason.

    Args:
        tsv: The file.
        image_root: The folder of the pictures; None: the folder of the TSV.
        transform: Picture (RGB) -> tensor (3, h, w).
        max_pixels: Larger pictures are refused before they are decoded.
        max_bad_fraction: The largest share of the rows that may be bad, in [0, 1]. Generous, for many addresses of
            Conceptual Captions no longer answer.

    Attributes:
        captions: The captions of the rows that are left, in order.
        skipped: The rows that are not.

    Raises:
        FileNotFoundError: There is no such TSV, or no such folder.
        ValueError: No row can be used, or more than the allowed share cannot.

    Example:
        >>> ConceptualCaptions("nowhere.tsv")
        Traceback (most recent call last):
        FileNotFoundError: no Conceptual Captions TSV at nowhere.tsv: wanted lines of a caption, a tab and a picture
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
                f"no Conceptual Captions TSV at {tsv}: wanted lines of a caption, a tab and a picture"
            )
        self.image_root = tsv.parent if image_root is None else Path(image_root)
        if not self.image_root.is_dir():
            raise FileNotFoundError(
                f"no folder of pictures at {self.image_root}: image_root must hold what {tsv} names"
            )
        self.transform, self.max_pixels = transform, max_pixels
        self.skipped = SkippedRows(str(tsv), max_bad_fraction=max_bad_fraction)
        self.rows: list[int] = []
        self.paths: list[str] = []
        self.captions: list[str] = []
        find = _PictureFinder(self.image_root)
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
            raise ValueError(f"no usable row: {self.skipped}")
        self.skipped.check()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> CaptionedImage | BadRow:
        """Reads one row; a bad picture gives a ``BadRow``, since a worker process cannot count for all of them."""
        row, path = self.rows[index], self.paths[index]
        try:
            image = decode_image(path, max_pixels=self.max_pixels)
        except BadImageError as error:
            return BadRow(row, error.reason, f"{path}: {error.detail}")
        except OSError as error:  # gone, or unreadable, since the listing
            return BadRow(row, "unreadable file", f"{path}: {error.strerror}")
        return CaptionedImage(row, image if self.transform is None else self.transform(image), self.captions[index])


def collate_captioned_images(samples: Sequence[CaptionedImage | BadRow]) -> CaptionedImages:
    """Stacks what ``ConceptualCaptions`` gives, for a ``DataLoader``; the batch is short by its bad rows.

    Args:
        samples: Rows whose images are tensors of one shape.

    Returns:
        The batch; its ``images`` are empty, (0,), where every row is bad.
    """
    good = [sample for sample in samples if isinstance(sample, CaptionedImage)]
    images = torch.stack([sample.image for sample in good]) if good else torch.empty(0)
    bad_rows = [sample for sample in samples if isinstance(sample, BadRow)]
    return CaptionedImages(images, [sample.caption for sample in good], bad_rows)


def _lines(tsv: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their number from 1; bytes, so that one bad byte costs one row."""
    with tsv.open("rb") as file:
        for row, line in enumerate(file, start=1):
            is_header = row == 1 and tuple(line.decode(errors="replace").strip().lower().split("\t"))[:2] in HEADERS
            if line.strip() and not is_header:
                yield row, line


def _parse(row: int, line: bytes, find: _PictureFinder) -> BadRow | tuple[str, str]:
    """The caption and the path of the picture, or what is wrong with the row."""
    try:
        fields = [field.strip() for field in line.decode().split("\t")]
    except UnicodeDecodeError as error:
        return BadRow(row, "not UTF-8", f"byte {error.start} of the line")
    if len(fields) < 2:
        return BadRow(row, "missing column", f"wanted a caption, a tab and a picture, got {fields[0][:60]!r}")
    caption, picture = fields[:2]
    if _is_url(caption) and not _is_url(picture):
        caption, picture = picture, caption
    if not caption or not picture:
        return BadRow(row, "empty column", f"caption {caption[:60]!r}, picture {picture[:60]!r}")
    path = (find.by_path(fields[2]) if len(fields) > 2 and fields[2] else None) or (
        find.by_url(picture, row) if _is_url(picture) else find.by_path(picture)
    )
    return (caption, path) if path else BadRow(row, "missing image", picture)


def _is_url(field: str) -> bool:
    return field.startswith(("http://", "https://"))


class _PictureFinder:
    """Finds pictures by listing each folder once: on a network disk, asking for millions of files takes hours."""

    def __init__(self, image_root: Path) -> None:
        self._root = image_root
        self._folders: dict[Path, tuple[set[str], dict[str, str]]] = {}

    def _folder(self, folder: Path) -> tuple[set[str], dict[str, str]]:
        """The names of a folder's files, and the same by name without extension."""
        if folder not in self._folders:
            try:
                with os.scandir(folder) as entries:
                    names = {entry.name for entry in entries if entry.is_file()}
            except OSError:  # no such folder: nothing in it
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
