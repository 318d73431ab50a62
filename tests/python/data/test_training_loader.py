"""Batches are the same for any workers, ranks and restarts; bad samples are counted; memory stays flat."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.python.data.tiny_source import CLASSES, MemorySource, captioned, labelled, png, same_batch, training_data

from unicl import DenseLabeler, LabelVocabulary
from unicl.data import BadSample, Batch, Sample, SampleLoader, SampleOrder, SkippedSamples, TrainingData

SOURCES = captioned(60, captions=2), labelled(30)
DENSE = DenseLabeler(LabelVocabulary.from_names(["dog", "cat", "image"]))
OPTIONS: tuple[dict[str, Any], ...] = ({}, {"captions": "all", "labeler": DENSE})


def load(data: TrainingData, **options: Any) -> SampleLoader[Batch]:
    return SampleLoader(data, data.order(), **({"batch_size": 12} | options))


@pytest.mark.parametrize("options", OPTIONS, ids=["integers", "sets"])
@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_workers_make_the_same_batches_bit_for_bit(options: dict, start_method: str) -> None:
    data = training_data(*SOURCES, **options)
    wanted = list(load(data))
    assert len(wanted) == 8
    for workers in (1, 2) if start_method == "fork" else (2,):
        found = list(load(data, workers=workers, start_method=start_method))
        assert len(found) == len(wanted)
        assert all(map(same_batch, found, wanted))


def rows_of(batch: Batch, labels: str, side: str) -> list[Any]:
    """What each image or each of the first texts has, without padding."""
    given = batch[labels]
    own = given.tolist() if isinstance(given, torch.Tensor) else given.to_list()
    size = len(batch.images)
    pixels = batch.images if side == "images" else batch.tokens[:size]
    content = [
        row.numpy().tobytes() if side == "images" else [token for token in row.tolist() if token] for row in pixels
    ]
    assert batch.sample_keys is not None
    return list(zip(batch.sample_keys, content, own[:size], strict=True))


@pytest.mark.parametrize("options", OPTIONS, ids=["integers", "sets"])
def test_a_restart_with_other_ranks_and_workers_goes_on_bit_for_bit(options: dict) -> None:
    first = load(training_data(*SOURCES, **options), workers=2, start_method="fork")
    for step, _ in enumerate(first):
        if step == 2:
            break
    state = first.state_dict()
    wanted = load(training_data(*SOURCES, **options))
    wanted.load_state_dict(state)
    batches = list(wanted)
    for world_size, workers in ((2, 1), (3, 0)):
        parts = []
        for rank in range(world_size):
            loader = load(
                training_data(*SOURCES, **options),
                rank=rank,
                world_size=world_size,
                workers=workers,
                start_method="fork" if workers else None,
            )
            loader.load_state_dict(state)
            parts.append(list(loader))
        for labels, side in (("image_labels", "images"), ("text_labels", "texts")):
            joined = [
                [row for part in step for row in rows_of(part, labels, side)] for step in zip(*parts, strict=True)
            ]
            assert joined == [rows_of(batch, labels, side) for batch in batches]


BAD_IMAGES = {3: b"", 5: b"<html>not found</html>", 9: png(1)[:60]}
BAD = {7: BadSample("captions, captions/7", "missing file", "7.jpg")}


@pytest.mark.parametrize("workers", [0, 2])
def test_bad_samples_are_left_out_and_counted_in_the_main_process(workers: int) -> None:
    captions = [("",) if row == 11 else (f"caption {row}",) for row in range(60)]
    captions[13] = ("\ud800 broken", "good")
    source = MemorySource("captions", captions=captions, images=BAD_IMAGES, bad=BAD)
    skipped = SkippedSamples(max_bad_fraction=0.5)
    data = training_data(source, labelled(30))
    loader = load(data, workers=workers, start_method="fork" if workers else None, skipped=skipped)
    keys = [key for batch in loader for key in batch.sample_keys or ()]
    left = {f"captions/{row}" for row in (3, 5, 7, 9, 11)}
    assert loader.skipped is skipped
    assert skipped.samples == 96
    assert {"missing file", "missing caption"} <= set(skipped.counts)
    assert skipped.counts.total() >= 5
    assert skipped.counts["missing file"] == 1
    assert not left & set(keys)
    assert "captions/13" in keys
    assert len(keys) == 96 - skipped.counts.total()


def test_a_smaller_batch_keeps_its_rows_together() -> None:
    source = captioned(10, images={4: b""})
    batch = training_data(source).take(np.zeros(3, int), np.array([3, 4, 5]), np.arange(3))
    assert batch.sample_keys == ("captions/3", "captions/5")
    assert len(batch.images) == len(batch.tokens) == len(batch.image_labels) == len(batch.text_weight) == 2  # type: ignore[arg-type]
    assert batch.positions.tolist() == [0, 2]  # type: ignore[union-attr]
    assert list(batch.bad) == [1]
    assert batch.bad[1].key == "captions, captions/4"
    assert "bad" not in batch
    assert batch.to("cpu").bad == batch.bad


@pytest.mark.parametrize(
    "options", [{}, {"label_sets": True}, {"class_prompts": "all"}, {"captions": "all", "labeler": DENSE}]
)
@pytest.mark.parametrize("workers", [0, 1])
def test_a_batch_without_a_good_sample_is_never_yielded(workers: int, options: dict) -> None:
    source = captioned(12, images=dict.fromkeys(range(10), b"no image"))
    data = training_data(source, labelled(3), **options)
    skipped = SkippedSamples(max_bad_fraction=1.0)
    order = SampleOrder([12, 3], weights=[1000, 1], seed=0)
    loader = SampleLoader(
        data,
        order,
        batch_size=2,
        workers=workers,
        start_method="fork" if workers else None,
        skipped=skipped,
        epoch_of=0,
    )
    batches = list(loader)
    assert 1 <= len(batches) <= 3
    assert all(len(batch.images) for batch in batches)
    assert loader.position == skipped.samples >= 12
    assert skipped.counts.total() + sum(len(batch.images) for batch in batches) == skipped.samples


def test_a_rank_without_a_good_sample_is_an_error_because_the_others_would_wait() -> None:
    data = training_data(captioned(12, images=dict.fromkeys(range(12), b"no image")))
    loader = load(data, batch_size=4, rank=1, world_size=2, skipped=SkippedSamples(max_bad_fraction=1.0))
    with pytest.raises(ValueError, match=r"0 to 3: expected a good sample on every rank; got none of 2 on rank 1"):
        list(loader)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_run_stops_where_too_many_samples_are_bad(workers: int, caplog: pytest.LogCaptureFixture) -> None:
    data = training_data(captioned(600, images=dict.fromkeys(range(0, 600, 20), b"no image")))
    skipped = SkippedSamples(judged_from=200)
    loader = load(data, batch_size=50, workers=workers, start_method="fork" if workers else None, skipped=skipped)
    with caplog.at_level(logging.WARNING), pytest.raises(ValueError, match=r"expected at most max_bad_fraction=0\.01"):
        list(loader)
    assert 200 <= skipped.samples <= 300
    assert sum("skipped captions, captions/" in line for line in caplog.messages) == 3
    data = training_data(captioned(300, images=dict.fromkeys(range(300), b"no image")))
    with pytest.raises(ValueError, match="expected fewer than bad_in_a_row=100 bad samples in a row; got 100"):
        list(load(data, batch_size=50, workers=workers, start_method="fork" if workers else None))


class Numbers:
    """Ten million rows or more that need no memory."""

    name, class_names, has_captions = "numbers", CLASSES, True

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return self.rows

    def take(self, rows: list[int]) -> list[Sample]:
        return [
            Sample(key=str(row), image=b"", captions=(f"number {row}",) if row % 2 else (), classes=(CLASSES[row % 3],))
            for row in rows
        ]


PIXEL = torch.zeros(3, 1, 1, dtype=torch.uint8)


def one_pixel(data: bytes, *, seed: int = 0, position: int = 0) -> torch.Tensor:  # noqa: ARG001
    return PIXEL


def peak_kib() -> int:
    """The peak memory of this process."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("needs /proc/self/status, which Linux has")
    return int(status.read_text().split("VmHWM:")[1].split()[0])


def test_memory_does_not_grow_with_the_samples_that_were_seen() -> None:
    data = training_data(Numbers(100_000_000), transform=one_pixel)
    loader = SampleLoader(data, data.order(), batch_size=512)
    for step, _ in enumerate(loader):
        if step == 20:
            after_the_start = peak_kib()
        if step == 120:
            break
    assert peak_kib() - after_the_start < 8 * 1024
