"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; what was written there takes the name of ``path`` at the end.

    It is on the disk before it is renamed. After an error, or Ctrl-C, it is removed, and what was at ``path`` stays.

    Raises:
        OSError: The folder is missing, the disk is full, or whatever else the system says.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        yield aside
        try:
            with aside.open("rb+") as file:
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError as error:  # names the file, not the name it had meanwhile
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        with suppress(OSError):  # it is gone after the renaming, and was never there in a missing folder
            aside.unlink()
    _sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file as :func:`replacing` does."""
    with replacing(path) as aside:
        aside.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Writes a text file, UTF-8 with line ends as they are, as :func:`replacing` does."""
    write_bytes(path, text.encode())


def _sync_folder(folder: Path) -> None:
    """Makes a rename last through a loss of power, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def written_aside(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A path beside ``path`` to write to; what was written there takes the name of ``path`` at the end.

    It is on the disk before it is renamed. After an error, or Ctrl-C, it is removed, and what was at ``path`` stays.

    Args:
        path: The final name. Its folder is made.
        overwrite: Replace a file of that name.

    Raises:
        FileExistsError: There is one, and ``overwrite`` is not set.
        OSError: The disk is full, or whatever else it says; the message names the file.
    """
    refuse_existing(path, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as aside:
        yield aside
        refuse_existing(path, overwrite=overwrite)  # another process may have been faster


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raises ``FileExistsError`` if there is a file and it must not be replaced."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; name another place, or pass overwrite=True (--overwrite) to replace it")


def make_folder(folder: Path) -> None:
    """Makes the folder of outputs that come after hours of other work, and sees that files can be made in it.

    Raises:
        OSError: They cannot; the message names the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(error.errno, f"cannot write into the folder: {error.strerror}", str(folder)) from error
