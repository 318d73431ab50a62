"""The loss of a batch is that of the printed equation on its rows, in any order, and of all ranks together."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.python.data.tiny_source import MemorySource, captioned, features, labelled, training_data
from torch import Tensor, distributed

from unicl import DenseLabeler, LabelVocabulary, fused_loss
from unicl.data import Batch, SampleLoader, SampleOrder, TrainingData

BOTH = MemorySource("both", captions=[("a big dog", "it barks"), ("my cat",)], classes=[("dog",), ("cat",)])
SEVERAL = MemorySource("several", classes=[("dog", "cat"), ("horse",), ("cat",)])
DENSE = DenseLabeler(LabelVocabulary.from_names(["dog", "cat", "beach"]))
SCENES = MemorySource("scenes", captions=[("a dog on a beach",), ("two cats", "a beach"), ("nothing", "at all")])
DATA = {
    "integers": training_data(captioned(4), labelled(6), BOTH),
    "all captions": training_data(captioned(4, captions=3), labelled(6), BOTH, captions="all"),
    "all prompts": training_data(captioned(4), labelled(6), BOTH, class_prompts="all"),
    "sets": training_data(captioned(4), SEVERAL, BOTH),
    "dense labels": training_data(SCENES, labelled(6), BOTH, labeler=DENSE, captions="all", class_prompts="all"),
    "equal captions": training_data(captioned(4, captions=2), SEVERAL, captions="all", equal_captions=True),
}


def loss_of(batch: Batch, group: str | None = None) -> Tensor:
    """The loss, where sets of labels are positive if they meet."""
    images, texts = features(batch)
    weights = {"image_weight": batch.image_weight.double(), "text_weight": batch.text_weight.double()}  # type: ignore[union-attr]
    return fused_loss(
        images,
        texts,
        batch.image_labels,
        batch.text_labels,
        7.0,
        **weights,
        overlap="any",
        group=group,  # type: ignore[arg-type]
    )


def equation(batch: Batch, positives: Tensor) -> float:
    """Equations 2 to 4 of the paper, as a mean of both directions, with weighted rows."""
    images, texts = features(batch)
    logits, halves = 7.0 * images @ texts.T, []
    for rows, targets, weight in (
        (logits, positives, batch.image_weight),
        (logits.T, positives.T, batch.text_weight),
    ):
        counts = targets.sum(dim=1)
        losses = -(rows.log_softmax(dim=1) * targets).sum(dim=1) / counts.clamp(min=1)
        of_rows = weight.double() * (counts > 0)  # type: ignore[union-attr]
        halves.append((of_rows * losses).sum() / of_rows.sum())
    return float(sum(halves) / 2)


def facts(data: TrainingData, batch: Batch) -> Iterator[tuple[int, int]]:
    """The positives by the content of the sources: own texts, and classes of the same name. No label is read."""
    classes: dict[str, set[str]] = {}
    captions: dict[str, set[str]] = {}
    for source in data.sources:
        for sample in source.take(range(len(source))):
            classes[sample.key], captions[sample.key] = set(sample.classes), set(sample.captions)  # type: ignore[union-attr]
    texts = [data._tokens.tokenizer.decode(row) for row in batch.tokens]  # type: ignore[attr-defined]
    named = [{name for name in ("dog", "cat", "horse") if name in text.split()} for text in texts]
    for i, j in itertools.product(range(len(batch.images)), range(len(texts))):
        key = batch.sample_keys[i]  # type: ignore[index]
        owners = {owner for owner, own in captions.items() if texts[j] in own}
        meant = set.union(set(), *(classes[owner] for owner in owners)) if owners else named[j]
        if key in owners or classes[key] & meant:
            yield i, j


@pytest.mark.parametrize("kind", ["integers", "all captions", "all prompts", "sets"])
def test_the_loss_is_the_equation_on_the_positives_that_the_sources_tell(kind: str) -> None:
    data = DATA[kind]
    positions = np.arange(12)
    batch = data.take(*data.order().take(positions), positions)
    positives = torch.zeros(len(batch.images), len(batch.tokens), dtype=torch.float64)
    for i, j in facts(data, batch):
        positives[i, j] = 1
    assert bool((positives.sum(dim=1) > 0).all())
    assert bool((positives.sum(dim=0) > 0).all()) or kind == "all prompts"
    assert loss_of(batch).item() == pytest.approx(equation(batch, positives), rel=1e-9)


@pytest.mark.parametrize("kind", DATA)
def test_every_order_of_rows_has_the_same_loss(kind: str) -> None:
    data = DATA[kind]
    positions = np.arange(40, 45)
    sources, rows = data.order(weights=[1] * len(data.sources)).take(positions)
    assert len(set(sources.tolist())) > 1
    first = data.take(sources, rows, positions)
    wanted = loss_of(first).item()
    for order in map(list, itertools.permutations(range(5))):
        batch = data.take(sources[order], rows[order], positions[order])
        assert loss_of(batch).item() == pytest.approx(wanted, rel=1e-9)
        assert torch.equal(batch.images, first.images[order])


@pytest.mark.parametrize("kind", DATA)
def test_no_image_and_no_text_loses_its_positives(kind: str) -> None:
    data = DATA[kind]
    for start in range(0, 60, 12):
        positions = np.arange(start, start + 12)
        batch = data.take(*data.order().take(positions), positions)
        images, texts = (
            labels.tolist() if isinstance(labels, Tensor) else labels.to_list()
            for labels in (batch.image_labels, batch.text_labels)
        )
        images, texts = (
            [set(row) if isinstance(row, list) else {row} - {-1} for row in side] for side in (images, texts)
        )
        for place, (image, text) in enumerate(zip(images, texts, strict=False)):
            assert image & text or not image | text, place
        for text in texts[len(images) :]:
            assert text, "a further text without a label has no image"


SOURCES = captioned(30, captions=2), labelled(12), BOTH
RUNS = ({"class_prompts": "all"}, {"captions": "all"}, {"captions": "all", "class_prompts": "all", "labeler": DENSE})


def run_a_rank(rank: int, folder: str) -> None:
    """Saves the mean loss of each batch over two ranks, for each of the runs."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2, timeout=timedelta(seconds=120)
    )
    losses = []
    for options in RUNS:
        data = training_data(*SOURCES, **options)
        for batch in SampleLoader(data, SampleOrder([30, 12, 2], seed=1), batch_size=9):
            mean = loss_of(batch, group="world") / 2
            distributed.all_reduce(mean)
            losses.append(mean)
    torch.save(losses, f"{folder}/{rank}")
    distributed.destroy_process_group()


def test_two_ranks_have_the_loss_of_one_process(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(run_a_rank, args=(str(tmp_path),), nprocs=2)
    losses = [
        loss_of(batch)
        for options in RUNS
        for batch in SampleLoader(training_data(*SOURCES, **options), SampleOrder([30, 12, 2], seed=1), batch_size=9)
    ]
    for rank in range(2):
        torch.testing.assert_close(torch.load(tmp_path / str(rank)), losses, rtol=1e-9, atol=1e-12)
