"""Positives from sets of labels: their cosine, or whether they meet."""

from __future__ import annotations

from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import unicl
from unicl.loss import row_losses
from unicl.loss.targets import overlap as overlap_module

BACKENDS = pytest.mark.parametrize("backend", ["reference", "tiled"])


def sets_of(rows, weights=None):
    """CSR sets from lists of labels."""
    return SimpleNamespace(
        indices=np.array([label for row in rows for label in row], dtype=np.int64),
        offsets=np.cumsum([0, *map(len, rows)]),
        weights=None if weights is None else np.array([w for row in weights for w in row], dtype=np.float32),
    )


def expected_loss(image, text, q, scale):
    """The equation for targets q."""

    def mean(z, q):
        kept = q.sum(1) > 0
        return -(q[kept] / q[kept].sum(1, keepdim=True) * z[kept].log_softmax(1)).sum(1).mean()

    z = scale * image @ text.T
    return (mean(z, q) + mean(z.T, q.T)) / 2


@BACKENDS
@pytest.mark.parametrize("overlap", ["cosine", "any"])
def test_sets_of_one_label_give_the_integer_case_and_empty_sets_give_clip(make_batch, backend, overlap):
    batch = make_batch(9, 9, 5, labels="mixed")
    for labels in (batch.image_labels, torch.full((9,), -1)):
        sets = sets_of([[label] if label >= 0 else [] for label in labels.tolist()])
        got = unicl.fused_loss(batch.image, batch.text, sets, overlap=overlap, backend=backend)
        torch.testing.assert_close(got, unicl.fused_loss(batch.image, batch.text, labels, backend="reference"))


@BACKENDS
def test_the_target_is_the_cosine_of_the_weight_vectors(make_batch, backend):
    batch = make_batch(3, 4, 5)
    images = sets_of([[0, 1], [2], []], [[3, 4], [2], []])
    texts = sets_of([[0], [1, 2], [], [7]], [[1], [1, 1], [], [1]])
    q = torch.tensor([[0.6, 0.8 / 2**0.5, 0, 0], [0, 1 / 2**0.5, 0, 0], [0, 0, 1, 0]], dtype=torch.float64)
    got = unicl.fused_loss(batch.image, batch.text, images, texts, 7.0, backend=backend)
    torch.testing.assert_close(got, expected_loss(batch.image, batch.text, q, 7.0), rtol=1e-7, atol=1e-8)


@BACKENDS
def test_any_overlap_is_a_whole_positive(make_batch, backend):
    batch = make_batch(3, 4, 5)
    images, texts = sets_of([[0, 1], [2], []]), sets_of([[0, 1], [1, 2], [], [7]])
    q = torch.tensor([[1.0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], dtype=torch.float64)
    got = unicl.fused_loss(batch.image, batch.text, images, texts, 7.0, overlap="any", backend=backend)
    torch.testing.assert_close(got, expected_loss(batch.image, batch.text, q, 7.0))


rows_of_labels = st.lists(st.lists(st.integers(0, 5), max_size=4, unique=True), min_size=1, max_size=15)


@settings(deadline=None, max_examples=60)
@given(
    images=rows_of_labels,
    texts=rows_of_labels,
    extras=st.none() | rows_of_labels,
    overlap=st.sampled_from(["cosine", "any"]),
    smoothing=st.sampled_from([0.0, 0.3]),
    exclude_self=st.booleans(),
    common=st.sampled_from([0.0, 0.1, 2.0]),
    seed=st.integers(0, 1000),
)
def test_tiles_of_overlaps_equal_the_dense_equation(
    make_batch, gradients, images, texts, extras, overlap, smoothing, exclude_self, common, seed
):
    if exclude_self:
        texts = images
    batch = make_batch(len(images), len(texts), 5, seed=seed)
    draw = np.random.default_rng(seed)
    image_sets, text_sets = (
        sets_of(rows, [draw.uniform(0.1, 2, len(row)) for row in rows]) for rows in (images, texts)
    )
    batch = type(batch)(image=batch.image, text=batch.text, image_labels=image_sets, text_labels=text_sets)
    options = {"overlap": overlap, "label_smoothing": smoothing, "exclude_self": exclude_self}
    if extras:
        options["extra_text_features"] = make_batch(len(extras), 1, 5, seed=seed + 1).image
        options["extra_text_labels"] = sets_of(extras)

    def on(backend):
        # Every label through the matmul, none, or some.
        with mock.patch.object(overlap_module, "_COMMON", common):
            return gradients(
                lambda *x: unicl.fused_loss(*x, **options, backend=backend, chunk_size=4), batch, 14.3, torch.float64
            )

    for got, wanted in zip(on("tiled"), on("reference"), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-11)


def test_matches_are_expanded_in_bounded_portions(make_batch, monkeypatch):
    batch = make_batch(40, 40, 5)
    sets = sets_of([[0, 1, 2]] * 40)
    whole = unicl.fused_loss(batch.image, batch.text, sets)
    monkeypatch.setattr(overlap_module, "_COMMON", 2.0)
    monkeypatch.setattr(overlap_module, "_MATCHES", 50)
    torch.testing.assert_close(unicl.fused_loss(batch.image, batch.text, sets), whole)


@BACKENDS
def test_a_label_twice_in_a_row_has_the_sum_of_its_weights(make_batch, backend):
    batch = make_batch(2, 2, 5)
    got = unicl.fused_loss(batch.image, batch.text, sets_of([[1, 0, 1], [1]], [[2, 4, 1], [1]]), backend=backend)
    wanted = unicl.fused_loss(batch.image, batch.text, sets_of([[0, 1], [1]], [[4, 3], [1]]), backend=backend)
    torch.testing.assert_close(got, wanted)


@BACKENDS
def test_labels_may_be_as_large_as_hashes(make_batch, backend):
    batch = make_batch(3, 3, 5)
    # Cut to 32 bits, the first two would be one label.
    sets = sets_of([[5 + 2**40], [5], [5 + 2**40, 9 + 2**50]])
    wanted = unicl.fused_loss(batch.image, batch.text, sets_of([[1], [0], [1, 2]]), backend=backend)
    torch.testing.assert_close(unicl.fused_loss(batch.image, batch.text, sets, backend=backend), wanted)


def test_an_image_whose_only_positive_is_its_excluded_text_has_none(make_batch):
    batch = make_batch(3, 3, 5)
    # The cosine of an image with itself is 1 but for rounding, and what is left must be 0.
    sets = sets_of([[0, 1, 2], [3, 4], [3, 5]], [[0.1, 0.7, 0.3], [1, 1], [1, 1]])
    rows, columns = row_losses(batch.image, batch.text, sets, exclude_self=True)
    assert (rows[0], columns[0]) == (0, 0)
    assert (rows[1:] > 0).all()


def test_a_label_of_weight_0_is_not_in_the_set(make_batch):
    batch = make_batch(2, 2, 5)
    got = unicl.fused_loss(batch.image, batch.text, sets_of([[0, 1], [1]], [[1, 0], [1]]))
    torch.testing.assert_close(got, unicl.fused_loss(batch.image, batch.text, sets_of([[0], [1]])))
