"""The captions that the comparisons with peers run over: those that ship, and files that UNICL_DATA names."""

import gzip
import os
from pathlib import Path

import pytest

SHEETS = Path(__file__).parents[1] / "golden" / "context"
SHIPPED = "captions of COCO"
DATA = Path(os.environ["UNICL_DATA"]) if "UNICL_DATA" in os.environ else None
"""A folder of files ``captions_NAME.txt.gz``, one caption a line. It may hold ``nltk_data`` too."""
FILES = {} if DATA is None else {path.name.split(".")[0]: path for path in sorted(DATA.glob("captions_*.txt.gz"))}

every_corpus = pytest.mark.parametrize("corpus", [SHIPPED, *FILES])


def read_captions(corpus: str) -> list[str]:
    """The captions of one corpus."""
    if corpus in FILES:
        return gzip.decompress(FILES[corpus].read_bytes()).decode().removesuffix("\n").split("\n")
    header, *rows = [line.split("\t") for line in (SHEETS / "coco_coco.tsv").read_text("utf-8").splitlines()]
    return [row[header.index("caption")] for row in rows]
