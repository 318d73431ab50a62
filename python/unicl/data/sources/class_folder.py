"""Samples in class folders, as ImageNet has them: the folder of an image is its class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unicl.data.skipped_samples import BadSampleError
from unicl.data.sources.checked_sample import checked_sample, read_image, sample_or_bad
from unicl.data.sources.class_names import ClassNames
from unicl.files import ClassFolder, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unicl.data.sample import Sample
    from unicl.data.skipped_samples import BadSample
    from unicl.data.sources.class_names import GivenNames


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

    def __init__(self, path: str | Path, *, name: str | None = None, class_names: GivenNames | None = None) -> None:
        self._path = Path(path)
        if not self._path.is_dir():
            raise FileNotFoundError(f"expected a folder with a folder for each class; got {path}, which is none")
        self.name = self._path.resolve().name if name is None else name
        found = ClassFolder(self._path, Reading())
        if found.empty:
            raise ValueError(
                f"{self._path / found.empty[0]}: expected images in the folder of a class; got none: remove the folder"
            )
        self._images, self._class_ids = found.images, found.class_ids
        self._classes = _named(self._path, found.class_names, class_names)
        self.class_names: tuple[str, ...] | None = tuple(sorted(self._classes))

    def class_counts(self) -> Counter[str]:
        """Counts the images of each class."""
        counts = np.bincount(self._class_ids[self._class_ids >= 0], minlength=len(self._classes)).tolist()
        return Counter(dict(zip(self._classes, counts, strict=True)))

    def __len__(self) -> int:
        """The number of images."""
        return len(self._images)

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


def _named(path: Path, folders: Sequence[str], names: GivenNames | None) -> tuple[str, ...]:
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
            raise ValueError(f"{path / folder}: expected a name for this class in class_names; got none: add it")
        found.append(name)
    return tuple(found)
