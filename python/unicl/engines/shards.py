"""webdataset shards in: the ``.json`` and ``.txt`` members of a tar file."""

from __future__ import annotations

import json
import tarfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from unicl.engines.json_lines import Block, JsonSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from unicl.engines.reading import Reading

BLOCK_BYTES = 4 << 20
KEY, TEXT = "__key__", "txt"


def shard(path: Path, reading: Reading) -> JsonSource:
    """The samples of a webdataset shard, as img2dataset writes them: a row each.

    A sample is the members, one after another, whose path is the same up to the first dot of the file name. Its columns
    are that key (``__key__``), the fields of the ``.json`` member, and the ``.txt`` member (``txt``).
    """
    return JsonSource(path, lambda: _blocks(path), reading)


def _blocks(path: Path) -> Iterator[Block]:
    lines: list[bytes] = []
    keys: list[str] = []
    size = 0

    def block() -> Block:
        names = tuple(keys)
        return Block(b"\n".join(lines), lambda line: f"sample {names[line]}")

    for key, metadata, text in _samples(path):
        lines.append(_line(key, metadata, text))
        keys.append(key)
        size += len(lines[-1])
        if size >= BLOCK_BYTES:
            yield block()
            lines, keys, size = [], [], 0
    if lines:
        yield block()


def _samples(path: Path) -> Iterator[tuple[str, bytes | None, bytes | None]]:
    """The key, the ``.json`` and the ``.txt`` of every sample."""
    last, members = None, dict[str, bytes]()
    with _open(path) as archive:
        for member in archive:
            if not member.isfile():
                continue
            folder, slash, name = member.name.rpartition("/")
            stem, _, extension = name.partition(".")
            key = f"{folder}{slash}{stem}"
            if last is not None and key != last:
                yield last, members.get("json"), members.get("txt")
                members = {}
            last = key
            if extension in ("json", "txt"):
                members[extension] = _content(archive, member)
    if last is not None:
        yield last, members.get("json"), members.get("txt")


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file: IO[bytes] | None = archive.extractfile(member)
    return b"" if file is None else file.read()


def _line(key: str, metadata: bytes | None, text: bytes | None) -> bytes:
    """The sample as one line of JSON; bytes that are not UTF-8 stay what they are, to be found by the reader."""
    own: dict[str, Any] = {KEY: key}
    if text is not None:
        own[TEXT] = text.decode(errors="surrogateescape").removesuffix("\n")
    line = json.dumps(own, ensure_ascii=False).encode(errors="surrogateescape")
    if metadata is None or not metadata.strip():
        return line
    # A line end inside JSON is white space: strings have none. So it need not be parsed here.
    fields = metadata.strip().replace(b"\r", b" ").replace(b"\n", b" ")
    if not fields.startswith(b"{"):
        return fields  # not an object: the reader says so, with the sample's name
    rest = fields[1:].lstrip()
    return line[:-1] + (b"" if rest.startswith(b"}") else b", ") + rest


@contextmanager
def _open(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        if path.suffix == ".tar":
            with tarfile.open(path, "r:") as archive:  # seeks over the pictures
                yield archive
        else:
            with pa.input_stream(str(path)) as file, tarfile.open(fileobj=file, mode="r|") as archive:
                yield archive
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{path} is not a tar file, or is damaged: {error}") from error
