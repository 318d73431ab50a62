"""Finds the images of rows and decodes them, a bounded number at a time."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from unicl.files.caption_batches import find_column
from unicl.files.rows import SKIP_BAD_ROWS
from unicl.files.shards import Shard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from PIL import Image

    from unicl.files.caption_batches import CaptionBatch
    from unicl.files.decode import BadImageError
    from unicl.files.rows import BadRows, Source

IMAGE_COLUMNS = ("image", "jpg", "jpeg", "png", "webp", "image_path", "filepath")
"""The names under which a column of images is looked for, in this order."""


def find_images(source: Source, column: str | None) -> str | None:
    """Gives the name of the column with the images; None for a shard, which has them beside its columns.

    Raises:
        ValueError: There is no such column, it occurs twice, or it holds neither bytes, nor {bytes, path}, nor paths;
            or ``column`` is a column of a shard.
    """
    if isinstance(source, Shard) or source.num_rows == 0:
        if column is not None and column in source.schema.names:
            raise ValueError(
                f"{source.path}: expected images as members of the shard; got image_column={column}: name no column"
            )
        return None
    name = find_column(source, column, IMAGE_COLUMNS, option="image_column")
    kind = source.schema.field(name).type
    fields = [kind.field(index).name for index in range(kind.num_fields)] if pa.types.is_struct(kind) else []
    if not (_is_text(kind) or _is_bytes(kind) or "bytes" in fields or "path" in fields):
        wanted = f"expected images in the column {name!r}, as bytes, {{bytes, path}} or paths"
        raise ValueError(f"{source.path}: {wanted}; got {kind}")
    return name


class RowImages:
    """The images of a batch of rows. An image is opened when it is asked for.

    Args:
        batch: The rows.
        path: Their file or class folder; paths of images are relative to the folder.
        bad_rows: What happens at an image that cannot be read: an error names the row, or ``bad`` collects it.
        threads: How many threads decode; None: one for each core.

    Attributes:
        opened: How many images were asked for and could be read.
        bad: Why the other images that were asked for could not be read, by row.
    """

    def __init__(self, batch: CaptionBatch, path: Path, bad_rows: BadRows, *, threads: int | None = None) -> None:
        if batch.images is None:
            raise ValueError(f"{path}: expected rows with images; got rows that were read without")
        self._images, self._place, self._path, self._bad_rows = batch.images, batch.place, path, bad_rows
        self._threads = threads or os.cpu_count() or 1
        self.opened = 0
        self.bad: dict[int, BadImageError] = {}

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._images)

    def place(self, row: int) -> str:
        """Names a row in a message."""
        return f"{self._path}, {self._place(row)}"

    def open(self, rows: Sequence[int]) -> Iterator[tuple[int, Image.Image]]:
        """Gives the rows whose images can be read, with their images in RGB. All threads decode, some images ahead.

        Raises:
            ValueError: An image cannot be read, and ``bad_rows`` is "error".
        """
        with ThreadPoolExecutor(self._threads) as pool:
            for start in range(0, len(rows), 2 * self._threads):
                part = rows[start : start + 2 * self._threads]
                for row, image in zip(part, pool.map(self._decoded, part), strict=True):
                    if not isinstance(image, Exception):
                        self.opened += 1
                        yield row, image
                    elif self._bad_rows == "skip":
                        self.bad[row] = image
                    else:
                        raise ValueError(f"{self.place(row)}: image {image}: {SKIP_BAD_ROWS}") from image

    def _decoded(self, row: int) -> Image.Image | BadImageError:
        from unicl.files.decode import BadImageError, decode_image

        try:
            return decode_image(self._file(row))
        except BadImageError as error:
            return error
        except OSError as error:
            return BadImageError("unreadable", f"{error.filename}: {error.strerror}")
        except UnicodeDecodeError as error:
            return BadImageError("unreadable", f"its path is not UTF-8: {error.object!r}")

    def _file(self, row: int) -> Any:
        from unicl.files.decode import BadImageError

        image = self._images[row].as_py()
        image = image if isinstance(image, dict) else {"path" if isinstance(image, str) else "bytes": image}
        if image.get("bytes") is not None:
            return io.BytesIO(image["bytes"])
        if image.get("path") is None:
            raise BadImageError("missing", "the row has none")
        path = (self._path if self._path.is_dir() else self._path.parent) / image["path"]
        if not path.is_file():
            raise BadImageError("missing", f"there is no file {path}")
        return path


def _is_bytes(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view))


def _is_text(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))
