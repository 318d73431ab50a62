"""The command line. Each command parses its words into a configuration and calls one function."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

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
        "give the captions of files labels, from a vocabulary that you name or that is mined from them", "label"
    ),
    "meter": Command("count the false negatives of a batch: pairs that share a label or a caption", "label"),
    "explain": Command("show the noun phrases of a caption, their labels, and why a phrase has none", "label"),
    "vocab": Command("mine, describe, compare and merge label vocabularies", "label"),
    "tokenize": Command("turn the captions of files into token ids", "label"),
}
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs ``unicl COMMAND ...``.

    Args:
        arguments: The words after ``unicl``; None: those of the process.

    Returns:
        The exit status: 0; 2 after an error, with one line on stderr that explains it; 130 after Ctrl-C.
    """
    command, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or ["--help"]
    if command in ("-h", "--help"):
        listing = "\n".join(f"  {name:<10}{summary}" for name, (summary, _) in COMMANDS.items())
        sys.stdout.write(
            f"usage: unicl COMMAND [options]\n\n{listing}\n\nunicl COMMAND --help lists the options of a command.\n"
            "unicl --version prints the version.\n"
        )
        return 0
    if command in ("-V", "--version"):
        sys.stdout.write(f"unicl {version('unicl-rs')}\n")
        return 0
    if command not in COMMANDS:
        near = get_close_matches(command, COMMANDS, n=1)
        meant = f"did you mean {near[0]}? Or " if near else ""
        sys.stderr.write(f"unicl: expected a command; got {command!r}: {meant}choose one of {', '.join(COMMANDS)}\n")
        return 2
    configs: Sequence[type] = ()
    try:
        module = import_module(f"unicl.cli.{command}")
        configs = module.CONFIGS
        with stdin_for_hyphen(command, rest) as words:
            status: int = module.run(words)
        return status
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("unicl"):
            raise
        # Where torch is missing on purpose, an extra of unicl-rs would bring it.
        package = f"'unicl-rs[{COMMANDS[command].extra}]'" if find_spec("torch") or error.name is None else error.name
        remedy = "" if "pip install" in str(error) else f"; pip install {package} installs what the command needs"
        sys.stderr.write(f"unicl {command}: {error}{remedy}\n")
    except BrokenPipeError:  # the reader stopped, as after `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, OSError, FloatingPointError) as error:
        sys.stderr.write(f"unicl {command}: {in_flags(str(error), configs)}\n")
    except KeyboardInterrupt:
        sys.stderr.write(f"unicl {command}: interrupted\n")
        return INTERRUPTED
    return 2
