"""Measures the memory of an epoch of synthetic rows: whole training batches, without the cost of images.

    python benches/data/epoch_memory.py [--rows 10000000]

Half of the rows have a caption of their own, half have one of 1,000 classes. Captions, sentences of classes, tokens
and labels are made as in training; the pixels are constant. The peak memory of the process (VmHWM) is printed as rows
go by.
"""

import argparse
import datetime
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from unicl import ClipTokenizer
from unicl.data import Sample, SampleLoader, TrainingData

CLASSES = tuple(f"thing {number}" for number in range(1000))
PIXELS = torch.zeros(3, 1, 1, dtype=torch.uint8)


class Numbers:
    """A source of rows that need no memory."""

    def __init__(self, name: str, rows: int, class_names: tuple[str, ...] | None) -> None:
        self.name, self.rows, self.class_names, self.has_captions = name, rows, class_names, class_names is None

    def __len__(self) -> int:
        return self.rows

    def take(self, rows: Sequence[int]) -> list[Sample]:
        """The samples of some rows."""
        if self.class_names is None:
            return [Sample(key=str(row), image=b"", captions=(f"number {row} on a wall",)) for row in rows]
        return [Sample(key=str(row), image=b"", classes=(CLASSES[row % len(CLASSES)],)) for row in rows]


def constant(data: bytes, *, seed: int = 0, position: int = 0) -> torch.Tensor:  # noqa: ARG001
    """The same pixels for every sample."""
    return PIXELS


def peak_mib() -> float:
    """The peak memory of this process."""
    return int(Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    torch.set_num_threads(1)
    sources = [Numbers("captions", rows // 2, None), Numbers("classes", rows - rows // 2, CLASSES)]
    data = TrainingData(sources, transform=constant, tokenizer=ClipTokenizer())
    print(f"{datetime.date.today()}, torch {torch.__version__}; at the start {peak_mib():.0f} MiB")
    start, seen, shown = time.process_time(), 0, rows // 100
    for batch in SampleLoader(data, data.order(), batch_size=1024):
        seen += len(batch.images)
        if seen >= shown:
            print(
                f"{seen:12,} rows  {peak_mib():6.0f} MiB  {(time.process_time() - start) / seen * 1e6:5.1f} us a row",
                flush=True,
            )
            shown = shown * 10 if shown < rows // 10 else shown + rows // 5
    print(f"{seen:12,} rows  {peak_mib():6.0f} MiB  at the end")


if __name__ == "__main__":
    main()
