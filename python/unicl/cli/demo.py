"""Runs ``unicl demo``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from unicl.cli.parse import parse
from unicl.cli.progress import show_progress
from unicl.demo import DemoConfig, format_table, run_demo

if TYPE_CHECKING:
    from collections.abc import Sequence


CONFIGS = (DemoConfig,)


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl demo``, runs it, and prints the table and the place of the report."""
    config = parse(DemoConfig, "unicl demo", arguments)
    results = run_demo(config, show_progress)
    rows = {name: (result.scores, result.seconds) for name, result in results.items()}
    sys.stdout.write(f"\n{format_table(rows)}\n\nreport: {config.out / 'report.html'}\n")
    return 0
