"""Phrases of real captions get their right label: tests/golden, whose held-out ones nobody tuned the mapper on."""

import pytest

from unicl.labels import LabelMapper, LabelVocabulary

from .golden import read_golden


@pytest.fixture(scope="module")
def vocabularies():
    return {"coco": LabelVocabulary.coco(), "imagenet": LabelVocabulary.imagenet("1k")}


@pytest.mark.parametrize(
    ("sample", "column", "precision", "recall"),
    [
        ("tuning", "coco", 0.98, 0.95),
        ("tuning", "imagenet", 0.98, 0.95),
        ("held_out", "coco", 0.98, 0.91),
        ("held_out", "imagenet", 0.97, 0.90),
    ],
)
def test_labels_are_right_and_most_are_found(vocabularies, sample, column, precision, recall):
    vocabulary, rows = vocabularies[column], read_golden(sample)
    ids = LabelMapper(vocabulary).map([row.phrase for row in rows]).ids
    labelled = right = should = found = 0
    for row, label in zip(rows, ids, strict=True):
        accepted = getattr(row, column)
        is_right = label >= 0 and vocabulary.names[label] in accepted
        labelled += label >= 0
        right += is_right
        should += "none" not in accepted
        found += is_right and "none" not in accepted
    assert right / labelled >= precision
    assert found / should >= recall
