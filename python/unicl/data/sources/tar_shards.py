"""Samples in tar shards of webdataset and img2dataset, in any order, by the index of each shard."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unicl.data.sources.checked_sample import checked_sample, existing, refuse_no_rows, sample_or_bad
from unicl.data.sources.class_names import ClassNames, numbers_of
from unicl.data.sources.row_classes import row_classes
from unicl.data.sources.sample_columns import count_classes
from unicl.files import TarIndex, find_shards, index_shard, sidecar_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unicl.data.sample import Sample
    from unicl.data.skipped_samples import BadSample
    from unicl.data.sources.class_names import GivenNames
    from unicl.files import AnyPath, TarSample

LOG = logging.getLogger(__name__)
THREADS = 4


class TarShardSamples:
    """The samples of tar shards. The key of a sample is the name of its shard, a colon and its key in the shard.

    A shard without an index, or with one that is out of date, is indexed when the source is opened. The index goes
    beside the shard, or to a temporary folder if that place cannot be written. Shards at a URL need their index there.

    Args:
        path: A shard, or a folder of shards; or a URL.
        name: Names the source; None: the name of the shard or folder.
        class_names: The names of classes in the order of their numbers, or by number or code.

    Raises:
        FileNotFoundError: There is no such file; or a shard at a URL has no index.
        ValueError: A shard is damaged, has a key twice, or has no images, or none has captions or classes; an index
            does not fit; the classes have no names, or there is only one.
    """

    format = "tar shards"

    def __init__(
        self, path: str | Path | AnyPath, *, name: str | None = None, class_names: GivenNames | None = None
    ) -> None:
        path = existing(path, "a tar file or a folder of them")
        self.name = path.stem if name is None else name
        with ThreadPoolExecutor(THREADS) as pool:
            self._shards = list(pool.map(_indexed, _shards(path)))
        self._ends = np.cumsum([len(shard) for shard in self._shards])
        refuse_no_rows(path, len(self))
        for shard in self._shards:
            shard.refuse_repeated_keys()
        counts = {kind: sum(shard.counts[kind] for shard in self._shards) for kind in ("images", "captions", "labels")}
        if not counts["images"]:
            raise ValueError(f"{path}: expected members that end in .jpg, .jpeg, .png or .webp; got none")
        if not counts["captions"] and not counts["labels"]:
            raise ValueError(f"{path}: expected captions (.txt, .json) or classes (.cls); got neither in the shards")
        self.has_captions = counts["captions"] > 0
        self._names = ClassNames(class_names, place=path)
        if counts["labels"]:
            labels = {label for shard in self._shards for label in shard.table["label"].unique().to_pylist()} - {None}
            self._names.close(numbers_of(labels), alone=not self.has_captions)
        self.class_names = self._names.all if counts["labels"] else None

    @property
    def schema(self) -> dict[str, str]:
        """The members of each part of a sample."""
        parts = {"image": ".jpg, .jpeg, .png, .webp", "captions": ".json, .txt" if self.has_captions else ""}
        parts |= {"classes": "" if self.class_names is None else ".cls", "key": "the names"}
        return {part: members for part, members in parts.items() if members}

    def class_counts(self) -> Counter[str] | None:
        """Counts the rows of each class; None without classes."""
        if self.class_names is None:
            return None
        return count_classes((shard.table["label"] for shard in self._shards), self._names)

    def __len__(self) -> int:
        """The number of samples."""
        return int(self._ends[-1])

    def row_classes(self) -> NDArray[np.int64]:
        """Gives the place of each row's class in ``class_names``; -1 for none."""
        return row_classes((shard.table["label"] for shard in self._shards), self._names)

    def take(self, rows: Sequence[int]) -> list[Sample | BadSample]:
        """Gives the samples of some rows, in their order; a bad one in the place of a row that has none.

        Raises:
            IndexError: There is no such row.
            ValueError: A shard has changed.
        """
        wanted = np.asarray(rows, np.int64).reshape(-1)
        outside = wanted[(wanted < 0) | (wanted >= len(self))]
        if len(outside):
            raise IndexError(f"expected a row from 0 to {len(self) - 1}; got {outside[0]}")
        numbers = np.searchsorted(self._ends, wanted, side="right")
        order = np.argsort(wanted, kind="stable")
        samples: dict[int, Sample | BadSample] = {}
        for number in np.unique(numbers):
            shard = self._shards[number]
            places = order[numbers[order] == number]
            inside = wanted[places] - self._ends[number] + len(shard)
            for place, found in zip(places, shard.take(inside), strict=True):
                samples[int(place)] = self._sample(shard.shard.name, found)
        return [samples[place] for place in range(len(wanted))]

    def _sample(self, shard: str, found: TarSample) -> Sample | BadSample:
        key = f"{shard}:{found.key}"

        def make() -> Sample:
            label = None if found.label is None else self._names.name_of(found.label)
            return checked_sample(
                source=self.name,
                key=key,
                image=found.image,
                captions=() if found.caption is None else (found.caption,),
                classes=() if label is None else (label,),
            )

        return sample_or_bad(self.name, key, make)


def _shards(path: AnyPath) -> list[AnyPath]:
    if isinstance(path, Path):
        return list(find_shards([path]))
    if not path.is_dir():
        return [path]
    shards = sorted(file for file in path.iterdir() if file.suffix.lower() == ".tar" and file.name[0] not in "._")
    if not shards:
        raise ValueError(f"expected files in {path} whose names end in .tar; got none")
    return list(shards)


def _indexed(shard: AnyPath) -> TarIndex:
    """Opens the index of a shard. A local shard is indexed first, unless its index is there and up to date."""
    if not isinstance(shard, Path):
        return TarIndex(shard)
    try:
        index_shard(shard, sidecar_of(shard))
    except OSError as error:
        if not shard.is_file() or not os.access(shard, os.R_OK):
            raise
        folder = _temporary_folder() / f"{hash(shard.resolve()):x}"
        LOG.info("%s cannot be written (%s): the index of the shard is in %s", shard.parent, error, folder)
        folder.mkdir(exist_ok=True)
        index_shard(shard, sidecar_of(shard, folder))
        return TarIndex(shard, folder)
    return TarIndex(shard)


@cache
def _temporary_folder() -> Path:
    """Makes a folder that is removed when this process ends, and not when a fork of it does."""
    folder, process = Path(tempfile.mkdtemp(prefix="unicl-index-")), os.getpid()

    def remove() -> None:
        if os.getpid() == process:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder
