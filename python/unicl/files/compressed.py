"""Opens files, plain or compressed. The ending of the name tells which, in upper or lower case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from unicl.files.remote_path import RemotePath

if TYPE_CHECKING:
    from unicl.files.remote_path import AnyPath

COMPRESSIONS = {".gz": "gzip", ".tgz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
"""The compressions by the ending of a name."""
MAGIC = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\x28\xb5\x2f\xfd": ".zst", b"\x04\x22\x4d\x18": ".lz4"}
"""The first bytes of compressed data, and the ending of its name."""


def open_stream(path: AnyPath) -> pa.NativeFile:
    """Opens a file to read its content from the first byte to the last.

    Raises:
        ValueError: It should be compressed and is empty.
    """
    compression = COMPRESSIONS.get(path.suffix.lower())
    if compression and path.stat().st_size == 0:
        raise ValueError(f"{path} is not compressed as {compression}, or is damaged: it is empty")
    return pa.input_stream(path.open() if isinstance(path, RemotePath) else str(path), compression=compression)
