"""Measures the order of samples on one thread: nanoseconds a sample, by the rows of a source and the size of a batch.

    python benches/data/order.py [--batch-sizes 256 4096] [--passes 5]

One source, and a mix of three with the weights 2, 1, 1. The peers are numpy's permutation, which is a table of 8 bytes
a row that every epoch makes anew, and Grain: index_shuffle for each index, MapDataset.shuffle, and MapDataset.mix. The
time is the processor's, as the machine may be shared. Each order is checked: an epoch has every row once, or where it
is too long, a million samples have no row twice. The last lines name the peers that were not measured, and why.
"""

import argparse
import datetime
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from unicl.data import SampleOrder

sys.path.insert(0, str(Path(__file__).parents[1] / "text"))
from labels import processor

ROWS = (10**3, 10**6, 10**9)
WEIGHTS = (2, 1, 1)
SAMPLES = 1_000_000
MOST_TABLE_ROWS = 10**8


def best_ns(work: Callable[[], Any], samples: int, passes: int) -> float:
    """The shortest processor time of some calls, in nanoseconds a sample."""
    times = []
    for _ in range(passes):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times) / samples * 1e9


def ours(lengths: list[int], batch_size: int, samples: int) -> Callable[[], Any]:
    """Makes the batches of some samples, one after another."""
    order = SampleOrder(lengths, weights=WEIGHTS if len(lengths) > 1 else None)

    def work() -> None:
        for start in range(0, samples, batch_size):
            order.take(np.arange(start, start + batch_size))

    return work


def check(order: SampleOrder) -> None:
    """Raises an error if an epoch of a source has not every row once, or if a long one repeats a row."""
    for source, length in enumerate(order.lengths):
        sources, rows = order.take(np.arange(min(order.epoch_end(0, source=source), SAMPLES * len(order.lengths))))
        rows = rows[sources == source]
        if len(np.unique(rows)) != len(rows) or (len(rows) < length < SAMPLES):
            raise SystemExit(f"wrong: source {source} of {order.lengths} repeats or misses rows")


class Numbers:
    """A source of Grain whose row i is i."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, row: int) -> int:
        return row


def grain_calls(lengths: list[int], samples: int) -> dict[str, Callable[[], Any]]:
    """The calls of Grain for one source, or for a mix."""
    import grain
    from grain.experimental import index_shuffle

    shuffled = [grain.MapDataset.source(Numbers(length)).seed(0).shuffle().repeat() for length in lengths]
    if len(lengths) > 1:
        mixed = grain.MapDataset.mix(shuffled, weights=[weight / sum(WEIGHTS) for weight in WEIGHTS])
        return {"Grain, shuffle + mix": lambda: [mixed[position] for position in range(samples)]}
    end = lengths[0] - 1
    return {
        "Grain, index_shuffle": lambda: [
            index_shuffle(position % end, max_index=end, seed=1, rounds=4) for position in range(samples)
        ],
        "Grain, shuffle": lambda: [shuffled[0][position] for position in range(samples)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[256, 4096])
    parser.add_argument("--passes", type=int, default=5)
    options = parser.parse_args()
    print(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {processor()}, {os.cpu_count()} cores, one thread")
    left_out = {}
    try:
        import grain  # noqa: F401

        grain_version = importlib.metadata.version("grain")
    except ImportError as error:
        grain_version = ""
        left_out["Grain"] = f"not installed ({error})"
    print(f"Python {platform.python_version()}, numpy {np.__version__}, Grain {grain_version or 'not installed'}")
    print("\n| sources | rows of each | order | ns a sample | table, MB |")
    print("| --- | ---: | --- | ---: | ---: |")
    for sources in (1, len(WEIGHTS)):
        for rows in ROWS:
            lengths = [rows] * sources
            check(SampleOrder(lengths, weights=WEIGHTS if sources > 1 else None))
            lines = [
                (
                    f"SampleOrder, batches of {size}",
                    best_ns(ours(lengths, size, 50 * size), 50 * size, options.passes),
                    0.0,
                )
                for size in options.batch_sizes
            ]
            if rows <= MOST_TABLE_ROWS and sources == 1:
                ns = best_ns(lambda n=rows: np.random.default_rng(0).permutation(n), rows, options.passes)
                lines.append(("numpy, a permutation an epoch", ns, rows * 8 / 1e6))
                lines += [
                    (f"numpy, a permutation a batch of {size}", ns * rows / size, rows * 8 / 1e6)
                    for size in options.batch_sizes
                    if size <= rows
                ]
            elif sources == 1:
                left_out[f"numpy at {rows:,} rows"] = f"its table has {rows * 8 / 1e9:g} GB"
            if grain_version:
                for name, call in grain_calls(lengths, 2000).items():
                    lines.append((name, best_ns(call, 2000, options.passes), 0.0))
            for name, ns, megabytes in lines:
                print(f"| {sources} | {rows:,} | {name} | {ns:,.0f} | {megabytes:,.3g} |", flush=True)
    for name, reason in left_out.items():
        print(f"\nNot measured: {name}: {reason}")


if __name__ == "__main__":
    main()
