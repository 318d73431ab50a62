"""``unicl demo``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import tyro

from unicl.cli.progress import show_progress
from unicl.demo import DemoConfig, format_table, run_demo

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    """Parses the options of ``unicl demo``, runs it, prints the table and where the report is."""
    config = tyro.cli(DemoConfig, prog="unicl demo", args=arguments)
    results = run_demo(config, show_progress)
    rows = {name: (result.scores, result.seconds) for name, result in results.items()}
    sys.stdout.write(f"\n{format_table(rows)}\n\nreport: {config.out / 'report.html'}\n")
    return 0
