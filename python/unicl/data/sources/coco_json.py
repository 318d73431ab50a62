"""Samples of COCO's annotation files: an image with all its captions and the names of its categories."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from unicl.data.skipped_samples import BadSample, BadSampleError
from unicl.data.sources.checked_sample import checked_sample, existing, read_image, refuse_no_rows, sample_or_bad
from unicl.data.sources.class_names import ClassNames
from unicl.data.sources.sample_columns import count_classes
from unicl.files import CocoJson, Reading, as_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unicl.data.sample import Sample
    from unicl.files import AnyPath

LOOKED_AT = 100
"""So many images are looked for in each folder that may be that of the images."""


class CocoSamples:
    """The images of COCO's JSON as samples. The key of a sample is the id of its image.

    An annotation that cannot be read, or that belongs to no image, is a bad sample of its own after the others.

    Args:
        path: The file, such as ``annotations/captions_val2017.json``.
        name: Names the source; None: the name of the file.
        image_folder: The folder of the images. None: the folder of the file, or the folder ``val2017`` there or above,
            if the file ends in ``_val2017``.

    Raises:
        FileNotFoundError: There is no such file or folder.
        ValueError: The file is no JSON of COCO, has no images, has neither captions nor categories, has a category
            twice or only one and no captions; or none of the first images is in the folder.
    """

    format = "COCO JSON"

    def __init__(
        self, path: str | Path | AnyPath, *, name: str | None = None, image_folder: str | Path | AnyPath | None = None
    ) -> None:
        path = existing(path, "COCO's JSON")
        self.name = path.stem if name is None else name
        found = CocoJson(cast("Path", path), Reading())  # a URL has what it needs of a path
        refuse_no_rows(path, found.rows.num_rows)
        self.has_captions = "caption" in found.schema.names
        self.class_names = _checked_names(path, found, alone=not self.has_captions)
        self.several_classes = self.class_names is not None
        ids, firsts = found.rows["image_id"].to_pylist(), []
        for row, image_id in enumerate(ids):
            if row in found.bad or row == 0 or image_id != ids[row - 1]:
                firsts.append(row)
        self._rows = found.rows.combine_chunks()
        self._bounds = np.array([*firsts, len(ids)])
        self._bad = dict(found.bad)
        self._folder = _folder_of_images(path, image_folder, self._file_names(LOOKED_AT))

    @property
    def schema(self) -> dict[str, str]:
        """The field of each part of a sample."""
        parts = {"image": "file_name", "captions": "caption" if self.has_captions else ""}
        parts |= {"classes": "" if self.class_names is None else "category_id", "key": "image_id"}
        return {part: field for part, field in parts.items() if field}

    def class_counts(self) -> Counter[str] | None:
        """Counts the images of each category; None without categories."""
        if self.class_names is None:
            return None
        return count_classes([self._rows["classes"].take(self._bounds[:-1])], ClassNames(None, place=self.name))

    def __len__(self) -> int:
        """The number of images, and of annotations that cannot be used."""
        return len(self._bounds) - 1

    def take(self, rows: Sequence[int]) -> list[Sample | BadSample]:
        """Gives the samples of some rows, in their order; a bad one in the place of a row that has none.

        Raises:
            IndexError: There is no such row.
        """
        return [self._sample(int(row)) for row in rows]

    def _sample(self, row: int) -> Sample | BadSample:
        if not 0 <= row < len(self):
            raise IndexError(f"expected a row from 0 to {len(self) - 1}; got {row}")
        start, end = int(self._bounds[row]), int(self._bounds[row + 1])
        key = str(self._value("image_id", start))
        if start in self._bad:
            return BadSample(f"{self.name}, image {key}", "bad annotation", self._bad[start])

        def make() -> Sample:
            file = self._value("file_name", start)
            if not file:
                raise BadSampleError("missing image", "the annotations name no file")
            return checked_sample(
                source=self.name,
                key=key,
                image=read_image(self._folder / file),
                captions=[self._value("caption", each) for each in range(start, end)] if self.has_captions else (),
                classes=(self._value("classes", start) or ()) if self.class_names is not None else (),
            )

        return sample_or_bad(self.name, f"image {key}", make)

    def _value(self, column: str, row: int) -> Any:
        return self._rows[column][row].as_py()

    def _file_names(self, most: int) -> list[str]:
        return [name for name in self._rows["file_name"].slice(0, most).to_pylist() if name]


def _checked_names(path: AnyPath, found: CocoJson, *, alone: bool) -> tuple[str, ...] | None:
    if found.class_column is None:
        return None
    names = found.class_names
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{path}: expected one category {twice[0]!r}; got it twice: rename one")
    if any(not name.strip() for name in names):
        raise ValueError(f"{path}: expected names of categories; got a blank one: give it a name")
    if alone and len(names) < 2:
        got = f"one, {names[0]!r}" if names else "none"
        raise ValueError(f"{path}: expected two categories or more; got {got}: it teaches nothing without captions")
    return tuple(sorted(names))


def _folder_of_images(path: AnyPath, given: Any, files: Sequence[str]) -> AnyPath:
    if given is not None:
        folders = [as_path(given) if isinstance(given, str) else given]
        if not folders[0].is_dir():
            raise FileNotFoundError(f"expected image_folder to be the folder of the images; no folder {given}")
    else:
        split = path.stem.rpartition("_")[2]
        above = path.parent.parent
        folders = [path.parent, path.parent / split, above / split, path.parent / "images", above / "images"]
    for folder in folders:
        if any((folder / file).is_file() for file in files):
            return folder
    if not files:
        return folders[0]
    tried = ", ".join(map(str, folders))
    raise ValueError(f"{path}: expected the image {files[0]} in one of {tried}; got none: give image_folder")
