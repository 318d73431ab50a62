"""Reads tar files from front to back, in bounded memory. Damage is an error; Python's own reader often stops there."""

from __future__ import annotations

import tarfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from unicl.files.compressed import COMPRESSIONS, open_stream
from unicl.files.malformed import naming_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADER_BYTES = 1 << 20
"""The largest size of a header, with a long name or other facts."""
CHUNK_BYTES = 64 << 10


class TarMembers:
    """The members of a tar file, in order. Made by :func:`open_tar`. Archives may follow one another in the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._stream = _Forward(file)

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        """Gives the members that are files.

        Raises:
            tarfile.TarError: The file is no tar file, is damaged or cut off.
        """
        while True:
            archive = tarfile.TarFile(fileobj=self._stream)  # type: ignore[arg-type]  # it needs only these methods
            member = archive.firstmember and archive.next()  # type: ignore[attr-defined]
            while member is not None:
                if member.isfile():
                    yield member
                archive.members.clear()  # type: ignore[attr-defined]  # which it keeps only for others
                member = archive.next()
            if not self._stream.skip_end():
                return

    def content(self, member: tarfile.TarInfo, at_most: int) -> bytes | None:
        """Gives the bytes of the last member that was given; None if there are more than ``at_most``."""
        if member.size > at_most or member.issparse():
            return None
        self._stream.seek(member.offset_data)
        content = self._stream.read(member.size, at_most)
        if len(content) < member.size:
            raise tarfile.ReadError(f"it ends in the middle of {member.name}")
        return content


@contextmanager
def open_tar(path: Path) -> Iterator[TarMembers]:
    """Opens a tar file, plain or compressed.

    Raises:
        ValueError: It is no tar file, or is damaged; the message names it.
    """
    is_packed = path.suffix.lower() in COMPRESSIONS  # if not, it seeks over the images
    try:
        with naming_file(path, "a tar file"), open_stream(path) if is_packed else path.open("rb") as file:
            yield TarMembers(file)
    except (tarfile.TarError, EOFError, RecursionError, OverflowError) as error:
        raise ValueError(f"{path} is not a tar file, or is damaged: {error}") from error


class _Forward:
    """A file that is read forward, and never more at once than is sane."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._place, self._ahead, self._last = file, 0, b"", b""

    def tell(self) -> int:
        return self._place

    def read(self, size: int, at_most: int = HEADER_BYTES) -> bytes:
        if not 0 <= size <= at_most:
            raise tarfile.ReadError(f"a header claims {size:,} bytes")
        content, self._ahead = self._ahead[:size], self._ahead[size:]
        if len(content) < size:
            content += self._file.read(size - len(content))
        self._place += len(content)
        self._last = content
        return content

    def seek(self, place: int) -> None:
        left = place - self._place
        if left < 0:
            raise tarfile.ReadError("a header claims fewer than 0 bytes")
        if not self._ahead and self._file.seekable():
            try:
                self._place = self._file.seek(place)
            except OSError:  # farther than a file can be
                raise tarfile.ReadError(f"a header claims {left:,} bytes") from None
        while self._place < place and self.read(min(place - self._place, CHUNK_BYTES)):
            pass

    def skip_end(self) -> bool:
        """Skips the zeros at the end of an archive, where a header was read last. Tells whether another one follows."""
        if len(self._last) < tarfile.BLOCKSIZE:
            where = "in the middle of a header" if self._last else "without the zeros that mark the end"
            raise tarfile.ReadError(f"it ends {where}")
        if any(self._last):
            raise tarfile.ReadError("a header is damaged")
        while not (rest := self.read(CHUNK_BYTES)).strip(b"\0"):
            if not rest:
                return False
        zeros = (len(rest) - len(rest.lstrip(b"\0"))) // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE
        self._ahead = rest[zeros:]
        self._place -= len(self._ahead)
        return True
