"""Reads the captions that a benchmark works on: a file of real ones, or captions made of those of this repository."""

import argparse
import gzip
from pathlib import Path

SHEETS = Path(__file__).parents[2] / "tests/golden/context"
MADE = 20_000


def add_captions(parser: argparse.ArgumentParser) -> None:
    """Adds the argument with the file."""
    parser.add_argument(
        "captions",
        type=read_captions,
        nargs="?",
        default=made_captions(),
        help=f"a file of real captions, one a line, plain or gzip; default: {MADE:,} made of captions of COCO",
    )


def read_captions(path: str) -> tuple[str, list[str]]:
    """The name and the lines of a file."""
    data = Path(path).read_bytes()
    return Path(path).name, (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode().splitlines()


def made_captions() -> tuple[str, list[str]]:
    """The first words of one caption, then the last words of another. They repeat words more often than real ones."""
    captions: dict[str, None] = {}
    for sheet in ("coco_coco", "coco_imagenet"):
        header, *rows = [line.split("\t") for line in (SHEETS / f"{sheet}.tsv").read_text("utf-8").splitlines()]
        captions |= dict.fromkeys(row[header.index("caption")] for row in rows)
    words = [caption.split() for caption in captions]
    starts = [" ".join(each[: len(each) // 2]) for each in words]
    ends = [" ".join(each[len(each) // 2 :]) for each in words]
    pairs = ((row, (row + step) % len(words)) for step in range(len(words)) for row in range(len(words)))
    made = dict.fromkeys(f"{starts[left]} {ends[right]}" for left, right in pairs)
    return f"made of {len(words)} captions of COCO (speeds on real captions differ)", list(made)[:MADE]
