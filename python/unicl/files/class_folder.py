"""Reads class folders, as ImageNet has them: the images of a class are in the folder of its name."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from unicl.files.rows import RawBatch
from unicl.files.shards import IMAGE_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from unicl.files.rows import Reading

IMAGE_PATH, CLASS = "image_path", "class"
SPLITS = frozenset(("train", "training", "val", "valid", "validation", "dev", "test"))
"""Folders that are parts of a data set, if all folders with images have such names."""
NO_CLASS = "an image in no class folder"


class ClassFolder:
    """The images of a class folder, each a row: its path relative to the folder, and the name of its class.

    The class is the name of the first folder below ``path``; deeper folders have no meaning. Classes are in the order
    of their names, and images of a class in the order of their paths. Hidden files are not read. An image beside the
    class folders has no class, and is a bad row. No image is opened.

    Attributes:
        path: The folder.
        class_names: The classes with an image, by name.
        class_ids: int32 (rows,), the class of each row as an index into ``class_names``; -1 for none.
        images: The path of each row, relative to the folder: an Arrow column of strings.
        empty: The folders without an image, by name.
        ignored: What is in the folder and is no row, by kind: files that are no images, classes without images.

    Raises:
        ValueError: There are no two classes. A link leads back to a folder above it. A name is not UTF-8. A file tells
            that the folders are no classes: a table, a shard, or a text beside the image of the same name.
    """

    class_column = CLASS

    def __init__(self, path: Path, reading: Reading, *, data_files: Collection[str] = ()) -> None:
        self.path, self._reading, self._data_files = path, reading, data_files
        self.ignored: Counter[str] = Counter()
        self.schema = pa.schema([pa.field(IMAGE_PATH, pa.string()), pa.field(CLASS, pa.string())])
        stray = self._images_in(os.fspath(path), "", frozenset(), deep=False)
        names: list[str] = []
        empty: list[str] = []
        images, ids = list(stray), [-1] * len(stray)
        for name in _folders(path):
            if name.startswith("_"):
                self.ignored["folder whose name begins with an underscore"] += 1
                continue
            found = self._images_in(f"{path}/{name}", f"{name}/", frozenset((_identity(path),)))
            if found:
                ids += [len(names)] * len(found)
                names.append(name)
                images += found
            else:
                empty.append(name)
                self.ignored["class folder without images"] += 1
        if len(names) < 2:
            got = f"one, {names[0]!r}" if names else "only images" if images else "none"
            raise ValueError(
                f"{path}: expected two class folders or more, each with images ({', '.join(IMAGE_ENDINGS)}); "
                f"got {got}: name the folder that has a folder for each class"
            )
        self.empty = tuple(empty)
        self.class_names: tuple[str, ...] = tuple(names)
        self.class_ids: NDArray[np.int32] = np.array(ids, np.int32)
        self.images = pa.array(images, pa.large_string())
        self.num_rows: int | None = len(images)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """Gives the rows, in order."""
        names = pa.array(self.class_names, pa.string())
        for start in range(0, len(self.images), self._reading.batch_rows):
            images = self.images.slice(start, self._reading.batch_rows)
            ids = self.class_ids[start : start + len(images)]
            classes = names.take(pa.array(ids, mask=ids < 0))
            rows = pa.RecordBatch.from_arrays([images.cast(pa.string()), classes], schema=self.schema)
            bad = dict.fromkeys(np.flatnonzero(ids < 0).tolist(), NO_CLASS)
            yield RawBatch(rows if columns is None else rows.select(list(columns)), _places(images), bad)

    def _images_in(
        self, folder: str, prefix: str, above: frozenset[tuple[int, int]], *, deep: bool = True
    ) -> list[str]:
        """Lists the images in a folder, at any depth or not, by path; the other files are counted."""
        above = above | {_identity(folder)}
        images, texts, folders = list[str](), list[str](), list[str]()
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                name = entry.name
                if name.startswith("."):
                    continue
                _refuse_undecodable(entry.path)
                ending = _ending(name)
                if entry.is_dir():
                    folders.append(name)
                elif not entry.is_file():
                    self.ignored["broken link" if entry.is_symlink() else "special file"] += 1
                elif ending in IMAGE_ENDINGS:
                    images.append(prefix + name)
                else:
                    self._refuse_data_file(entry.path, ending)
                    self.ignored[f".{ending} file" if ending else "file without an ending"] += 1
                    texts += [prefix + name[:-4]] if ending == "txt" else []
        beside = {image.rpartition(".")[0] for image in images}.intersection(texts)
        if beside:
            raise ValueError(
                f"{self.path}: expected class folders; got the text {min(beside)}.txt beside the image of that name: "
                "read the texts as captions from a webdataset shard (.tar) or a table"
            )
        for name in folders if deep else ():
            below = f"{folder}/{name}"
            if _identity(below) in above:
                raise ValueError(f"{below}: expected a folder; got a link to a folder above it: remove the link")
            images += self._images_in(below, f"{prefix}{name}/", above)
        return images

    def _refuse_data_file(self, path: str, ending: str) -> None:
        if f".{ending}" in self._data_files and ending != "txt":
            raise ValueError(
                f"{self.path}: expected images in class folders; got {path} beside them: name that file, or move it"
            )


def class_folders(folder: Path) -> list[Path]:
    """Finds the class folders that a folder is or has: itself; or its splits, such as ``train`` and ``val``; or none.

    Only as many files are looked at as are needed to find an image in each folder.
    """
    with_images = [name for name in _folders(folder) if not name.startswith("_") and has_image(folder / name)]
    if with_images and SPLITS.issuperset(name.lower() for name in with_images):
        return [folder / name for name in with_images]
    return [folder] if with_images else []


def has_image(folder: str | Path) -> bool:
    """Tells whether a folder has an image at any depth. Links to folders are followed at the first level only."""
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if any(_is_image(name) for name in files):
            return True
    return False


def _folders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir())


def _is_image(name: str) -> bool:
    return not name.startswith(".") and _ending(name) in IMAGE_ENDINGS


def _ending(name: str) -> str:
    stem, _, ending = name.rpartition(".")
    return ending.lower() if stem else ""


def _identity(folder: str | Path) -> tuple[int, int]:
    found = Path(folder).stat()
    return found.st_dev, found.st_ino


def _places(images: pa.Array) -> Callable[[int], str]:
    return lambda row: f"image {images[row]}"


def _refuse_undecodable(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ValueError(f"expected a name in UTF-8; got {os.fsencode(path)!r}: rename the file") from None
