"""Phrases of real captions get their right label: tests/golden, 985 of them, labelled before the mapper was tuned."""

from pathlib import Path

import pytest

from unicl.labels import LabelMapper, LabelVocabulary

GOLDEN = Path(__file__).parents[2] / "golden"


def read_half(half):
    lines = (GOLDEN / f"phrases_{half}.tsv").read_text(encoding="utf-8").splitlines()
    header, *rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def vocabularies():
    return {"coco": LabelVocabulary.coco(), "imagenet": LabelVocabulary.imagenet("1k")}


@pytest.mark.parametrize(
    ("half", "column", "precision", "recall"),
    [
        ("tuning", "coco", 0.97, 0.94),
        ("tuning", "imagenet", 0.97, 0.96),
        ("held_out", "coco", 0.95, 0.84),
        ("held_out", "imagenet", 0.90, 0.80),
    ],
)
def test_labels_are_right_and_most_are_found(vocabularies, half, column, precision, recall):
    vocabulary, rows = vocabularies[column], read_half(half)
    ids = LabelMapper(vocabulary).map([row["phrase"] for row in rows]).ids
    labelled = right = should = found = 0
    for row, label in zip(rows, ids, strict=True):
        accepted = row[column].split("|")
        is_right = label >= 0 and vocabulary.names[label] in accepted
        labelled += label >= 0
        right += is_right
        should += "none" not in accepted
        found += is_right and "none" not in accepted
    assert right / labelled >= precision
    assert found / should >= recall
