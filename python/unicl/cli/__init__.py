"""The command line: parse, make a configuration, call; no logic."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Command(NamedTuple):
    """What a command does, and the extra that brings the packages it needs."""

    summary: str
    extra: str


COMMANDS = {
    "demo": Command("the main job end to end on the embedded data set: train, evaluate, compare, report", "demo"),
    "label": Command("the captions of files to labels, by a vocabulary that is given or mined from them", "label"),
    "meter": Command("the false negatives of a batch: pairs that share a label or a caption", "label"),
    "explain": Command("the noun phrases of a caption, their labels, and why a phrase has none", "label"),
    "vocab": Command("label vocabularies: mined from captions, described, compared, merged", "label"),
    "tokenize": Command("the captions of files to token ids", "label"),
}
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs ``unicl COMMAND ...``.

    Args:
        arguments: The words after ``unicl``; those of the process if None.

    Returns:
        The exit status: 0, or 2 with one line on stderr that says what was wrong; 130 after Ctrl-C.
    """
    command, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or ["--help"]
    if command in ("-h", "--help"):
        listing = "\n".join(f"  {name:<10}{summary}" for name, (summary, _) in COMMANDS.items())
        sys.stdout.write(
            f"usage: unicl COMMAND [options]\n\n{listing}\n\nunicl COMMAND --help tells a command's options.\n"
        )
        return 0
    if command not in COMMANDS:
        sys.stderr.write(f"unicl: unknown command {command!r}: choose one of {', '.join(COMMANDS)}\n")
        return 2
    try:
        status: int = import_module(f"unicl.cli.{command}").run(rest)
        return status
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("unicl"):
            raise
        extra = f"; pip install 'unicl-rs[{COMMANDS[command].extra}]' brings what the command needs"
        sys.stderr.write(f"unicl {command}: {error}{'' if 'pip install' in str(error) else extra}\n")
    except BrokenPipeError:  # nobody reads on, as after `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, OSError, FloatingPointError) as error:
        sys.stderr.write(f"unicl {command}: {error}\n")
    except KeyboardInterrupt:
        sys.stderr.write(f"unicl {command}: interrupted\n")
        return INTERRUPTED
    return 2
