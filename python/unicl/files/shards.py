"""Reads webdataset shards: the ``.json`` and ``.txt`` members of a tar file, and its images on request."""

from __future__ import annotations

import json
from collections import Counter
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

from unicl.files.json_lines import Block, JsonSource
from unicl.files.rows import BATCH_BYTES, MAX_ROW_BYTES
from unicl.files.tar_members import open_tar
from unicl.files.text_lines import BYTE_ORDER_MARK

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from unicl.files.rows import Reading

BLOCK_BYTES = 4 << 20
KEY, TEXT, IMAGE = "__key__", "txt", "image"
IMAGE_ENDINGS = ("jpg", "jpeg", "png", "webp")
"""The endings of the names of images, in upper or lower case."""
MAX_IMAGE_BYTES = 512 << 20
"""A row has no image if its file is larger: it would have more pixels than are decoded."""


class Shard(JsonSource):
    """The samples of a webdataset shard, as img2dataset writes them. Each is a row.

    A sample is a run of members whose path is the same up to the first dot of the file name. Its columns are that key
    (``__key__``), the fields of the ``.json`` member, and the ``.txt`` member (``txt``). Images are no column. If they
    are asked for, the first image of each sample comes beside the rows.

    Attributes:
        endings: How many members were seen with each ending, counted anew in each pass without images.
    """

    def __init__(self, path: Path, reading: Reading) -> None:
        self.endings: Counter[str] = Counter()
        super().__init__(path, partial(_blocks, path, endings=self.endings), reading)

    def with_images(self) -> Shard:
        """Gives the same shard with the images beside the rows. It is not read again for its schema."""
        shard = copy(self)
        shard._blocks = partial(_blocks, self.path, images=True)
        return shard


def _blocks(path: Path, *, images: bool = False, endings: Counter[str] | None = None) -> Iterator[Block]:
    lines: list[bytes] = []
    keys: list[str] = []
    images_of: list[bytes | None] = []
    size, size_of_images = 0, 0

    def block() -> Block:
        names = tuple(keys)
        return Block(b"\n".join(lines), lambda line: f"sample {names[line]}", images_of if images else None)

    for key, members in _samples(path, ("json", "txt", IMAGE) if images else ("json", "txt"), endings):
        lines.append(_line(key, members))
        keys.append(key)
        images_of.append(members.get(IMAGE))
        size += len(lines[-1])
        size_of_images += len(images_of[-1] or b"")
        if size >= BLOCK_BYTES or size_of_images >= BATCH_BYTES:
            yield block()
            lines, keys, images_of, size, size_of_images = [], [], [], 0, 0
    if lines:
        yield block()


def _samples(
    path: Path, wanted: Container[str], endings: Counter[str] | None = None
) -> Iterator[tuple[str, dict[str, bytes | None]]]:
    """Gives the key of every sample, and its first member of each kind wanted: a name's ending, or ``image``.

    A text that is larger than a row may be is None. Hidden members, such as macOS's ``._x``, belong to no sample.
    """
    last, members = None, dict[str, bytes | None]()
    with open_tar(path) as archive:
        for member in archive:
            folder, slash, name = member.name.rpartition("/")
            stem, _, extension = name.partition(".")
            if not stem:
                continue
            if endings is not None:
                endings[extension] += 1
            key = f"{folder}{slash}{stem}"
            if last is not None and key != last:
                yield last, members
                members = {}
            last = key
            kind = extension.lower()
            kind = IMAGE if kind in IMAGE_ENDINGS else kind
            if kind in wanted and kind not in members:
                members[kind] = archive.content(member, MAX_IMAGE_BYTES if kind == IMAGE else MAX_ROW_BYTES)
    if last is not None:
        yield last, members


def _line(key: str, members: dict[str, bytes | None]) -> bytes:
    """Writes the sample as one line of JSON. Bytes that are not UTF-8 stay, and the reader finds them."""
    for kind in "json", "txt":
        if members.get(kind, b"") is None:  # no JSON: the reader's error shows it
            return f".{kind} member of more than {MAX_ROW_BYTES:,} bytes".encode()
    own: dict[str, Any] = {KEY: key.encode(errors="surrogateescape").decode(errors="replace")}
    text, metadata = members.get("txt"), members.get("json")
    if text is not None:
        own[TEXT] = text.decode(errors="surrogateescape").removesuffix("\n")
    line = json.dumps(own, ensure_ascii=False).encode(errors="surrogateescape")
    # A line end in JSON is white space, as strings have none. So the JSON need not be parsed here.
    fields = (metadata or b"").removeprefix(BYTE_ORDER_MARK).strip().replace(b"\r", b" ").replace(b"\n", b" ")
    if not fields:
        return line
    if not fields.startswith(b"{"):
        return fields  # not an object: the reader's error names the sample
    if b'"__key__"' in fields or b'"txt"' in fields:
        fields = _without(own, fields)
    rest = fields[1:].lstrip()
    return line[:-1] + (b"" if rest.startswith(b"}") else b", ") + rest


def _without(own: Container[str], fields: bytes) -> bytes:
    """Gives JSON without the fields that the members of the sample give."""
    try:
        value = json.loads(fields)
        return json.dumps({name: field for name, field in value.items() if name not in own}).encode()
    except (ValueError, RecursionError):  # the reader finds it
        return fields
