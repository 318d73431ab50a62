"""Ends the process well: after a signal, and where nobody reads its output."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
SIGNALLED = 128
"""The status after a signal is this and the number of the signal, as in a shell."""


@contextmanager
def cleaning_up_after_signals() -> Iterator[None]:
    """Turns SIGTERM and SIGHUP into an exit that removes partial files. Its status is 128 and the signal's number.

    A signal that the process ignores, as after nohup, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():  # only there can Python handle signals
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def leave(number: int, _: object) -> NoReturn:
        for each in SIGNALS:  # a second one must not stop the cleaning up
            signal.signal(each, signal.SIG_IGN)
        sys.exit(SIGNALLED + number)

    try:
        for number, handler in before.items():
            if handler is signal.SIG_DFL:
                signal.signal(number, leave)
        yield
    except SystemExit as end:
        if isinstance(end.code, int) and end.code > SIGNALLED:
            tell(f"unicl: ended by {signal.Signals(end.code - SIGNALLED).name}")
        raise
    finally:
        for number, handler in before.items():
            if handler is signal.SIG_DFL:
                signal.signal(number, signal.SIG_DFL)


def tell(line: str) -> None:
    """Writes a line to stderr. If nobody can read it, the work goes on without it."""
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def open_closed_streams() -> None:
    """Gives stdout and stderr, where the process was started without them, to the null device.

    Otherwise the next file that is opened would get their numbers, and messages of the system would go into it.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: PTH123, SIM115


def flush_or_drop_stdout() -> None:
    """Lets Python's last flush of stdout succeed, with the null device if nobody reads it."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
