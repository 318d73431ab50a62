"""The command line: parse, make a configuration, call; no logic."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {"demo": "the main job end to end on the embedded data set: train, evaluate, compare, report"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs ``unicl COMMAND ...``.

    Args:
        arguments: The words after ``unicl``; those of the process if None.

    Returns:
        The exit status: 0, or 2 with one line on stderr that says what was wrong.
    """
    command, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or ["--help"]
    if command in ("-h", "--help"):
        listing = "\n".join(f"  {name:<8}{summary}" for name, summary in COMMANDS.items())
        sys.stdout.write(
            f"usage: unicl COMMAND [options]\n\n{listing}\n\nunicl COMMAND --help tells a command's options.\n"
        )
        return 0
    if command not in COMMANDS:
        sys.stderr.write(f"unicl: unknown command {command!r}: choose one of {', '.join(COMMANDS)}\n")
        return 2
    try:
        from unicl.cli.demo import run

        return run(rest)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("unicl"):
            raise
        sys.stderr.write(f"unicl {command}: {error}; pip install 'unicl-rs[demo]' brings what the command needs\n")
    except (ValueError, OSError, FloatingPointError) as error:
        sys.stderr.write(f"unicl {command}: {error}\n")
    return 2
