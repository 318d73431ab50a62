"""Finds the input files of a job, opens each by the ending of its name, and names the outputs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from unicl.files.arrow_ipc import ArrowSource
from unicl.files.class_folder import ClassFolder, class_folders
from unicl.files.coco_json import CocoJson
from unicl.files.compressed import COMPRESSIONS
from unicl.files.delimited import csv_file, tsv_file
from unicl.files.json_lines import json_lines
from unicl.files.parquet import ParquetSource
from unicl.files.plain_columns import PlainColumns, has_plain_columns
from unicl.files.rows import Reading
from unicl.files.shards import Shard
from unicl.files.text_lines import TextSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from unicl.files.rows import Source

FORMATS: dict[str, Callable[[Path, Reading], Source]] = {
    ".parquet": ParquetSource,
    ".pq": ParquetSource,
    ".arrow": ArrowSource,
    ".arrows": ArrowSource,
    ".feather": ArrowSource,
    ".ipc": ArrowSource,
    ".csv": csv_file,
    ".tsv": tsv_file,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".txt": TextSource,
    ".tar": Shard,
    ".tgz": Shard,
}
COCO = ".json"
"""Read if it is named. In a folder it is read if its name is one of COCO's and nothing else is there: many tools write
other ``.json`` files beside their data."""
COCO_NAMES = ("captions_", "instances_")


def find_inputs(paths: Sequence[str | Path], *, images: bool = False) -> list[Path]:
    """Lists the files to read: those given, and those of a known format in the folders given.

    In a folder, names that begin with a dot or an underscore are not read, as in Spark and Hadoop. A folder of class
    folders is one input; a folder of splits, such as ``train`` and ``val``, is an input for each.

    img2dataset writes a Parquet file beside each shard, with the same name. Of such a pair in a folder only one is
    read: the shard if ``images`` are needed, as only the shard has them, else the Parquet file.

    Raises:
        TypeError: One path is given in place of a list.
        FileNotFoundError: A file or folder does not exist.
        ValueError: No path is given; a folder has no file to read, has files in folders of it, or has text beside
            files of another format; the name of a file has an unknown ending, or is not UTF-8.
    """
    if isinstance(paths, (str, Path)):
        raise TypeError(f"expected a list of files or folders; got the one path {str(paths)!r}")
    if not paths:
        raise ValueError("expected an input; got none: name files or folders")
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += _in_folder(path, images=images)
        elif not path.exists():
            raise FileNotFoundError(f"expected a file or folder; got {path}, which does not exist")
        elif _format(path) not in (*FORMATS, COCO):
            raise ValueError(f"expected a file whose name ends in one of {', '.join((*FORMATS, COCO))}; got {path}")
        else:
            found.append(path)
    for path in found:
        try:
            str(path).encode()
        except UnicodeEncodeError:
            raise ValueError(f"expected a name in UTF-8; got {os.fsencode(path)!r}: rename the file") from None
    return found


def _in_folder(folder: Path, *, images: bool) -> list[Path]:
    """Lists the files to read in a folder, by name."""
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "_")))
    files = [path for path in inside if path.is_file() and _format(path) in FORMATS]
    if all(_format(path) == ".txt" for path in files) and (classes := class_folders(folder)):
        return classes  # a text beside class folders lists their names
    deeper = [path for path in inside if path.is_dir() and _has_files(path)]
    if deeper:
        raise ValueError(
            f"expected files in {folder}; got some in its folder {deeper[0]} too: name each folder or file"
        )
    if not files:
        files = [path for path in inside if _format(path) == COCO and path.name.startswith(COCO_NAMES)]
    if not files:
        raise ValueError(f"expected a file in {folder} whose name ends in one of {', '.join(FORMATS)}; got none")
    texts = [path for path in files if _format(path) == ".txt"]
    others = [path for path in files if _format(path) != ".txt"]
    if texts and others:
        raise ValueError(
            f"expected files of captions in {folder}; got {texts[0].name} beside {others[0].name}: name the files"
        )
    stems = {(_format(path), _stem(path)) for path in files}
    skipped, beside = (".parquet", ".tar") if images else (".tar", ".parquet")
    return [path for path in files if _format(path) != skipped or (beside, _stem(path)) not in stems]


def _has_files(folder: Path) -> bool:
    """Tells whether a folder has a file of a known format, at any depth."""
    return any(
        path.is_file() and _format(path) in FORMATS and not path.name.startswith((".", "_"))
        for path in folder.rglob("*")
    )


def open_source(path: Path, reading: Reading | None = None) -> Source:
    """Opens a file of rows, or a class folder. The ending of a file's name tells the format.

    Raises:
        FileNotFoundError, PermissionError: The file is missing, or cannot be read.
        ValueError: The file has another format than its name tells, or is damaged; or the folder has no classes.
    """
    if path.is_dir():
        return ClassFolder(path, Reading() if reading is None else reading, data_files=FORMATS)
    if _format(path) == COCO:
        return CocoJson(path, Reading() if reading is None else reading)
    source = FORMATS[_format(path)](path, Reading() if reading is None else reading)
    return source if has_plain_columns(source.schema) else PlainColumns(source)


def output_paths(inputs: Sequence[Path], out: Path) -> list[Path]:
    """Names the output of each input: ``out/NAME.parquet``, or ``out`` itself if its name ends in ``.parquet``.

    Args:
        inputs: The inputs.
        out: The folder. For one input it may also be the output itself, ``*.parquet``.

    Raises:
        ValueError: Two inputs would have one output, or an output is an input; ``out`` is a file for several inputs,
            or of another format than Parquet.
        IsADirectoryError, NotADirectoryError: ``out`` is a folder named as a file, or a file that should be a folder.
    """
    if is_output_file(out):
        if out.is_dir():
            raise IsADirectoryError(
                f"expected a file for the output, as the name ends in .parquet; got {out}, which is a folder: remove "
                "it, or name another file or folder"
            )
        if len(inputs) > 1:
            raise ValueError(
                f"expected a folder for the outputs of {len(inputs)} inputs; got {out}: name a folder, or one input"
            )
        outputs = [out]
    elif out.exists() and not out.is_dir():
        raise NotADirectoryError(f"expected a folder for the outputs; got {out}, which is a file: name a folder")
    elif not out.exists() and _format(out) in (*FORMATS, COCO):
        raise ValueError(
            f"expected a folder for the outputs, or a name that ends in .parquet; got {out}: outputs are Parquet"
        )
    else:
        outputs = [out / f"{_stem(path)}.parquet" for path in inputs]
    seen: dict[Path, Path] = {}
    for path, output in zip(inputs, outputs, strict=True):
        if output in seen:
            raise ValueError(
                f"expected one input for each output; got {seen[output]} and {path} for {output}: rename one"
            )
        seen[output] = path
        if output.exists() and any(output.samefile(source) for source in inputs):
            raise ValueError(f"expected an output that is no input; got {output}: name another place")
    return outputs


def is_output_file(out: Path) -> bool:
    """Tells whether the name of an output is that of a file and not of a folder."""
    return out.suffix.lower() == ".parquet"


def _format(path: Path) -> str:
    return _unpacked(path).suffix.lower()


def _stem(path: Path) -> str:
    path = path.resolve() if path.name in ("", "..") else path  # such as "."
    return path.name if path.is_dir() else _unpacked(path).with_suffix("").name


def _unpacked(path: Path) -> Path:
    """Gives the name without the ending of a compression."""
    suffix = path.suffix.lower()
    return path.with_suffix("") if suffix in COMPRESSIONS and suffix not in FORMATS else path
