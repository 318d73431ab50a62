"""``index_shard`` against Python's ``tarfile`` on the same shards, one thread, from the page cache.

    python benches/data/index.py [--samples 40000] [--passes 5] [--folder /dev/shm]

Three layouts. ``img2dataset`` has an image of 5 kB, a .json and a .txt a sample, in one header each. ``webdataset`` has
an image of 5 kB and a .cls a sample, as webdataset's TarWriter writes them: with records before each header. ``small``
has images of 900 bytes (32 x 32 pixels) and a .cls. The rates are members a second in the best pass. tarfile only walks
the members. The index reads the captions and labels too, and writes its file. ``headers`` is the Rust pass alone. The
offsets and sizes of all images are compared with those of tarfile.
"""

import argparse
import datetime
import io
import json
import os
import platform
import random
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from unicl._native import TarIndexer
from unicl.files import TarIndex, index_shard, sidecar_of

Members = Iterator[tuple[str, bytes]]


def img2dataset(samples: int, draw: random.Random) -> Members:
    for row in range(samples):
        caption = " ".join(draw.choices(["a", "dog", "on", "the", "red", "grass", "with", "two", "balls"], k=10))
        facts = {"caption": caption, "url": f"https://example.com/{row}.jpg", "key": f"{row:09d}", "status": "success",
                 "error_message": None, "width": 256, "height": 256, "original_width": 640, "original_height": 480,
                 "exif": "{}", "sha256": draw.randbytes(32).hex()}  # fmt: skip
        yield f"{row:09d}.jpg", draw.randbytes(draw.randrange(3000, 7000))
        yield f"{row:09d}.json", json.dumps(facts, indent=4).encode()
        yield f"{row:09d}.txt", caption.encode()


def with_class(size: int) -> Callable[[int, random.Random], Members]:
    def members(samples: int, draw: random.Random) -> Members:
        for row in range(samples):
            yield f"{row:09d}.jpg", draw.randbytes(draw.randrange(size * 3 // 5, size * 7 // 5))
            yield f"{row:09d}.cls", str(draw.randrange(1000)).encode()

    return members


LAYOUTS = {"img2dataset": (img2dataset, 0), "webdataset": (with_class(5000), 1.5), "small": (with_class(900), 0)}


def best(passes: int, work: Callable[[], Any]) -> float:
    times = []
    for _ in range(passes):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def walk(path: Path) -> list[tuple[str, int, int]]:
    with tarfile.open(path, "r:") as archive:
        return [(member.name, member.offset_data, member.size) for member in archive]


def only_headers(path: Path) -> None:
    indexer = TarIndexer(path, max_text_bytes=1 << 24, max_image_bytes=1 << 29)
    while indexer.advance():
        if indexer.is_full:
            indexer.take()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=40_000)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--folder", default=None)
    arguments = parser.parse_args()
    print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(
        f"Python {platform.python_version()}, {arguments.samples:,} samples, processor time, best of {arguments.passes}"
    )
    print(f"\n{'':<12} {'members':>9} {'MB':>6} {'tarfile /s':>12} {'index /s':>12} {'ratio':>6} {'headers /s':>12}")
    for name, (layout, mtime) in LAYOUTS.items():
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            path = Path(folder, "00000.tar")
            with tarfile.open(path, "w") as archive:
                for member_name, content in layout(arguments.samples, random.Random(0)):  # noqa: S311
                    member = tarfile.TarInfo(member_name)
                    member.size, member.mtime = len(content), mtime
                    archive.addfile(member, io.BytesIO(content))
            members = walk(path)
            ours = best(arguments.passes, lambda path=path: index_shard(path, sidecar_of(path), overwrite=True))
            headers = best(arguments.passes, lambda path=path: only_headers(path))
            theirs = best(max(1, arguments.passes // 2), lambda path=path: walk(path))
            table = TarIndex(path).table
            found = list(zip(*(table[column].to_pylist() for column in ("member", "offset", "size")), strict=True))
            if found != [member for member in members if member[0].endswith(".jpg")]:
                raise SystemExit(f"{name}: the index and tarfile differ")
            count = len(members)
            print(
                f"{name:<12} {count:>9,} {path.stat().st_size / 1e6:>6,.0f} {count / theirs:>12,.0f} "
                f"{count / ours:>12,.0f} {theirs / ours:>6.1f} {count / headers:>12,.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
