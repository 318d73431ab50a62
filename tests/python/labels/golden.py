"""Reads the phrases of ``tests/golden`` that were labelled by hand; its README has the rules."""

from dataclasses import dataclass
from pathlib import Path

GOLDEN = Path(__file__).parents[2] / "golden"
COLUMNS = ["phrase", "source", "stratum", "coco", "imagenet", "note"]


@dataclass(frozen=True, kw_only=True)
class GoldenPhrase:
    """A noun phrase of a real caption and its right labels: any of them is right, "none" means no label."""

    phrase: str
    source: str
    stratum: str
    coco: tuple[str, ...]
    imagenet: tuple[str, ...]
    note: str


def read_golden(sample: str) -> list[GoldenPhrase]:
    """The rows of one sample: "tuning", or "held_out" which only a final report may look at."""
    content = (GOLDEN / f"phrases_{sample}.tsv").read_text(encoding="utf-8")
    header, *rows = [line.split("\t") for line in content.split("\n") if line and not line.startswith("#")]
    if header != COLUMNS:
        raise ValueError(f"the columns of sample {sample!r} are {header}, not {COLUMNS}")
    return [
        GoldenPhrase(
            phrase=phrase,
            source=source,
            stratum=stratum,
            coco=tuple(coco.split("|")),
            imagenet=tuple(imagenet.split("|")),
            note=note,
        )
        for phrase, source, stratum, coco, imagenet, note in rows
    ]
