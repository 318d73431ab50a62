"""The reference is the equation of the paper, and its special cases are the losses others wrote."""

from __future__ import annotations

import math

import open_clip
import pytest
import torch
from torch.nn.functional import cross_entropy

import unicl

BACKENDS = pytest.mark.parametrize("backend", ["reference", "tiled"])


def by_hand(image, text, image_labels, text_labels, scale):
    """Equations 2 to 4 of the paper with loops, averaged over the rows that have a positive."""

    def one_side(rows, columns, row_labels, column_labels):
        losses = []
        for i, (row, label) in enumerate(zip(rows, row_labels, strict=True)):
            logits = [scale * sum(a * b for a, b in zip(row, column, strict=True)) for column in columns]
            log_total = math.log(sum(math.exp(z) for z in logits))
            positives = [
                j for j, other in enumerate(column_labels) if (label == other if label >= 0 else other < 0 and i == j)
            ]
            if positives:
                losses.append(sum(log_total - logits[j] for j in positives) / len(positives))
        return sum(losses) / len(losses) if losses else 0.0

    sides = (one_side(image, text, image_labels, text_labels), one_side(text, image, text_labels, image_labels))
    return sum(sides) / 2


@BACKENDS
@pytest.mark.parametrize("labels", ["equal", "unique", "unlabelled", "classes", "mixed"])
@pytest.mark.parametrize(("b", "m"), [(1, 1), (5, 5), (4, 7), (7, 3)])
def test_the_loss_is_the_equation_of_the_paper(make_batch, backend, labels, b, m):
    batch = make_batch(b, m, 3, labels=labels, seed=b)
    expected = by_hand(*(x.tolist() for x in (batch.image, batch.text, batch.image_labels, batch.text_labels)), 5.0)
    loss = unicl.fused_loss(batch.image, batch.text, *batch.labels, 5.0, backend=backend)
    assert loss.item() == pytest.approx(expected, rel=1e-12, abs=1e-12)


@BACKENDS
@pytest.mark.parametrize("labels", ["pairs", "unique", "unlabelled"])
def test_distinct_labels_give_the_clip_loss(make_batch, gradients, backend, labels):
    batch = make_batch(33, 33, 20, labels=labels, alignment=0.5)
    if labels == "unique":
        batch = type(batch)(
            image=batch.image, text=batch.text, image_labels=batch.image_labels, text_labels=batch.image_labels
        )
    clip = gradients(lambda u, v, _, __, s: open_clip.ClipLoss()(u, v, s), batch, 14.3, torch.float64)
    ours = gradients(
        lambda u, v, *labels_and_scale: unicl.fused_loss(u, v, *labels_and_scale, backend=backend),
        batch,
        14.3,
        torch.float64,
    )
    for got, wanted in zip(ours, clip, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-14)


@BACKENDS
@pytest.mark.parametrize("rows", [6, 10, 25])
def test_one_text_for_each_class_gives_softmax_cross_entropy(make_batch, backend, rows):
    classes = 10  # also with as many images as classes: nothing is positive for sitting at i = j
    batch = make_batch(rows, classes, 16)
    labels = torch.randint(0, classes, (rows,), generator=torch.Generator().manual_seed(1))
    loss = unicl.fused_loss(
        batch.image, batch.text, labels, torch.arange(classes), 20.0, direction="image_to_text", backend=backend
    )
    torch.testing.assert_close(loss, cross_entropy(20.0 * batch.image @ batch.text.T, labels))


@BACKENDS
def test_texts_may_share_the_labels_of_the_images(make_batch, backend):
    batch = make_batch(12, 12, 5, labels="mixed")
    shared = unicl.fused_loss(batch.image, batch.text, batch.image_labels, backend=backend)
    given = unicl.fused_loss(batch.image, batch.text, batch.image_labels, batch.image_labels, backend=backend)
    assert shared.item() == given.item()


@BACKENDS
def test_the_loss_is_the_mean_of_its_directions(make_batch, backend):
    batch = make_batch(9, 14, 5)
    both, to_text, to_image = (
        unicl.fused_loss(batch.image, batch.text, *batch.labels, direction=direction, backend=backend)
        for direction in ("both", "image_to_text", "text_to_image")
    )
    torch.testing.assert_close(both, (to_text + to_image) / 2)


@BACKENDS
def test_a_batch_without_a_positive_has_loss_0_and_zero_gradients(make_batch, gradients, backend):
    batch = make_batch(5, 7, 4)
    batch = type(batch)(
        image=batch.image, text=batch.text, image_labels=torch.zeros(5).long(), text_labels=torch.ones(7).long()
    )
    for value in gradients(
        lambda u, v, *rest: unicl.fused_loss(u, v, *rest, backend=backend), batch, 14.3, torch.float32
    ):
        assert torch.count_nonzero(value) == 0


@BACKENDS
def test_a_row_without_a_positive_leaves_the_mean_but_stays_a_negative(make_batch, backend):
    batch = make_batch(4, 4, 6)
    labels, lonely = torch.tensor([0, 1, 2, 3]), torch.tensor([0, 1, 2, 9])
    loss = unicl.fused_loss(batch.image, batch.text, labels, lonely, 7.0, direction="image_to_text", backend=backend)
    rows = cross_entropy(7.0 * batch.image @ batch.text.T, labels, reduction="none")
    torch.testing.assert_close(loss, rows[:3].mean())
