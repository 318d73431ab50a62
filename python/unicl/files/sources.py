"""Finds the input files of a job, opens each by the ending of its name, and names the outputs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from unicl.files.arrow_ipc import ArrowSource
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


def find_inputs(paths: Sequence[str | Path], *, images: bool = False) -> list[Path]:
    """Lists the files to read: those given, and those of a known format in the folders given.

    In a folder, names that begin with a dot or an underscore are not read, as in Spark and Hadoop.

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
        elif _format(path) not in FORMATS:
            remedy = ": write JSON as lines, an object a caption" if path.suffix.lower() == ".json" else ""
            raise ValueError(f"expected a file whose name ends in one of {', '.join(FORMATS)}; got {path}{remedy}")
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
    deeper = [path for path in inside if path.is_dir() and _has_files(path)]
    files = [path for path in inside if path.is_file() and _format(path) in FORMATS]
    if deeper:
        raise ValueError(
            f"expected files in {folder}; got some in its folder {deeper[0]} too: name each folder or file"
        )
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
    """Opens a file of rows. The ending of its name tells the format.

    Raises:
        FileNotFoundError, PermissionError: The file is missing, or cannot be read.
        ValueError: The file has another format than its name tells, or is damaged.
    """
    source = FORMATS[_format(path)](path, Reading() if reading is None else reading)
    return source if has_plain_columns(source.schema) else PlainColumns(source)


def output_paths(inputs: Sequence[Path], out: Path, *, only_folder: bool = False) -> list[Path]:
    """Names the output of each input: ``out/NAME.parquet``.

    Args:
        inputs: The inputs.
        out: The folder. For one input it may also be the output itself, ``*.parquet``.
        only_folder: ``out`` is a folder, whatever its name.

    Raises:
        ValueError: Two inputs would have one output, or an output is an input.
        NotADirectoryError: ``out`` is a file.
    """
    if len(inputs) == 1 and out.suffix == ".parquet" and not out.is_dir() and not only_folder:
        outputs = [out]
    elif out.exists() and not out.is_dir():
        raise NotADirectoryError(f"expected a folder for the outputs; got {out}, which is a file: name a folder")
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


def _format(path: Path) -> str:
    return _unpacked(path).suffix.lower()


def _stem(path: Path) -> str:
    return _unpacked(path).with_suffix("").name


def _unpacked(path: Path) -> Path:
    """Gives the name without the ending of a compression."""
    suffix = path.suffix.lower()
    return path.with_suffix("") if suffix in COMPRESSIONS and suffix not in FORMATS else path
