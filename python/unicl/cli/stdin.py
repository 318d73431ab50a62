"""Reads captions from the standard input, where the word ``-`` stands for a file."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextmanager
def stdin_for_hyphen(command: str, words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Gives the words of a command with the standard input, a caption a line, in the place of ``-``.

    ``unicl explain`` gets the captions. The other commands get a file, ``stdin.txt``, because some read it twice.
    """
    if "-" not in words:
        yield words
        return
    at = words.index("-")
    if command == "explain":
        captions = sys.stdin.buffer.read().decode("utf-8", errors="replace").splitlines()
        yield [*words[:at], *captions, *words[at + 1 :]]
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stdin.txt")
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield [*words[:at], str(path), *words[at + 1 :]]
