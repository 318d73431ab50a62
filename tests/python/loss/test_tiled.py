"""The tiled path: as exact as plain PyTorch, bounded in memory, the same from run to run."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import unicl
from unicl.loss.tiled import passes
from unicl.loss.tiled import tile as tile_module

DTYPES = [torch.float32, torch.bfloat16, torch.float16]
# Relative to the largest element: a few units in the last place.
FLOOR = {torch.float32: 1e-6, torch.bfloat16: 4e-3, torch.float16: 5e-4}
# One rounding of the probabilities, in float32 whatever the features are: p - r may cancel, and twice an error of 0 is
# 0.
ROUNDING = 2**-22


def assert_as_exact_as_eager(ours, eager, truth, scale, dtype):
    """The rule: at most twice the error of plain PyTorch in the same dtype plus a small floor, in max and norm."""
    rows = max(truth[1].shape[0], 1)
    for name, got, plain, exact in zip(("loss", "image", "text", "scale"), ours, eager, truth, strict=True):
        for size, terms in ((lambda x: x.abs().max(), 1), (torch.linalg.vector_norm, rows**0.5)):
            rounding = ROUNDING * (1 if exact.dim() == 0 else terms * scale / rows)
            allowed = 2 * size(plain - exact) + FLOOR[dtype] * size(exact) + rounding
            assert size(got - exact) <= allowed, name


def rounded(batch, dtype):
    """The batch as the dtype holds it, so that float64 judges the arithmetic and not the rounding of the input."""
    return type(batch)(
        image=batch.image.to(dtype).double(),
        text=batch.text.to(dtype).double(),
        image_labels=batch.image_labels,
        text_labels=batch.text_labels,
    )


def reference(*arguments):
    return unicl.fused_loss(*arguments, backend="reference")


def tiled(*arguments):
    return unicl.fused_loss(*arguments, backend="tiled")


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(256, 512, 128), (252, 507, 123), (252, 252, 96)], ids=str)
@pytest.mark.parametrize("scale", [1.0, 14.3, 100.0])
@pytest.mark.parametrize("alignment", [0.0, 0.6, 0.99])
def test_the_error_is_at_most_twice_that_of_eager_pytorch(
    make_batch, eager_loss, gradients, dtype, shape, scale, alignment
):
    labels = "pairs" if shape[0] == shape[1] else "mixed"
    batch = rounded(make_batch(*shape, labels=labels, alignment=alignment), dtype)
    truth = gradients(reference, batch, scale, torch.float64)
    assert_as_exact_as_eager(
        gradients(tiled, batch, scale, dtype), gradients(eager_loss, batch, scale, dtype), truth, scale, dtype
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("scale", [1.0, 14.3, 100.0])
def test_texts_in_panels_are_as_exact(make_batch, eager_loss, gradients, monkeypatch, dtype, scale):
    monkeypatch.setattr(tile_module, "_CPU_TILE", (64, 32))
    monkeypatch.setattr(passes, "_PANEL_BYTES", 4 * 128 * 64)
    batch = rounded(make_batch(256, 500, 128, labels="mixed", alignment=0.6), dtype)
    truth = gradients(reference, batch, scale, torch.float64)
    assert_as_exact_as_eager(
        gradients(tiled, batch, scale, dtype), gradients(eager_loss, batch, scale, dtype), truth, scale, dtype
    )


@pytest.mark.parametrize("panel_bytes", [1, 4 * 8 * 6, 1 << 20])
@pytest.mark.parametrize("wants", [(True, True), (False, True), (True, False)])
def test_panels_leave_out_no_text_and_take_further_texts_once(make_batch, monkeypatch, panel_bytes, wants):
    monkeypatch.setattr(tile_module, "_CPU_TILE", (4, 4))
    monkeypatch.setattr(passes, "_PANEL_BYTES", panel_bytes)
    batch, bank = make_batch(11, 14, 6), make_batch(5, 1, 6, seed=2).image.half()
    found = []
    for backend in ("tiled", "reference"):
        image, text = (x.half().requires_grad_(flag) for x, flag in zip((batch.image, batch.text), wants, strict=True))
        scale = torch.tensor(9.0, requires_grad=True)
        loss = unicl.fused_loss(image, text, *batch.labels, scale, extra_text_features=bank, backend=backend)
        loss.backward()
        found.append([x.grad for x in (image, text, scale) if x.grad is not None])
    assert len(found[0]) == 1 + sum(wants)
    for got, wanted in zip(*found, strict=True):
        torch.testing.assert_close(got, wanted, rtol=2e-3, atol=2e-5)


@settings(deadline=None, max_examples=60)
@given(
    b=st.integers(1, 40),
    m=st.integers(1, 40),
    d=st.integers(1, 20),
    labels=st.sampled_from(["equal", "unique", "unlabelled", "classes", "mixed"]),
    scale=st.sampled_from([1.0, 14.3, 100.0]),
    alignment=st.sampled_from([0.0, 0.3, 0.9, 0.99]),
    chunk_size=st.sampled_from([None, 1, 3, 16]),
    direction=st.sampled_from(["both", "image_to_text", "text_to_image"]),
    seed=st.integers(0, 1000),
)
def test_tiles_give_the_loss_and_gradients_of_the_equation(
    make_batch, gradients, b, m, d, labels, scale, alignment, chunk_size, direction, seed
):
    batch = make_batch(b, m, d, labels=labels, alignment=alignment, seed=seed)

    def on(backend):
        return gradients(
            lambda *x: unicl.fused_loss(*x, direction=direction, backend=backend, chunk_size=chunk_size),
            batch,
            scale,
            torch.float64,
        )

    for got, wanted in zip(on("tiled"), on("reference"), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-11)


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 1000))
def test_the_order_of_the_rows_changes_nothing(make_batch, b, m, seed):
    batch = make_batch(b, m, 7, labels="classes", seed=seed)
    generator = torch.Generator().manual_seed(seed)
    i, j = torch.randperm(b, generator=generator), torch.randperm(m, generator=generator)
    before = tiled(batch.image, batch.text, *batch.labels)
    after = tiled(batch.image[i], batch.text[j], batch.image_labels[i], batch.text_labels[j])
    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 1000))
def test_swapping_the_towers_swaps_the_directions(make_batch, b, m, seed):
    batch = make_batch(b, m, 7, labels="mixed", seed=seed)
    both = min(b, m)
    # A text without a class at the place of an image with one would be an image at the place of a text: refused.
    assume(not ((batch.text_labels[:both] < 0) & (batch.image_labels[:both] >= 0)).any())
    forth = unicl.fused_loss(batch.image, batch.text, *batch.labels, direction="image_to_text")
    back = unicl.fused_loss(batch.text, batch.image, *reversed(batch.labels), direction="text_to_image")
    torch.testing.assert_close(forth, back, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("b", "m"), [(6, 6), (5, 8)])
@pytest.mark.parametrize("scale", [3.0, 80.0])
def test_gradients_pass_gradcheck(make_batch, b, m, scale):
    batch = make_batch(b, m, 4, labels="mixed")
    inputs = (batch.image.requires_grad_(), batch.text.requires_grad_(), torch.tensor(scale).double().requires_grad_())
    assert torch.autograd.gradcheck(lambda u, v, s: tiled(u, v, *batch.labels, s), inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_two_runs_are_bitwise_equal(make_batch, gradients, dtype):
    batch = make_batch(300, 280, 40, labels="mixed")
    first, second = (gradients(tiled, batch, 14.3, dtype) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_two_runs_with_sets_of_labels_are_bitwise_equal(make_batch, gradients):
    batch = make_batch(300, 300, 40)
    rows = [[i % 7, 7 + i % 50] for i in range(300)]
    sets = SimpleNamespace(indices=np.array(rows).flatten(), offsets=np.arange(301) * 2, weights=None)
    batch = type(batch)(image=batch.image, text=batch.text, image_labels=sets, text_labels=sets)
    first, second = (gradients(tiled, batch, 14.3, torch.float32) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


class LargestTensor(TorchDispatchMode):
    """Watches every operation for the largest tensor that it gives out, in elements; of one dtype, if given."""

    def __init__(self, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.elements, self.dtype = 0, dtype

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        sizes = [
            x.untyped_storage().nbytes() // x.element_size()
            for x in tree_leaves(out)
            if isinstance(x, torch.Tensor) and self.dtype in (None, x.dtype)
        ]
        self.elements = max(self.elements, *sizes, 0)
        return out


def test_float32_sums_of_half_precision_texts_are_bounded(make_batch, gradients, monkeypatch):
    monkeypatch.setattr(tile_module, "_CPU_TILE", (8, 16))
    monkeypatch.setattr(passes, "_PANEL_BYTES", 4 * 64 * 32)
    monkeypatch.setattr(passes, "_KEPT_LOGITS", 0)
    batch = make_batch(16, 4000, 64)
    with LargestTensor(torch.float32) as watch:
        gradients(tiled, batch, 14.3, torch.bfloat16)
    assert 32 * 64 <= watch.elements <= 4000


@pytest.mark.parametrize("labels", ["pairs", "mixed"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_no_tensor_is_as_large_as_the_matrix_of_logits(make_batch, gradients, labels, dtype):
    batch = make_batch(2304, 2304, 8, labels=labels)
    with LargestTensor() as watch:
        gradients(tiled, batch, 14.3, dtype)
    assert 0 < watch.elements <= 3 * 512 * 1024


@settings(deadline=None, max_examples=60)
@given(
    b=st.integers(1, 40),
    m=st.integers(1, 40),
    labels=st.sampled_from(["pairs", "classes", "mixed"]),
    dtype=st.sampled_from([*DTYPES, torch.float64]),
    scale=st.sampled_from([0.5, 14.3, 100.0]),
    direction=st.sampled_from(["both", "image_to_text", "text_to_image"]),
    exclude_self=st.booleans(),
    label_smoothing=st.sampled_from([0.0, 0.1]),
    tile=st.sampled_from([(8, 16), (7, 5), (1024, 512)]),
)
def test_logits_that_are_kept_change_no_bit(make_batch, gradients, b, m, labels, dtype, scale, tile, **modes):
    m = b if labels == "pairs" or modes["exclude_self"] else m
    batch = make_batch(b, m, 7, labels=labels)

    def loss(*arguments):
        return unicl.fused_loss(*arguments, backend="tiled", **modes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tile_module, "_CPU_TILE", tile)
        kept = gradients(loss, batch, scale, dtype)
        patch.setattr(passes, "_KEPT_LOGITS", 0)
        made_again = gradients(loss, batch, scale, dtype)
    assert all(torch.equal(x, y) for x, y in zip(kept, made_again, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_second_backward_pass_finds_the_logits_as_they_were(make_batch, dtype):
    batch = make_batch(30, 30, 7)
    image, scale = batch.image.to(dtype).requires_grad_(), torch.tensor(14.3, requires_grad=True)
    loss = unicl.fused_loss(image, batch.text.to(dtype), None, None, scale, exclude_self=True, label_smoothing=0.1)
    first, second = (torch.autograd.grad(loss, (image, scale), retain_graph=True) for _ in range(2))
    assert all(torch.equal(x, y) for x, y in zip(first, second, strict=True))


@pytest.mark.parametrize(("rows", "is_kept"), [(50, True), (51, False)])
def test_logits_are_kept_while_they_are_few(make_batch, monkeypatch, rows, is_kept):
    monkeypatch.setattr(passes, "_KEPT_LOGITS", 2500)
    batch = make_batch(rows, rows, 8)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x.numel()), lambda x: x):
        tiled(batch.image.requires_grad_(), batch.text, *batch.labels)
    assert (rows * rows in saved) == is_kept


def test_the_reference_holds_the_matrix_so_the_watch_would_see_it(make_batch, gradients):
    with LargestTensor() as watch:
        gradients(reference, make_batch(60, 50, 8), 14.3, torch.float32)
    assert watch.elements >= 60 * 50


def test_nothing_is_stored_under_no_grad(make_batch):
    batch = make_batch(8, 8, 4)
    image = batch.image.requires_grad_()
    saved = []
    with torch.no_grad(), torch.autograd.graph.saved_tensors_hooks(saved.append, lambda x: x):
        assert not tiled(image, batch.text, *batch.labels).requires_grad
    assert saved == []


@pytest.mark.parametrize("wants", list(itertools.product([False, True], repeat=3))[1:])
def test_only_the_wanted_inputs_get_a_gradient(make_batch, wants):
    batch = make_batch(5, 6, 4)
    inputs = [batch.image, batch.text, torch.tensor(5.0).double()]
    for tensor, is_wanted in zip(inputs, wants, strict=True):
        tensor.requires_grad_(is_wanted)
    tiled(inputs[0], inputs[1], *batch.labels, inputs[2]).backward()
    assert [x.grad is not None for x in inputs] == list(wants)
    found = [x.grad for x in inputs if x.requires_grad]
    loss = reference(inputs[0], inputs[1], *batch.labels, inputs[2])
    for got, wanted in zip(found, torch.autograd.grad(loss, [x for x in inputs if x.requires_grad]), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-12)


def test_normalize_divides_by_the_norm_and_its_gradient_flows_through(make_batch):
    batch = make_batch(6, 6, 5)
    image = (batch.image * 3).requires_grad_()
    loss = unicl.fused_loss(image, batch.text * 0.2, *batch.labels, normalize=True)
    torch.testing.assert_close(loss, tiled(batch.image, batch.text, *batch.labels))
    loss.backward()
    # The loss does not change along a feature, so neither does its gradient point there.
    assert (image.grad * batch.image).sum(1).abs().max() < 1e-12


def test_the_loss_of_half_precision_features_is_float32(make_batch):
    batch = make_batch(4, 4, 8)
    assert tiled(batch.image.bfloat16(), batch.text.bfloat16(), *batch.labels).dtype == torch.float32


def test_autocast_takes_the_features_in_its_dtype(make_batch):
    batch = make_batch(4, 4, 8)
    image, text = batch.image.float(), batch.text.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = tiled(image, text, *batch.labels)
    assert loss.item() == tiled(image.bfloat16(), text.bfloat16(), *batch.labels).item()
