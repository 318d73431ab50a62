"""The command line. Each command parses its words into a configuration and calls one function."""

from __future__ import annotations

import sys
import traceback
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from unicl.cli.ending import cleaning_up_after_signals, flush_or_drop_stdout, open_closed_streams, tell
from unicl.cli.flags import in_flags
from unicl.cli.stdin import stdin_for_hyphen

if TYPE_CHECKING:
    from collections.abc import Sequence


class Command(NamedTuple):
    """What a command does, and the extra that installs the packages it needs."""

    summary: str
    extra: str


COMMANDS = {
    "demo": Command("run everything on a small built-in data set: train, evaluate, compare, report", "demo"),
    "label": Command(
        "give the captions and classes of files labels, from a vocabulary that you name or that is mined", "label"
    ),
    "meter": Command("count the false negatives of a batch: pairs that share a label or a caption", "label"),
    "explain": Command("show the noun phrases of a caption, their labels, and why a phrase has none", "label"),
    "vocab": Command("mine, describe, compare and merge label vocabularies", "label"),
    "tokenize": Command("turn the captions of files into token ids", "label"),
    "data": Command("show what is in training data: rows, captions, classes, labels, images, what is bad", "demo"),
    "index": Command("find the samples of tar shards, so that each image can be read alone", "label"),
}
HELP = ("-h", "--help")
VERSION = ("-V", "--version")
INTERRUPTED = 130
MOST_DIGITS = 18
"""Numbers of 64 bits have as many, or one more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs ``unicl COMMAND ...``.

    Args:
        arguments: The words after ``unicl``; None: those of the process.

    Returns:
        The exit status: 0; 2 after an error, with one line on stderr that explains it; 130 after Ctrl-C.

    Raises:
        SystemExit: After SIGTERM or SIGHUP, after ``--help``, or after a wrong option.
    """
    open_closed_streams()
    with cleaning_up_after_signals():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    command, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or ["--help"]
    if command not in (*COMMANDS, *HELP, *VERSION):
        near = get_close_matches(command, COMMANDS, n=1)
        meant = f"did you mean {near[0]}? Or " if near else ""
        tell(f"unicl: expected a command; got {command!r}: {meant}choose one of {', '.join(COMMANDS)}")
        return 2
    configs: Sequence[type] = ()
    try:
        if command in HELP:
            listing = "\n".join(f"  {name:<10}{summary}" for name, (summary, _) in COMMANDS.items())
            sys.stdout.write(
                f"usage: unicl COMMAND [options]\n\n{listing}\n\nunicl COMMAND --help lists the options of a command.\n"
                "unicl --version prints the version.\n"
            )
            sys.stdout.flush()
            return 0
        if command in VERSION:
            sys.stdout.write(f"unicl {version('unicl-rs')}\n")
            sys.stdout.flush()
            return 0
        module = import_module(f"unicl.cli.{command}")
        configs = module.CONFIGS
        with stdin_for_hyphen(command, rest) as words:
            status: int = module.run(words)
        sys.stdout.flush()
        return status
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("unicl"):
            raise
        # Where torch is missing on purpose, an extra of unicl-rs would bring it.
        package = f"'unicl-rs[{COMMANDS[command].extra}]'" if find_spec("torch") or error.name is None else error.name
        remedy = "" if "pip install" in str(error) else f"; pip install {package} installs what the command needs"
        tell(f"unicl {command}: {error}{remedy}")
    except (ValueError, TypeError, OSError, ArithmeticError, MemoryError) as error:
        # Results go to stdout when the work is done. Its reader stopped, as after `| head`; files have names in errors.
        if isinstance(error, BrokenPipeError) and error.filename is None:
            return 0
        line = " ".join(str(error).splitlines()) or type(error).__name__
        if isinstance(error, OverflowError):
            large = ", ".join(word for word in rest if word.lstrip("-").isdigit() and len(word) > MOST_DIGITS)
            line = f"expected numbers of at most {MOST_DIGITS} digits; got {large or line}"
        tell(f"unicl {command}: {in_flags(line, configs)}")
    except KeyboardInterrupt:
        tell(f"unicl {command}: interrupted")
        return INTERRUPTED
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}, line {where.lineno}"
        line = " ".join(f"{type(error).__name__}: {error}".split())
        tell(f"unicl {command}: {line} ({place}): this is a defect of unicl: please report this line")
    finally:
        flush_or_drop_stdout()
    return 2
