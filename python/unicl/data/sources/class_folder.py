"""Samples in class folders, as ImageNet has them: the folder of an image is its class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from unicl.data.skipped_samples import BadSampleError
from unicl.data.sources.checked_sample import checked_sample, read_image, sample_or_bad
from unicl.data.sources.class_names import ClassNames
from unicl.files import IMAGE_ENDINGS, SPLITS, ClassFolder, Reading, as_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unicl.data.sample import Sample
    from unicl.data.skipped_samples import BadSample
    from unicl.data.sources.class_names import GivenNames
    from unicl.files import AnyPath, RemotePath


class ClassFolderSamples:
    """The images of a class folder as samples with one class. The key of a sample is its path in the folder.

    The folder is listed once, when the source is opened. No image is opened then.

    Args:
        path: The folder that has a folder for each class.
        name: Names the source; None: the name of the folder.
        class_names: Names for the folders, such as ``{"n01440764": "tench"}``; or as many names as there are folders,
            in the order of the folders. None: the folders are named as the classes.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: There are no two classes, a class folder has no image, a folder has no name or two have one.
    """

    has_captions = False
    format, schema = "class folder", {"image": "the files", "classes": "the folders"}

    def __init__(self, path: str | AnyPath, *, name: str | None = None, class_names: GivenNames | None = None) -> None:
        self._path = as_path(path)
        if not self._path.is_dir():
            raise FileNotFoundError(f"expected a folder with a folder for each class; got {path}, which is none")
        if isinstance(self._path, Path):
            self.name = self._path.resolve().name if name is None else name
            found = ClassFolder(self._path, Reading())
            folders, self._images, self._class_ids = found.class_names, found.images, found.class_ids
            if found.empty:
                raise ValueError(
                    f"{path}/{found.empty[0]}: expected images in the folder of a class; got none: remove the folder"
                )
        else:
            self.name = self._path.name if name is None else name
            folders, self._images, self._class_ids = _listed(self._path)
        if SPLITS.issuperset(folder.lower() for folder in folders):
            raise ValueError(
                f"{path}: expected folders of classes; got the splits {' and '.join(folders)}: name one, such as "
                f"{path}/{folders[0]}"
            )
        self._classes = _named(self._path, folders, class_names)
        self.class_names: tuple[str, ...] | None = tuple(sorted(self._classes))

    def class_counts(self) -> Counter[str]:
        """Counts the images of each class."""
        counts = np.bincount(self._class_ids[self._class_ids >= 0], minlength=len(self._classes)).tolist()
        return Counter(dict(zip(self._classes, counts, strict=True)))

    def __len__(self) -> int:
        """The number of images."""
        return len(self._images)

    def row_classes(self) -> NDArray[np.int64]:
        """Gives the place of each row's class in ``class_names``."""
        places = {name: place for place, name in enumerate(self.class_names or ())}
        of_folders = np.array([*(places[name] for name in self._classes), -1], dtype=np.int64)
        of_rows: NDArray[np.int64] = of_folders[np.asarray(self._class_ids)]
        return of_rows

    def take(self, rows: Sequence[int]) -> list[Sample | BadSample]:
        """Gives the samples of some rows, in their order; a bad one in the place of a row that has none.

        Raises:
            IndexError: There is no such row.
        """
        return [self._sample(int(row)) for row in rows]

    def _sample(self, row: int) -> Sample | BadSample:
        if not 0 <= row < len(self):
            raise IndexError(f"expected a row from 0 to {len(self) - 1}; got {row}")
        path, class_id = self._images[row].as_py(), self._class_ids[row]
        return sample_or_bad(
            self.name,
            path,
            lambda: checked_sample(
                source=self.name,
                key=path,
                image=read_image(self._path / path),
                classes=() if class_id < 0 else (self._classes[class_id],),
            ),
        )


def _listed(path: RemotePath) -> tuple[tuple[str, ...], pa.Array, NDArray[np.int32]]:
    """Lists the classes at a URL, the images, and the class of each image; -1 for an image in no class folder."""
    found = [file.split("/") for file in path.find()]
    images = [parts for parts in found if parts[0][:1] != "_" and _is_image(parts)]
    folders = tuple(sorted({parts[0] for parts in images if len(parts) > 1}))
    if len(folders) < 2:
        got = f"one, {folders[0]!r}" if folders else "none"
        raise ValueError(f"{path}: expected two class folders or more, each with images; got {got}")
    numbers = {folder: number for number, folder in enumerate(folders)}
    ids = [numbers[parts[0]] if len(parts) > 1 else -1 for parts in images]
    return folders, pa.array(["/".join(parts) for parts in images], pa.large_string()), np.array(ids, np.int32)


def _is_image(parts: Sequence[str]) -> bool:
    ending = parts[-1].rpartition(".")[2].lower()
    return ending in IMAGE_ENDINGS and not any(part.startswith(".") for part in parts)


def _named(path: AnyPath, folders: Sequence[str], names: GivenNames | None) -> tuple[str, ...]:
    """Gives the name of each class, in the order of the folders."""
    given = ClassNames(names, place=path)
    if names is None or (not isinstance(names, Mapping) and set(names) == set(folders)):
        return tuple(folders)
    if not isinstance(names, Mapping) and len(names) != len(folders):
        raise ValueError(
            f"{path}: expected as many class_names as there are class folders, {len(folders)}; got {len(names)}"
        )
    found = []
    for number, folder in enumerate(folders):
        try:
            name = given.name_of(folder if isinstance(names, Mapping) else number)
        except BadSampleError:
            name = None
        if name is None:
            raise ValueError(f"{path}/{folder}: expected a name for this class in class_names; got none: add it")
        found.append(name)
    return tuple(found)
