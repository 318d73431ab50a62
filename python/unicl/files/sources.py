"""The files that a command works on: formats by name, folders listed, outputs named."""

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
    """The files to read: those given, and those of a known format in the folders given.

    In a folder, a shard beside which img2dataset wrote a Parquet file of the same name is read from that, or where
    ``images`` are asked for, which are in the shard alone, in its place.

    Raises:
        TypeError: One path in the place of a list.
        FileNotFoundError: There is no such file or folder.
        ValueError: None is given, a folder has none, or the name of a file tells no known format.
    """
    if isinstance(paths, (str, Path)):
        raise TypeError(f"expected a list of files or folders; got the one path {str(paths)!r}")
    if not paths:
        raise ValueError("no input: name files or folders")
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.is_file() and _format(file) in FORMATS)
            left_out, beside = (".parquet", ".tar") if images else (".tar", ".parquet")
            inside = [file for file in inside if file.suffix != left_out or file.with_suffix(beside) not in inside]
            if not inside:
                raise ValueError(f"no file in the folder {path} ends in one of {', '.join(FORMATS)}")
            found += inside
        elif not path.exists():
            raise FileNotFoundError(f"no file or folder {path}")
        elif _format(path) not in FORMATS:
            json = ": write JSON as lines, an object a caption" if path.suffix == ".json" else ""
            raise ValueError(f"{path}: expected a file whose name ends in one of {', '.join(FORMATS)}{json}")
        else:
            found.append(path)
    return found


def open_source(path: Path, reading: Reading | None = None) -> Source:
    """Opens a file of rows; the end of its name tells its format.

    Raises:
        FileNotFoundError, PermissionError: It is not there, or not to be read.
        ValueError: It is not what its name says, or is damaged.
    """
    return FORMATS[_format(path)](path, Reading() if reading is None else reading)


def output_paths(inputs: Sequence[Path], out: Path, *, only_folder: bool = False) -> list[Path]:
    """Where the output of each input goes: ``out/NAME.parquet``.

    Args:
        inputs: The inputs.
        out: The folder; if there is one input, also the output itself, ``*.parquet``.
        only_folder: ``out`` is a folder whatever its name.

    Raises:
        ValueError: Two inputs would have one output, or an output is an input.
        NotADirectoryError: ``out`` is a file.
    """
    if len(inputs) == 1 and out.suffix == ".parquet" and not out.is_dir() and not only_folder:
        outputs = [out]
    elif out.exists() and not out.is_dir():
        raise NotADirectoryError(f"the output {out} is a file; name a folder")
    else:
        outputs = [out / f"{_stem(path)}.parquet" for path in inputs]
    seen: dict[Path, Path] = {}
    for path, output in zip(inputs, outputs, strict=True):
        if output in seen:
            raise ValueError(f"{seen[output]} and {path} would both be written to {output}; give them other names")
        seen[output] = path
        if output.exists() and any(output.samefile(source) for source in inputs):
            raise ValueError(f"the output {output} is an input; name another place")
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
