"""Finds the input files of a job, opens each by the ending of its name, and names the outputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unicl.files.arrow_ipc import ArrowSource
from unicl.files.delimited import csv_file, tsv_file
from unicl.files.json_lines import json_lines
from unicl.files.parquet import ParquetSource
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
}
COMPRESSIONS = (".gz", ".bz2", ".zst", ".lz4")


def find_inputs(paths: Sequence[str | Path], *, images: bool = False) -> list[Path]:
    """Lists the files to read: those given, and those of a known format in the folders given.

    img2dataset writes a Parquet file beside each shard, with the same name. Of such a pair in a folder only one is
    read: the shard if ``images`` are needed, as only the shard has them, else the Parquet file.

    Raises:
        TypeError: One path is given in place of a list.
        FileNotFoundError: A file or folder does not exist.
        ValueError: No path is given, a folder has no file to read, or the name of a file has an unknown ending.
    """
    if isinstance(paths, (str, Path)):
        raise TypeError(f"expected a list of files or folders; got the one path {str(paths)!r}")
    if not paths:
        raise ValueError("expected an input; got none: name files or folders")
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.is_file() and _format(file) in FORMATS)
            skipped, beside = (".parquet", ".tar") if images else (".tar", ".parquet")
            inside = [file for file in inside if file.suffix != skipped or file.with_suffix(beside) not in inside]
            if not inside:
                raise ValueError(f"expected a file in {path} whose name ends in one of {', '.join(FORMATS)}; got none")
            found += inside
        elif not path.exists():
            raise FileNotFoundError(f"expected a file or folder; got {path}, which does not exist")
        elif _format(path) not in FORMATS:
            remedy = ": write JSON as lines, an object a caption" if path.suffix == ".json" else ""
            raise ValueError(f"expected a file whose name ends in one of {', '.join(FORMATS)}; got {path}{remedy}")
        else:
            found.append(path)
    return found


def open_source(path: Path, reading: Reading | None = None) -> Source:
    """Opens a file of rows. The ending of its name tells the format.

    Raises:
        FileNotFoundError, PermissionError: The file is missing, or cannot be read.
        ValueError: The file has another format than its name tells, or is damaged.
    """
    return FORMATS[_format(path)](path, Reading() if reading is None else reading)


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
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _stem(path: Path) -> str:
    name = Path(path.name)
    if name.suffix.lower() in COMPRESSIONS:
        name = name.with_suffix("")
    return name.with_suffix("").name
