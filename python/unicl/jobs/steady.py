"""Opens the inputs of a job, and stops the job if one of them changes while it runs."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unicl.files import open_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from unicl.files import Reading, Source


@dataclass(frozen=True, kw_only=True)
class Input:
    """An input that was opened. It may be read any number of times.

    Attributes:
        source: The input.
        state: What tells whether it has changed since.
    """

    source: Source
    state: tuple[int, ...]

    def refuse_changed(self) -> None:
        """Refuses a file that has changed. It is called at the end of each pass.

        Raises:
            ValueError: The file has changed since it was opened, so that two passes may differ in their rows.
        """
        if file_state(self.source.path) != self.state:
            raise ValueError(
                f"{self.source.path}: expected a file that stays the same during the run; got one that was changed: "
                "start again when nothing writes to it"
            )


def refuse_replaced(written: Mapping[Path, tuple[int, ...]]) -> None:
    """Refuses outputs that are no longer as this run has written them: two runs would be mixed in one folder.

    Args:
        written: The outputs, with the :func:`file_state` that each had when it was written.

    Raises:
        FileExistsError, FileNotFoundError: Another run has replaced or removed one of them.
    """
    for path, state in written.items():
        if file_state(path) != state:
            raise FileExistsError(
                f"expected outputs of this run alone; got {path}, which another run has replaced meanwhile: name "
                "another folder, and run again"
            )


def open_input(path: Path, reading: Reading) -> Input:
    """Opens an input. In some formats that reads all rows, to find the types of the columns."""
    state = file_state(path)
    return Input(source=open_source(path, reading), state=state)


def file_state(path: Path) -> tuple[int, ...]:
    """Gives the size and the time of the last change of a file; nothing for a pipe, which has neither."""
    found = path.stat()
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else ()
