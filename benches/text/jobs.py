"""``label_files`` and ``tokenize_files`` against the bare labeler and tokenizer on the same Arrow batches.

    python benches/text/jobs.py [captions.txt[.gz]] [--passes 5] [--threads 2] [--vocabulary coco]

The captions are written to Parquet first. A job reads that file and writes another; the bare function gets the batches
that the job reads, from memory. Both take turns. A ratio is the captions a second of the job divided by those of the
bare function, for the best pass of each. The written labels and ids are compared with those of the bare functions. The
tokenizers are warm: an earlier pass has seen every word.
"""

import argparse
import datetime
import os
import platform
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from captions import add_captions

from unicl.files import Reading, open_source, read_captions
from unicl.jobs import label_files, tokenize_files
from unicl.labels import DenseLabeler, open_vocabulary
from unicl.text import ClipTokenizer


def processor() -> str:
    """The name of the machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def measured(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall time and processor time of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(
    name: str, captions: int, bare: Callable[[], Any], job: Callable[[Path], Any], folder: Path, passes: int
) -> Path:
    """Prints the speed of both, and the ratio. The first pass of each is not counted. Gives an output of the job."""
    bare()
    job(folder / name)
    outputs = [folder / f"{name}-{number}" for number in range(passes)]
    times = [(measured(bare), measured(partial(job, out))) for out in outputs]
    (bare_wall, bare_cpu), (job_wall, job_cpu) = (
        (min(each[side][0] for each in times), min(each[side][1] for each in times)) for side in (0, 1)
    )
    ratio = bare_wall / job_wall
    print(
        f"{name:<24} {captions / bare_wall:>14,.0f} {captions / job_wall:>14,.0f} {ratio:>8.2f} "
        f"{bare_cpu * 1e3:>11,.0f} {job_cpu * 1e3:>11,.0f}",
        flush=True,
    )
    return folder / name / "captions.parquet"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_captions(parser)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--vocabulary", default="coco")
    arguments = parser.parse_args()
    name, captions = arguments.captions
    threads = arguments.threads

    print(f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"Python {platform.python_version()}, pyarrow {pa.__version__}, {threads} threads")
    print(f"{name}: {len(captions):,} captions, best of {arguments.passes} passes")
    print(f"\n{'':<24} {'bare /s':>14} {'job /s':>14} {'ratio':>8} {'bare cpu ms':>11} {'job cpu ms':>11}")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "captions.parquet")
        pq.write_table(pa.table({"caption": captions}), source, compression="zstd")
        batches = [batch.captions for batch in read_captions(open_source(source), Reading())]

        labeler = DenseLabeler(open_vocabulary(arguments.vocabulary))
        out = compare(
            "label",
            len(captions),
            lambda: [labeler(batch, threads=threads) for batch in batches],
            lambda out: label_files([source], out, labeler.vocabulary, threads=threads),
            Path(folder),
            arguments.passes,
        )
        written = pq.read_table(out)["labels"].to_pylist()
        if written != labeler(captions, threads=threads).to_list():
            raise SystemExit("label_files wrote other labels than the labeler gives")

        tokenizer = ClipTokenizer()
        out = compare(
            "tokenize",
            len(captions),
            lambda: [tokenizer(batch, dtype="int32", threads=threads) for batch in batches],
            lambda out: tokenize_files([source], out, tokenizer, threads=threads),
            Path(folder),
            arguments.passes,
        )
        ids = pq.read_table(out)["ids"].combine_chunks().flatten().to_numpy()
        if not np.array_equal(ids.reshape(len(captions), -1), tokenizer(captions, threads=threads)):
            raise SystemExit("tokenize_files wrote other ids than the tokenizer gives")
        print(f"\nwritten: {out.stat().st_size / 1e6:.1f} MB of ids and captions")


if __name__ == "__main__":
    main()
