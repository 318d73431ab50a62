"""Opens a source of samples. Its path tells the format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from unicl.data.sources.class_folder import ClassFolderSamples
from unicl.data.sources.coco_json import CocoSamples
from unicl.data.sources.conceptual_captions import ConceptualCaptionsSamples
from unicl.data.sources.hf_dataset import HfDatasetSamples
from unicl.data.sources.parquet import ParquetSamples
from unicl.data.sources.sample_columns import ColumnNames
from unicl.data.sources.tar_shards import TarShardSamples
from unicl.files import as_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unicl.data.sample import Source
    from unicl.data.sources.class_names import GivenNames
    from unicl.files import AnyPath

HF = "hf:"
PARQUET, TABLE, COCO, TAR = (".parquet", ".pq"), (".tsv", ".csv"), (".json",), (".tar",)
COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
KINDS = (
    "a file .parquet, .tar, .tsv, .csv or .json (COCO), a folder of Parquet files, of shards or of class folders, "
    "or hf:FOLDER"
)


def open_samples(
    path: str | Path | AnyPath | Any,
    *,
    name: str | None = None,
    image_column: str | None = None,
    caption_column: str | Sequence[str] | None = None,
    class_column: str | None = None,
    weight_column: str | None = None,
    key_column: str | None = None,
    class_names: GivenNames | None = None,
    image_folder: str | Path | None = None,
) -> Source:
    """Opens a source of samples.

    Args:
        path: A file, a folder, or a URL that fsspec knows. A folder has Parquet files, or shards, or a folder for each
            class. ``hf:FOLDER`` is a data set that ``save_to_disk`` wrote; a ``datasets.Dataset`` may be given too.
        name: Names the source in messages and samples; None: the name of the file or folder.
        image_column: The column with the images, in Parquet, TSV, CSV and HF data sets; None: one of a usual name.
        caption_column: The column or columns with the captions; an empty string: none.
        class_column: The column with the classes; an empty string: none.
        weight_column: The column with the weights of samples.
        key_column: The column that names samples.
        class_names: The names of classes in the order of their numbers, or by number, code or folder.
        image_folder: The folder of the images that a TSV, a CSV or COCO's JSON names.

    Raises:
        ModuleNotFoundError: The package for a URL or a data set is not installed.
        FileNotFoundError: There is no such file or folder.
        ValueError: The format is unknown, an option does not fit it, or the source cannot be used: see its class.

    Example:
        >>> open_samples("nowhere.parquet")
        Traceback (most recent call last):
        FileNotFoundError: expected a Parquet file or a folder of them; got nowhere.parquet, which does not exist
    """
    columns = ColumnNames(
        image=image_column, caption=caption_column, classes=class_column, weight=weight_column, key=key_column
    )
    options: dict[str, Any] = {"columns": columns if columns != ColumnNames() else None}
    options |= {"class_names": class_names, "image_folder": image_folder}
    options = {option: value for option, value in options.items() if value is not None}
    if not isinstance(path, (str, Path)) and hasattr(path, "with_format"):
        return _opened(HfDatasetSamples, path, name, options)
    if isinstance(path, str) and path.startswith(HF):
        return _opened(HfDatasetSamples, path.removeprefix(HF), name, options)
    path = as_path(path)
    return _opened(_kind(path), path, name, options)


def _opened(kind: Any, path: Any, name: str | None, options: dict[str, Any]) -> Source:
    unknown = sorted(options.keys() - ACCEPTED[kind])
    if unknown:
        option = {"columns": "names of columns"}.get(unknown[0], unknown[0])
        raise ValueError(
            f"{path}: expected no {option}, as its format has none; got {options[unknown[0]]!r}: leave it out"
        )
    source: Source = kind(path, name=name, **options)
    return source


ACCEPTED = {
    ParquetSamples: {"columns", "class_names"},
    HfDatasetSamples: {"columns", "class_names"},
    ConceptualCaptionsSamples: {"columns", "class_names", "image_folder"},
    TarShardSamples: {"class_names"},
    ClassFolderSamples: {"class_names"},
    CocoSamples: {"image_folder"},
}
"""The options of each format."""


def _kind(path: AnyPath) -> Any:
    ending = _ending(path)
    by_ending = {PARQUET: ParquetSamples, TABLE: ConceptualCaptionsSamples, COCO: CocoSamples, TAR: TarShardSamples}
    for endings, kind in by_ending.items():
        if ending in endings and not path.is_dir():
            return kind
    if not path.exists():
        raise FileNotFoundError(f"expected {KINDS}; got {path}, which does not exist")
    if not path.is_dir():
        raise ValueError(f"expected {KINDS}; got the file {path}: name another, or convert it to Parquet")
    inside = {_ending(file) for file in path.iterdir() if not file.name.startswith((".", "_"))}
    tar, parquet = bool(inside.intersection(TAR)), bool(inside.intersection(PARQUET))
    if tar:  # img2dataset writes a Parquet file without images beside each shard
        return TarShardSamples
    if parquet:
        return ParquetSamples
    others = sorted(inside.intersection((*TABLE, *COCO)))
    if others:
        raise ValueError(f"expected {KINDS}; got the folder {path} with files {', '.join(others)}: name one of them")
    return ClassFolderSamples


def _ending(path: AnyPath) -> str:
    ending = path.suffix.lower()
    return Path(path.stem).suffix.lower() if ending in COMPRESSED else ending
