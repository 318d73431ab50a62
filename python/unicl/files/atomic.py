"""Writes files and folders whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, and replaces one that is there. Its folder must exist.

    Raises:
        OSError: The folder is missing, or the system refuses the write; the message names the file.
    """
    with _replaced_file(path) as aside:
        aside.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Writes a text file as :func:`write_bytes` does: UTF-8, with line ends as they are."""
    write_bytes(path, text.encode())


@contextmanager
def new_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Gives a path beside ``path`` to write to. The file gets the name ``path`` at the end, when it is on the disk.

    After an error, or Ctrl-C, the new file is removed, and a file at ``path`` stays as it was.

    Args:
        path: The final name. Its folder is made.
        overwrite: Replace a file of that name.

    Raises:
        FileExistsError: There is a file of that name, and ``overwrite`` is not set.
        IsADirectoryError: There is a folder of that name.
        OSError: The system refuses the write; the message names the file.
    """
    refuse_existing(path, overwrite=overwrite)
    refuse_folder(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _replaced_file(path) as aside:
        yield aside
        refuse_existing(path, overwrite=overwrite)  # another process may have been faster


@contextmanager
def new_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Gives a folder beside ``path`` to write into. It gets the name ``path`` at the end, when all is on the disk.

    After an error, or Ctrl-C, the new folder is removed, and a folder at ``path`` stays as it was.

    Args:
        path: The final name. The folder that it is in is made.
        overwrite: Replace a folder of that name, with everything in it.

    Raises:
        FileExistsError: There is a folder of that name, and ``overwrite`` is not set.
        NotADirectoryError: There is a file of that name.
        OSError: The system refuses the write; the message names the folder.
    """
    refuse_existing(path, overwrite=overwrite)
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"expected a folder; got {path}, which is a file: name another place")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside, replaced = _name_aside(path), _name_aside(path)
    try:
        aside.mkdir()
        yield aside
        for file in aside.rglob("*"):
            _sync_folder(file) if file.is_dir() else _sync_file(file)
        _sync_folder(aside)
        refuse_existing(path, overwrite=overwrite)
        if path.exists():
            path.replace(replaced)
        try:
            aside.replace(path)
        except OSError:
            if replaced.exists():
                replaced.replace(path)
            raise
    finally:
        for folder in (aside, replaced):
            shutil.rmtree(folder, ignore_errors=True)
    _sync_folder(path.parent)


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raises ``FileExistsError`` if there is a file, folder or link and it must not be replaced.

    Raises:
        OSError: There cannot be a file of that name, for example because the name is too long.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):  # the second: what makes the folder tells it better
        return
    if not overwrite:
        raise FileExistsError(f"{path} exists: name another place, or replace it with overwrite=True")


def refuse_folder(path: Path) -> None:
    """Raises ``IsADirectoryError`` if a file cannot get that name because a folder has it."""
    if path.is_dir():
        raise IsADirectoryError(f"expected a name for a file; got {path}, which is a folder: name another place")


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Lets one process at a time write into a folder whose files must fit each other.

    The system's lock on the folder ends with the process, however that ends. Some systems have no such locks: Windows,
    and some network drives. There this does nothing.

    Raises:
        BlockingIOError: Another process has the folder.
    """
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(
                f"expected a folder that no other run writes into; got {folder}: wait for that run, or name another one"
            ) from None
        except OSError:  # a drive without locks
            pass
        yield
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Makes a folder for outputs and checks that files can be made in it, before hours of other work.

    Raises:
        OSError: The folder or a file in it cannot be made; the message names the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(error.errno, f"cannot write into the folder: {error.strerror}", str(folder)) from error


@contextmanager
def naming_output(path: Path) -> Iterator[None]:
    """Lets an ``OSError`` name the output that could not be written, not the name that it had meanwhile."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise OSError(error.errno, f"cannot write the output: {reason}", str(path)) from error


@contextmanager
def _replaced_file(path: Path) -> Iterator[Path]:
    """Gives a path beside ``path`` to write to, and replaces the file at ``path`` at the end."""
    aside = _name_aside(path)
    try:
        yield aside
        try:
            _sync_file(aside)
            aside.replace(path)
        except OSError as error:  # names the file, not the name it had meanwhile
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        with suppress(OSError):  # after the renaming, and in a missing folder, there is none
            aside.unlink()
    _sync_folder(path.parent)


def _name_aside(path: Path) -> Path:
    return path.with_name(f".{path.name[:50]}.{secrets.token_hex(4)}.partial")  # a long name would become too long


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


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
