"""The training loop, its objectives and its schedule."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.nn import functional

from unicl.data import Batch
from unicl.models import DualTower
from unicl.training import StepRecord, TrainingConfig, make_optimizer, objective_loss, train, warmup_cosine


def tiny_tower(seed: int = 0) -> DualTower:
    torch.manual_seed(seed)
    return DualTower(
        nn.Sequential(nn.Flatten(), nn.Linear(12, 8)), nn.Sequential(nn.Embedding(9, 8), nn.Flatten(), nn.Linear(8, 8))
    )


def batches(count: int) -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(5)
    centres = torch.randn(4, 3, 2, 2, generator=generator)
    for _ in range(count):
        labels = torch.randint(4, (16,), generator=generator)
        noise = torch.randn(16, 3, 2, 2, generator=generator)
        yield Batch(
            images=centres[labels] + 0.1 * noise,
            tokens=torch.arange(4)[:, None],
            image_labels=labels,
            text_labels=torch.arange(4),
        )


@pytest.mark.parametrize("objective", ["unicl", "ce"])
def test_training_lowers_the_loss_and_learns_the_classes(objective: str) -> None:
    model, records = tiny_tower(), list[StepRecord]()
    train(model, batches(80), TrainingConfig(objective=objective, steps=80, lr=2e-2), records.append)
    assert [record.step for record in records] == list(range(1, 81))
    assert records[-1].loss < 0.3 * records[0].loss
    assert not model.training
    batch = next(batches(1))
    nearest = (model.encode_image(batch.images) @ model.encode_text(batch.tokens).T).argmax(dim=1)
    assert (nearest == batch.image_labels).float().mean() > 0.9


def test_the_same_seed_gives_the_same_losses() -> None:
    runs = []
    for _ in range(2):
        records: list[StepRecord] = []
        train(tiny_tower(), batches(5), TrainingConfig(steps=5), records.append)
        runs.append([record.loss for record in records])
    assert runs[0] == runs[1]


def test_the_logit_scale_stays_in_its_range() -> None:
    model, records = tiny_tower(), list[StepRecord]()
    train(model, batches(30), TrainingConfig(steps=30, lr=1.0), records.append)
    assert all(1.0 <= record.logit_scale <= 100.001 for record in records)


def test_batches_that_end_early_are_named() -> None:
    with pytest.raises(ValueError, match="expected 4 batches, one a step; got 2"):
        train(tiny_tower(), batches(2), TrainingConfig(steps=4))


def test_an_image_that_is_not_finite_stops_the_run_before_the_weights_change() -> None:
    model = tiny_tower()
    before = [parameter.clone() for parameter in model.parameters()]
    batch = next(batches(1))
    batch.images[3, 0, 0, 0] = float("nan")
    with pytest.raises((ValueError, FloatingPointError), match=r"nan|finite"):
        train(model, [batch], TrainingConfig(steps=1))
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


def test_norms_biases_and_the_scale_have_no_weight_decay() -> None:
    model = tiny_tower()
    matrices, others = make_optimizer(model, TrainingConfig(wd=0.3)).param_groups
    assert matrices["weight_decay"] == 0.3
    assert others["weight_decay"] == 0.0
    assert {parameter.ndim for parameter in matrices["params"]} == {2}
    assert any(parameter is model.log_logit_scale for parameter in others["params"])


def test_ce_is_cross_entropy_over_the_class_texts() -> None:
    generator = torch.Generator().manual_seed(0)
    u = functional.normalize(torch.randn(7, 5, generator=generator), dim=1)
    v = functional.normalize(torch.randn(3, 5, generator=generator), dim=1)
    labels = torch.tensor([0, 2, 1, 1, 0, 2, 2])
    loss = objective_loss("ce", u, v, labels, torch.arange(3), torch.tensor(20.0))
    torch.testing.assert_close(loss, functional.cross_entropy(20 * u @ v.T, labels))


def test_clip_pairs_rows_whatever_their_labels() -> None:
    generator = torch.Generator().manual_seed(0)
    u = functional.normalize(torch.randn(6, 5, generator=generator), dim=1)
    v = functional.normalize(torch.randn(6, 5, generator=generator), dim=1)
    same = torch.zeros(6, dtype=torch.int64)
    logits, rows = 20 * u @ v.T, torch.arange(6)
    expected = (functional.cross_entropy(logits, rows) + functional.cross_entropy(logits.T, rows)) / 2
    torch.testing.assert_close(objective_loss("clip", u, v, same, same, torch.tensor(20.0)), expected)


@pytest.mark.usefixtures("own_checks")
def test_an_unknown_objective_is_refused_and_the_known_ones_are_listed() -> None:
    row, label = torch.ones(1, 1), torch.zeros(1, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"expected objective to be one of 'unicl', 'clip', 'ce'; got 'siglip'"):
        objective_loss("siglip", row, row, label, label, torch.tensor(1.0))


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [warmup_cosine(step, steps=100, warmup=10) for step in range(101)]
    assert rates[9] == max(rates) == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.0)
