"""Measures the demo's table over several seeds: mean and sample standard deviation of every score.

    .venv/bin/python benches/demo/objectives.py --seeds 5 --out benches/record/demo.md

Every seed is a whole run of ``unicl demo`` with the default settings. Weights, order, prompts and augmentation depend
on the seed. The split is the same, because it is a function of the data.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import torch

from unicl.cli.progress import show_progress
from unicl.demo import COLUMNS, DemoConfig, run_demo, table_row


def processor() -> str:
    """Gives the name of the processor."""
    information = Path("/proc/cpuinfo")
    names = (
        [line for line in information.read_text().splitlines() if "model name" in line] if information.exists() else []
    )
    return names[0].split(":")[1].strip() if names else platform.processor()


def main() -> None:
    """Runs every seed and prints the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds, from 0 (default 5)")
    parser.add_argument("--steps", type=int, default=DemoConfig.steps, help="the steps of every objective")
    parser.add_argument("--out", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    values: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.seeds):
            config = DemoConfig(out=Path(folder, str(seed)), seed=seed, steps=arguments.steps)
            for name, result in run_demo(config, show_progress).items():
                row = [*(100 * value for value in table_row(result.scores)), result.seconds]
                values.setdefault(name, []).append(row)
    titles = [f"{column.group} {column.title}".strip() for column in COLUMNS]
    lines = [
        f"`benches/demo/objectives.py --seeds {arguments.seeds} --steps {arguments.steps}`, "
        f"{datetime.now(UTC):%Y-%m-%d}, {processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}. "
        "Percent, mean ± sample standard deviation over the seeds.",
        "",
        f"| objective | {' | '.join(titles)} |",
        f"| --- | {' | '.join('---:' for _ in titles)} |",
    ]
    for name, rows in values.items():
        cells = []
        for column in zip(*rows, strict=True):
            spread = statistics.stdev(column) if len(column) > 1 else 0.0
            cells.append(f"{statistics.mean(column):.1f} ± {spread:.1f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    table = "\n".join(lines) + "\n"
    print(table)
    if arguments.out:
        arguments.out.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
