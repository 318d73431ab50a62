"""The golden phrases are well formed: what is measured with them is measured against valid, separate labels."""

from collections import Counter

import pytest

from .golden import GOLDEN, GoldenPhrase, read_golden

SAMPLES = ["tuning", "held_out"]
DETERMINERS = {"a", "an", "the", "this", "that", "these", "those", "some", "another", "all", "both", "any", "no"}


def without_determiner(phrase: str) -> str:
    first, _, rest = phrase.partition(" ")
    return rest if rest and first in DETERMINERS else phrase


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> list[GoldenPhrase]:
    return read_golden(request.param)


def test_each_sample_is_large_enough_to_measure_with(sample: list[GoldenPhrase]) -> None:
    assert len(sample) >= 220
    assert sum(row.coco != ("none",) for row in sample) >= 100
    assert sum(row.imagenet != ("none",) for row in sample) >= 60


def test_no_stratum_or_source_dominates_a_sample(sample: list[GoldenPhrase]) -> None:
    for values in (Counter(row.stratum for row in sample), Counter(row.source for row in sample)):
        assert max(values.values()) <= 0.6 * len(sample)
    assert {row.stratum for row in sample} == {"frequent", "uniform", "named"}
    assert {row.source for row in sample} == {"flickr30k", "coco", "laion"}


def test_coco_labels_are_among_the_80_names(sample: list[GoldenPhrase]) -> None:
    names = (GOLDEN / "coco_names.txt").read_text(encoding="utf-8").splitlines()
    assert len(set(names)) == 80
    assert {label for row in sample for label in row.coco} <= {*names, "none"}


def test_coco_names_are_those_of_torchvision() -> None:
    detection = pytest.importorskip("torchvision.models.detection")
    categories = detection.FasterRCNN_ResNet50_FPN_Weights.DEFAULT.meta["categories"]
    names = (GOLDEN / "coco_names.txt").read_text(encoding="utf-8").splitlines()
    assert names == [name for name in categories if name not in ("__background__", "N/A")]


def test_imagenet_labels_are_class_names_of_open_clip(sample: list[GoldenPhrase]) -> None:
    metadata = pytest.importorskip("open_clip.zero_shot_metadata")
    assert {label for row in sample for label in row.imagenet} <= {*metadata.IMAGENET_CLASSNAMES, "none"}


def test_alternatives_are_few_and_differ(sample: list[GoldenPhrase]) -> None:
    for row in sample:
        assert len(set(row.coco)) == len(row.coco), row.phrase
        assert len(set(row.imagenet)) == len(row.imagenet), row.phrase
    assert sum(len(row.coco) > 1 or len(row.imagenet) > 1 for row in sample) <= 0.1 * len(sample)


def test_phrases_are_lower_case_with_single_spaces(sample: list[GoldenPhrase]) -> None:
    for row in sample:
        assert row.phrase == " ".join(row.phrase.lower().split())


def test_no_phrase_comes_twice_not_even_with_another_determiner() -> None:
    phrases = Counter(without_determiner(row.phrase) for name in SAMPLES for row in read_golden(name))
    assert [phrase for phrase, count in phrases.items() if count > 1] == []
