"""Weights, smoothing, exclusion, further texts and row losses, each against an independent implementation."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

import unicl
from unicl.loss import row_losses

BACKENDS = pytest.mark.parametrize("backend", ["reference", "tiled"])
SCALE = 9.0


@BACKENDS
@pytest.mark.parametrize("smoothing", [0.1, 0.7])
def test_label_smoothing_is_that_of_torch_cross_entropy(make_batch, backend, smoothing):
    batch = make_batch(7, 7, 5, labels="pairs")
    logits, own = SCALE * batch.image @ batch.text.T, torch.arange(7)
    expected = [cross_entropy(z, own, label_smoothing=smoothing) for z in (logits, logits.T)]
    loss = unicl.fused_loss(batch.image, batch.text, logit_scale=SCALE, label_smoothing=smoothing, backend=backend)
    torch.testing.assert_close(loss, sum(expected) / 2)


@BACKENDS
def test_row_weights_make_a_weighted_mean_over_rows_with_a_positive(make_batch, backend):
    batch = make_batch(6, 6, 5, labels="unlabelled")
    labels, of_texts = torch.tensor([0, 1, 2, 3, 4, 5]), torch.tensor([0, 1, 2, 3, 4, 9])
    weight = torch.tensor([0.5, 2, 0, 1, 3, 100.0], dtype=torch.float64)
    rows = cross_entropy(SCALE * batch.image @ batch.text.T, labels, reduction="none")
    columns = cross_entropy(SCALE * batch.text @ batch.image.T, labels, reduction="none")
    expected = (weight * rows)[:5].sum() / weight[:5].sum() + columns[:5].mean()
    loss = unicl.fused_loss(batch.image, batch.text, labels, of_texts, SCALE, image_weight=weight, backend=backend)
    torch.testing.assert_close(loss, expected / 2)
    swapped = unicl.fused_loss(batch.text, batch.image, of_texts, labels, SCALE, text_weight=weight, backend=backend)
    torch.testing.assert_close(swapped, expected / 2)


@BACKENDS
def test_weights_that_are_all_0_give_loss_0(make_batch, backend):
    batch = make_batch(4, 4, 5)
    zero = torch.zeros(4)
    loss = unicl.fused_loss(
        batch.image.float(), batch.text.float(), image_weight=zero, text_weight=zero, backend=backend
    )
    assert loss.item() == 0


@BACKENDS
def test_row_losses_are_the_losses_of_the_rows(make_batch, backend):
    batch = make_batch(5, 8, 4, labels="unlabelled")
    labels, of_texts = torch.tensor([0, 1, 2, 3, 8]), torch.tensor([0, 1, 2, 3, 4, 5, 6, 7])
    rows, columns = row_losses(batch.image, batch.text, labels, of_texts, SCALE, backend=backend)
    logits = SCALE * batch.image @ batch.text.T
    torch.testing.assert_close(rows[:4], cross_entropy(logits, labels, reduction="none", ignore_index=8)[:4])
    torch.testing.assert_close(columns[:4], cross_entropy(logits.T[:4], torch.arange(4), reduction="none"))
    assert rows[4] == 0
    assert torch.count_nonzero(columns[4:]) == 0


@BACKENDS
def test_reduction_none_still_gives_the_row_losses_and_names_what_to_call(make_batch, backend):
    batch = make_batch(5, 8, 4)
    with pytest.warns(DeprecationWarning, match=r"reduction='none' is deprecated: call unicl\.row_losses") as warned:
        found = unicl.fused_loss(batch.image, batch.text, *batch.labels, SCALE, reduction="none", backend=backend)
    assert warned[0].filename == __file__
    for got, wanted in zip(
        found, row_losses(batch.image, batch.text, *batch.labels, SCALE, backend=backend), strict=True
    ):
        assert torch.equal(got, wanted)


@BACKENDS
def test_each_row_loss_has_its_own_gradient(make_batch, backend):
    batch = make_batch(6, 6, 4, labels="mixed")
    image = batch.image.requires_grad_()
    rows, columns = row_losses(image, batch.text, *batch.labels, SCALE, backend=backend)
    factors = torch.arange(6.0, dtype=torch.float64)
    (got,) = torch.autograd.grad(rows @ factors - columns @ factors, image)
    rows, columns = row_losses(image, batch.text, *batch.labels, SCALE, backend="reference")
    (wanted,) = torch.autograd.grad(rows @ factors - columns @ factors, image)
    torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-12)


@BACKENDS
def test_a_direction_that_is_not_wanted_gives_no_gradient(make_batch, backend):
    batch = make_batch(6, 6, 4, labels="mixed")
    image = batch.image.requires_grad_()

    def of_all_rows(direction, reduce):
        losses = row_losses(image, batch.text, *batch.labels, SCALE, direction=direction, backend=backend)
        return torch.autograd.grad(reduce(*losses), image)[0]

    both = of_all_rows("image_to_text", lambda rows, columns: rows.sum() + columns.sum())
    torch.testing.assert_close(both, of_all_rows("both", lambda rows, _: rows.sum()))


def supcon(features, labels, temperature):
    """Khosla et al., Supervised Contrastive Learning, equation 2, over one set of views, with loops."""
    losses = []
    for i in range(len(features)):
        others = [a for a in range(len(features)) if a != i]
        positives = [p for p in others if labels[p] == labels[i]]
        if positives:
            logits = {a: float(features[i] @ features[a]) / temperature for a in others}
            log_total = torch.tensor(list(logits.values())).logsumexp(0)
            losses.append(sum(log_total - logits[p] for p in positives) / len(positives))
    return sum(losses) / len(losses)


@BACKENDS
def test_excluding_self_on_one_set_gives_supcon(make_batch, backend):
    features = make_batch(12, 1, 6).image
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 4])
    loss = unicl.fused_loss(features, features, labels, None, 1 / 0.1, exclude_self=True, backend=backend)
    assert loss.item() == pytest.approx(float(supcon(features, labels, 0.1)), rel=1e-5)


@BACKENDS
@pytest.mark.parametrize("rows", [1, 4])
def test_excluding_self_from_pairs_leaves_no_positive(make_batch, gradients, backend, rows):
    batch = make_batch(rows, rows, 6, labels="pairs")
    for value in gradients(
        lambda u, v, a, b, s: unicl.fused_loss(u, v, a, b, s, exclude_self=True, backend=backend),
        batch,
        14.3,
        torch.float64,
    ):
        assert torch.count_nonzero(value) == 0


@BACKENDS
def test_further_texts_are_negatives_of_the_images_alone(make_batch, backend):
    batch, bank = make_batch(5, 5, 6, labels="pairs"), make_batch(9, 1, 6, seed=3).image
    logits = SCALE * batch.image @ torch.cat([batch.text, bank]).T
    expected = cross_entropy(logits, torch.arange(5)) + cross_entropy(logits[:, :5].T, torch.arange(5))
    loss = unicl.fused_loss(batch.image, batch.text, logit_scale=SCALE, extra_text_features=bank, backend=backend)
    torch.testing.assert_close(loss, expected / 2)


@BACKENDS
def test_further_texts_with_the_label_of_an_image_are_its_positives(make_batch, backend):
    batch, bank = make_batch(5, 5, 6, labels="unlabelled"), make_batch(4, 1, 6, seed=3).image
    labels, of_bank = torch.tensor([0, 1, 2, -1, -1]), torch.tensor([1, 0, -1, 1])
    rows, _ = row_losses(
        batch.image,
        batch.text,
        labels,
        logit_scale=SCALE,
        extra_text_features=bank,
        extra_text_labels=of_bank,
        backend=backend,
    )
    log_p = (SCALE * batch.image @ torch.cat([batch.text, bank]).T).log_softmax(1)
    positives = [[0, 6], [1, 5, 8], [2], [3], [4]]
    expected = torch.stack([-log_p[i, columns].mean() for i, columns in enumerate(positives)])
    torch.testing.assert_close(rows, expected)


@BACKENDS
def test_further_texts_get_no_gradient(make_batch, backend):
    batch, bank = make_batch(5, 5, 6, labels="pairs"), make_batch(9, 1, 6, seed=3).image.requires_grad_()
    unicl.fused_loss(batch.image.requires_grad_(), batch.text, extra_text_features=bank, backend=backend).backward()
    assert bank.grad is None


@settings(deadline=None, max_examples=80)
@given(
    b=st.integers(1, 24),
    square=st.booleans(),
    m=st.integers(1, 24),
    k=st.sampled_from([0, 0, 1, 7]),
    labels=st.sampled_from(["equal", "unlabelled", "classes", "mixed"]),
    smoothing=st.sampled_from([0.0, 0.2]),
    exclude_self=st.booleans(),
    weighted=st.booleans(),
    labelled_extra=st.booleans(),
    direction=st.sampled_from(["both", "image_to_text", "text_to_image"]),
    scale=st.sampled_from([1.0, 14.3, 100.0]),
    alignment=st.sampled_from([0.0, 0.9]),
    chunk_size=st.sampled_from([None, 5]),
    seed=st.integers(0, 1000),
)
def test_all_options_together_equal_the_equation(
    make_batch,
    gradients,
    b,
    square,
    m,
    k,
    labels,
    smoothing,
    exclude_self,
    weighted,
    labelled_extra,
    direction,
    scale,
    alignment,
    chunk_size,
    seed,
):
    m = b if square else m
    batch = make_batch(b, m, 6, labels=labels, alignment=alignment, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    options = {"label_smoothing": smoothing, "direction": direction, "exclude_self": exclude_self and b == m}
    if weighted:
        options["image_weight"] = torch.rand(b, generator=generator).double()
        options["text_weight"] = torch.rand(m, generator=generator).double()
    if k:
        options["extra_text_features"] = make_batch(k, 1, 6, seed=seed + 1).image
        if labelled_extra:
            options["extra_text_labels"] = torch.randint(-1, 3, (k,), generator=generator)

    def on(backend):
        return gradients(
            lambda *x: unicl.fused_loss(*x, **options, backend=backend, chunk_size=chunk_size),
            batch,
            scale,
            torch.float64,
        )

    for got, wanted in zip(on("tiled"), on("reference"), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("backend", ["reference", "tiled"])
def test_waived_determinism_changes_no_bit_outside_the_kernels(make_batch, gradients, backend):
    batch = make_batch(4, 6, 5)

    def call(*, deterministic):
        return gradients(
            lambda *x: unicl.fused_loss(*x, backend=backend, deterministic=deterministic), batch, 14.3, torch.float32
        )

    for waived, kept in zip(call(deterministic=False), call(deterministic=True), strict=True):
        assert torch.equal(waived, kept)
