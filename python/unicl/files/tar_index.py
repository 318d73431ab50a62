"""Indexes tar shards: where the image of each sample lies, and its caption and label, in a file beside the shard."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, overload
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unicl._native import TarIndexer
from unicl.files.atomic import new_file, refuse_folder
from unicl.files.compressed import COMPRESSIONS
from unicl.files.malformed import naming_file
from unicl.files.remote_path import as_path
from unicl.files.rows import MAX_ROW_BYTES
from unicl.files.shards import MAX_IMAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from unicl.files.remote_path import AnyPath

ENDING = ".index"
"""It follows the whole name of the shard. It is no ending of an input, so no job takes an index for one."""
VERSION = 2
STATE, COUNTS, HEADERS = b"unicl.tar_index", b"unicl.counts", b"unicl.headers"
SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        ("member", pa.string()),
        ("offset", pa.int64()),
        ("size", pa.int64()),
        ("caption", pa.string()),
        ("label", pa.string()),
    ]
)
COUNTED = {"samples": "key", "images": "member", "captions": "caption", "labels": "label"}
HEADER_BYTES, CHECKED_HEADERS = 512, 16


class TarSample(NamedTuple):
    """A sample of a shard: the bytes of its image file, its caption and its label. Each but the key may be None."""

    key: str
    image: bytes | None
    caption: str | None
    label: str | None


class TarIndex:
    """The samples of a tar shard, in any order. It pickles as its two paths, and opens the shard only while it reads.

    The index is mapped into memory, so processes share it.

    Args:
        shard: The tar file, or its URL.
        folder: Where its index is; None: beside it.

    Attributes:
        shard: The tar file.
        sidecar: Its index.
        table: The index, a row a sample: key, member, offset, size, caption, label. Columns but the key may be null.
        counts: What :func:`index_shard` counted.

    Raises:
        FileNotFoundError: The shard or its index is missing.
        ValueError: The index is damaged, or is that of another file; the message names both.
    """

    def __init__(self, shard: str | AnyPath, folder: str | Path | None = None) -> None:
        self.shard, self._folder = as_path(shard), folder
        self.sidecar = sidecar_of(self.shard, folder)
        size = self.shard.stat().st_size
        if not self.sidecar.exists():
            remedy = "" if folder is None else f" --out {folder}"
            raise FileNotFoundError(
                f"expected the index of {self.shard}; got no file {self.sidecar}: make it with "
                f"unicl index {shard}{remedy}"
            )
        found = _read(self.sidecar)
        if found is None:
            raise ValueError(f"expected an index of version {VERSION}; got {self.sidecar}: run unicl index --overwrite")
        state, self.table, self.counts, headers = found
        if state[0] != size:
            raise self._other(f"the shard has {size:,} bytes, and had {state[0]:,}")
        self._offsets = self.table["offset"].combine_chunks().fill_null(-1).to_numpy()
        self._sizes = self.table["size"].combine_chunks().fill_null(0).to_numpy()
        if len(self) and ((self._sizes < 0) | (self._offsets > size - self._sizes)).any():
            raise self._other("it names bytes beyond the end of the shard")
        if _headers(self.shard, self._offsets) != headers:
            raise self._other("the headers in the shard are not those that were indexed")

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.table)

    def __reduce__(self) -> tuple[type[TarIndex], tuple[AnyPath, str | Path | None]]:
        return TarIndex, (self.shard, self._folder)

    def take(self, rows: Sequence[int]) -> list[TarSample]:
        """Reads samples.

        Args:
            rows: Numbers from 0 to ``len(self) - 1``, in any order.

        Raises:
            IndexError: There is no such row.
            ValueError: The shard has become shorter.
        """
        with self.shard.open("rb", buffering=0) as file:
            return [self._sample(file, int(row)) for row in rows]

    def refuse_repeated_keys(self) -> None:
        """Refuses a shard in which the members of a key are not together, or two samples have one key.

        Raises:
            ValueError: A key comes again; the message names it and its rows.
        """
        if not self.counts["repeated_keys"]:
            return
        keys = self.table["key"]
        counted = pc.value_counts(keys)
        key = counted.filter(pc.greater(counted.field("counts"), 1))[0]["values"].as_py()
        rows = pc.indices_nonzero(pc.equal(keys, key)).to_pylist()
        raise ValueError(
            f"{self.shard}: expected the members of a sample one after another; got the key {key!r} in rows {rows[0]} "
            f"and {rows[1]}: write the shard with its members sorted by name"
        )

    def _sample(self, file: IO[bytes], row: int) -> TarSample:
        if not 0 <= row < len(self):
            raise IndexError(f"expected a row from 0 to {len(self) - 1}; got {row}")
        key, caption, label = (self.table[name][row].as_py() for name in ("key", "caption", "label"))
        image, size = None, int(self._sizes[row])
        if self._offsets[row] >= 0:
            file.seek(int(self._offsets[row]))
            image = file.read(size)
            if len(image) < size:
                raise self._other(f"the shard ends before the image of the sample {key}")
        return TarSample(key, image, caption, label)

    def _other(self, reason: str) -> ValueError:
        return ValueError(
            f"expected the index of {self.shard}; got {self.sidecar}, which does not fit: {reason}: "
            "run unicl index again"
        )


@overload
def sidecar_of(shard: Path, folder: str | Path | None = None) -> Path: ...
@overload
def sidecar_of(shard: AnyPath, folder: str | Path | None = None) -> AnyPath: ...
def sidecar_of(shard: AnyPath, folder: str | Path | None = None) -> AnyPath:
    """Names the index of a shard.

    Example:
        >>> sidecar_of(Path("cc3m", "00000.tar")).as_posix()
        'cc3m/00000.tar.index'
    """
    return (shard.parent if folder is None else Path(folder)) / f"{shard.name}{ENDING}"


def find_shards(paths: Sequence[str | Path]) -> list[Path]:
    """Lists tar files: those given, and those in the folders given.

    Raises:
        TypeError: One path is given in place of a list.
        FileNotFoundError: A file or folder does not exist.
        ValueError: No path is given, a folder has no tar file, or a file is no plain tar file by its name.
    """
    if isinstance(paths, (str, Path)):
        raise TypeError(f"expected a list of files or folders; got the one path {str(paths)!r}")
    if not paths:
        raise ValueError("expected a shard; got none: name tar files or folders of them")
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [file for file in path.iterdir() if not file.name.startswith((".", "_"))]
            shards = sorted(file for file in inside if file.suffix.lower() == ".tar" and file.is_file())
            if not shards:
                raise ValueError(f"expected files in {path} whose names end in .tar; got none")
            found += shards
        elif not path.exists():
            raise FileNotFoundError(f"expected a tar file or a folder; got {path}, which does not exist")
        elif path.suffix.lower() in COMPRESSIONS:
            raise ValueError(f"expected a plain tar file; got {path}: decompress it, so that images can be read alone")
        elif path.suffix.lower() != ".tar" or not path.is_file():
            raise ValueError(f"expected a file whose name ends in .tar; got {path}")
        else:
            found.append(path)
    return found


def index_shard(
    shard: Path,
    sidecar: Path,
    *,
    overwrite: bool = False,
    advance: Callable[[int], None] = lambda position: None,  # noqa: ARG005
) -> tuple[Counter[str], bool]:
    """Writes the index of a shard, unless there is one of the same size, time of change and version.

    Args:
        shard: A plain tar file. It is read once, and large members are skipped.
        sidecar: The file to write. An older index is replaced when the new one is complete.
        overwrite: Index again, and replace also a file that is no index.
        advance: Called with the number of bytes that are done. What it raises ends the work.

    Returns:
        What was counted, and whether that index was there already.

    Raises:
        ValueError: The shard is damaged, is cut off, or changes meanwhile; or the file to write exists and is no index.
        OSError: The shard cannot be read, or the index cannot be written.
    """
    refuse_folder(sidecar)
    state = _state(shard)
    if not overwrite and sidecar.exists():
        found = _read(sidecar)
        if found is not None and found[0] == state:
            return found[2], True
    with new_file(sidecar, overwrite=True) as aside:
        counts = _write(shard, aside, state, advance)
        if _state(shard) != state:
            raise ValueError(
                f"{shard}: expected a file that stays the same; got one that was changed meanwhile: run again"
            )
    return counts, False


def _write(shard: Path, aside: Path, state: list[int], advance: Callable[[int], None]) -> Counter[str]:
    indexer = TarIndexer(shard, max_text_bytes=MAX_ROW_BYTES, max_image_bytes=MAX_IMAGE_BYTES)
    counts: Counter[str] = Counter()
    keys: list[pa.Array] = []
    offsets: list[NDArray[np.int64]] = []
    schema = SCHEMA.with_metadata({STATE: json.dumps({"version": VERSION, "state": state})})
    with pa.OSFile(str(aside), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        goes_on = True
        while goes_on:
            try:
                goes_on = indexer.advance()
            except ValueError as error:
                raise ValueError(f"{shard} is not a tar file, or is damaged: {error}") from None
            except OSError as error:
                raise OSError(f"{shard}: {error}") from None
            advance(indexer.position)
            if goes_on and not indexer.is_full:
                continue
            batch = indexer.take()
            keys.append(batch["key"])
            offsets.append(batch["offset"].fill_null(-1).to_numpy())
            for name, column in COUNTED.items():
                counts[name] += len(batch) - batch[column].null_count
            last: dict[bytes, str] = {}
            if not goes_on:
                counts.update(dict(indexer.counts))
                counts["repeated_keys"] = counts["samples"] - pc.count_distinct(pa.chunked_array(keys)).as_py()
                last = {COUNTS: json.dumps(counts), HEADERS: json.dumps(_headers(shard, np.concatenate(offsets)))}
            writer.write_batch(batch, custom_metadata=last)
    return counts


def _read(sidecar: AnyPath) -> tuple[list[int], pa.Table, Counter[str], list[int]] | None:
    """Gives the state of the shard, the table, the counts and the sums of headers; None for another version.

    Raises:
        ValueError: The file is no index, or is damaged.
    """
    try:
        with naming_file(sidecar, "an index of a tar file"), _content(sidecar) as file:
            reader = pa.ipc.open_file(file)
            state = json.loads((reader.schema.metadata or {})[STATE])
            if state["version"] != VERSION:
                return None
            if not reader.schema.equals(SCHEMA):
                raise ValueError("it has other columns")
            batches: list[pa.RecordBatch] = []
            last: Any = {}
            for number in range(reader.num_record_batches):
                batch, last = reader.get_batch_with_custom_metadata(number)
                batch.validate(full=True)
                batches.append(batch)
            table = pa.Table.from_batches(batches, reader.schema)
            return state["state"], table, Counter(json.loads(last[COUNTS])), json.loads(last[HEADERS])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"expected the index of a tar file; got {sidecar}, which is another file or is damaged: remove it, or "
            "replace it with unicl index --overwrite"
        ) from error


def _content(sidecar: AnyPath) -> pa.NativeFile:
    return pa.memory_map(str(sidecar)) if isinstance(sidecar, Path) else pa.BufferReader(sidecar.read_bytes())


def _state(shard: Path) -> list[int]:
    found = shard.stat()
    return [found.st_size, found.st_mtime_ns]


def _headers(shard: AnyPath, offsets: NDArray[np.int64]) -> list[int]:
    """Gives the CRC-32 of some headers, each a block before an image."""
    rows = np.unique(np.linspace(0, max(0, len(offsets) - 1), CHECKED_HEADERS).astype(np.int64))
    places = [int(offset) for offset in offsets[rows[: len(offsets)]] if offset >= HEADER_BYTES]
    with shard.open("rb", buffering=0) as file:
        return [crc32(file.read(HEADER_BYTES)) for place in places if file.seek(place - HEADER_BYTES) >= 0]
