"""Measures the peak memory of ``unicl label`` over inputs of which one is ten times the other. Linux only.

    python benches/text/memory.py [--captions 2000000] [--images 200000000] [--shapes ...] [--folder /dev/shm]

A run of the command is a process of its own, and its peak is what the system tells about it (VmHWM). No two captions
are equal. Images are random bytes: of 50 kB in Parquet, which the command copies, and of 5 kB in a shard.
"""

import argparse
import datetime
import io
import itertools
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from captions import made_captions

CHUNK, IMAGE_BYTES, SAMPLE_BYTES = 100_000, 50_000, 5_000
RUN = """
import sys
from pathlib import Path
from unicl.cli import main
status = main(["label", sys.argv[1], "--vocabulary", "coco", "--out", sys.argv[2], "--threads", "2"])
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 2**10)
sys.exit(status)
"""


def captions(rows: int) -> Iterator[pa.Array]:
    """That many captions, in parts."""
    made = pa.array(made_captions()[1])
    for first in range(0, rows, CHUNK):
        numbers = pa.array(np.arange(first, min(first + CHUNK, rows)))
        yield pc.binary_join_element_wise(
            made.take(pc.bit_wise_and(numbers, 16_383)), pc.cast(numbers, pa.string()), " "
        )


def write_groups(path: Path, batches: Iterator[pa.RecordBatch], group_rows: int, *, dictionary: list[str]) -> None:
    """Writes Parquet in row groups of that many rows. A call of the writer ends its last group: it gets whole ones."""
    first = next(batches)
    with pq.ParquetWriter(path, first.schema, use_dictionary=dictionary) as writer:
        waiting: list[pa.RecordBatch] = []
        for batch in itertools.chain([first], batches):
            waiting.append(batch)
            if sum(map(len, waiting)) >= group_rows:
                writer.write_table(pa.Table.from_batches(waiting), row_group_size=group_rows)
                waiting.clear()
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting), row_group_size=group_rows)


def captions_parquet(path: Path, rows: int, group_rows: int) -> None:
    """Writes captions as Parquet, in row groups of that many rows."""
    batches = (pa.record_batch({"caption": part, "key": pa.array(np.arange(len(part)))}) for part in captions(rows))
    write_groups(path, batches, group_rows, dictionary=["caption", "key"])


def captions_text(path: Path, rows: int) -> None:
    """Writes a caption a line."""
    with path.open("w") as file:
        for part in captions(rows):
            file.writelines(f"{caption}\n" for caption in part.to_pylist())


def captions_json(path: Path, rows: int) -> None:
    """Writes a caption a line, as JSON."""
    with path.open("w") as file:
        for part in captions(rows):
            file.writelines(f"{json.dumps({'caption': caption})}\n" for caption in part.to_pylist())


def images_parquet(path: Path, size: int, group_rows: int) -> None:
    """Writes that many bytes of images beside captions as Parquet, in row groups of that many rows."""
    batches = (
        pa.record_batch({"image": [os.urandom(IMAGE_BYTES) for _ in texts], "caption": texts})
        for part in captions(size // IMAGE_BYTES)
        for texts in (part[start : start + 100] for start in range(0, len(part), 100))
    )
    write_groups(path, batches, group_rows, dictionary=["caption"])


def images_shard(path: Path, size: int) -> None:
    """Writes that many bytes of images beside captions as a webdataset shard, of more than one batch of rows."""
    with tarfile.open(path, "w") as archive:
        for part in captions(size // SAMPLE_BYTES):
            for caption in part.to_pylist():
                for end, content in (("jpg", os.urandom(SAMPLE_BYTES)), ("txt", caption.encode())):
                    member = tarfile.TarInfo(f"{caption.rpartition(' ')[2]}.{end}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))


SHAPES: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    "captions, Parquet, one row group": ("x.parquet", lambda path, rows: captions_parquet(path, rows, 1 << 40)),
    "captions, Parquet, groups of 1 M rows": ("x.parquet", lambda path, rows: captions_parquet(path, rows, 1_000_000)),
    "captions, Parquet, groups of 10,000 rows": ("x.parquet", lambda path, rows: captions_parquet(path, rows, 10_000)),
    "captions, JSON lines": ("x.jsonl", captions_json),
    "captions, text": ("x.txt", captions_text),
    "images, Parquet, one row group": ("x.parquet", lambda path, size: images_parquet(path, size, 1 << 40)),
    "images, Parquet, groups of 1,000 rows": ("x.parquet", lambda path, size: images_parquet(path, size, 1_000)),
    "images, Parquet, groups of 100 rows": ("x.parquet", lambda path, size: images_parquet(path, size, 100)),
    "images, shard": ("x.tar", images_shard),
}


def peak_mib(source: Path, out: Path) -> float:
    """The peak memory of a run."""
    words = [sys.executable, "-c", RUN, str(source), str(out)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=int, default=2_000_000, help="in the smaller file")
    parser.add_argument("--images", type=int, default=200_000_000, help="bytes in the smaller file")
    parser.add_argument("--shapes", nargs="+", choices=[*SHAPES], default=[*SHAPES], metavar="SHAPE")
    parser.add_argument("--folder", type=Path, help="where the inputs and outputs go meanwhile: 8 GB")
    arguments = parser.parse_args()
    print(
        f"{datetime.date.today()}, {os.cpu_count()} cores, Python {platform.python_version()}, pyarrow {pa.__version__}"
    )
    print(f"{arguments.captions:,} captions or {arguments.images:,} bytes of images, and ten times as much\n")
    print(f"{'':<42} {'once MiB':>10} {'ten times':>10} {'ratio':>6}")
    for shape in arguments.shapes:
        name, write = SHAPES[shape]
        size = arguments.captions if shape.startswith("captions") else arguments.images
        peaks = []
        for factor in (1, 10):
            with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
                write(Path(folder, name), factor * size)
                peaks.append(peak_mib(Path(folder, name), Path(folder, "out")))
        print(f"{shape:<42} {peaks[0]:>10.0f} {peaks[1]:>10.0f} {peaks[1] / peaks[0]:>6.2f}", flush=True)


if __name__ == "__main__":
    main()
