"""Reads webdataset shards: the ``.json`` and ``.txt`` members of a tar file, and its images on request."""

from __future__ import annotations

import json
import tarfile
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from unicl.files.json_lines import Block, JsonSource
from unicl.files.malformed import naming_file
from unicl.files.rows import BATCH_BYTES

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from unicl.files.rows import Reading

BLOCK_BYTES = 4 << 20
KEY, TEXT, IMAGE = "__key__", "txt", "image"
IMAGES = ("jpg", "jpeg", "png", "webp")
"""The endings of the names of images."""


class Shard(JsonSource):
    """The samples of a webdataset shard, as img2dataset writes them. Each is a row.

    A sample is a run of members whose path is the same up to the first dot of the file name. Its columns are that key
    (``__key__``), the fields of the ``.json`` member, and the ``.txt`` member (``txt``). Images are no column. If they
    are asked for, the first image of each sample comes beside the rows.
    """

    def __init__(self, path: Path, reading: Reading) -> None:
        super().__init__(path, partial(_blocks, path), reading)

    def with_images(self) -> Shard:
        """Gives the same shard with the images beside the rows. It is not read again for its schema."""
        shard = copy(self)
        shard._blocks = partial(_blocks, self.path, images=True)
        return shard


def _blocks(path: Path, *, images: bool = False) -> Iterator[Block]:
    lines: list[bytes] = []
    keys: list[str] = []
    images_of: list[bytes | None] = []
    size, size_of_images = 0, 0

    def block() -> Block:
        names = tuple(keys)
        return Block(b"\n".join(lines), lambda line: f"sample {names[line]}", images_of if images else None)

    for key, members in _samples(path, ("json", "txt", IMAGE) if images else ("json", "txt")):
        lines.append(_line(key, members.get("json"), members.get("txt")))
        keys.append(key)
        images_of.append(members.get(IMAGE))
        size += len(lines[-1])
        size_of_images += len(images_of[-1] or b"")
        if size >= BLOCK_BYTES or size_of_images >= BATCH_BYTES:
            yield block()
            lines, keys, images_of, size, size_of_images = [], [], [], 0, 0
    if lines:
        yield block()


def _samples(path: Path, wanted: Container[str]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Gives the key of every sample, and its first member of each kind wanted: a name's ending, or ``image``."""
    last, members = None, dict[str, bytes]()
    with _open(path) as archive:
        for member in archive:
            if not member.isfile():
                continue
            folder, slash, name = member.name.rpartition("/")
            stem, _, extension = name.partition(".")
            key = f"{folder}{slash}{stem}"
            if last is not None and key != last:
                yield last, members
                members = {}
            last = key
            kind = IMAGE if extension.lower() in IMAGES else extension
            if kind in wanted and kind not in members:
                members[kind] = _content(archive, member)
    if last is not None:
        yield last, members


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file: IO[bytes] | None = archive.extractfile(member)
    return b"" if file is None else file.read()


def _line(key: str, metadata: bytes | None, text: bytes | None) -> bytes:
    """Writes the sample as one line of JSON. Bytes that are not UTF-8 stay, and the reader finds them."""
    own: dict[str, Any] = {KEY: key}
    if text is not None:
        own[TEXT] = text.decode(errors="surrogateescape").removesuffix("\n")
    line = json.dumps(own, ensure_ascii=False).encode(errors="surrogateescape")
    if metadata is None or not metadata.strip():
        return line
    # A line end in JSON is white space, as strings have none. So the JSON need not be parsed here.
    fields = metadata.strip().replace(b"\r", b" ").replace(b"\n", b" ")
    if not fields.startswith(b"{"):
        return fields  # not an object: the reader's error names the sample
    rest = fields[1:].lstrip()
    return line[:-1] + (b"" if rest.startswith(b"}") else b", ") + rest


@contextmanager
def _open(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        if path.suffix == ".tar":
            with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:  # seeks over the images
                yield archive
                file.seek(archive.offset)  # for Python, a later header that is cut off is the end of the archive
                if 0 < len(file.read(tarfile.BLOCKSIZE)) < tarfile.BLOCKSIZE:
                    raise tarfile.ReadError("it ends in the middle of a header")
        else:
            with (
                naming_file(path, "a tar file"),
                pa.input_stream(str(path)) as stream,
                tarfile.open(fileobj=stream, mode="r|") as archive,
            ):
                yield archive
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{path} is not a tar file, or is damaged: {error}") from error
