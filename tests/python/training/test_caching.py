"""Cached gradients are the gradients of the whole batch."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import BatchEncoding

from unicl import LabelSets, fused_loss
from unicl.training import Side, cached_backward


def towers(dropout: float) -> tuple[nn.Module, nn.Module, nn.Parameter]:
    torch.manual_seed(1)
    image = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Dropout(dropout), nn.Linear(16, 8))
    text = nn.Sequential(nn.Linear(5, 16), nn.GELU(), nn.Linear(16, 8))
    return image.double(), text.double(), nn.Parameter(torch.tensor(2.0, dtype=torch.float64))


@settings(max_examples=30, deadline=None)
@given(b=st.integers(1, 9), m=st.integers(1, 9), micro=st.integers(1, 10), classes=st.integers(1, 4))
def test_gradients_equal_those_of_the_whole_batch(b: int, m: int, micro: int, classes: int) -> None:
    generator = torch.Generator().manual_seed(b * 100 + m)
    images = torch.randn(b, 6, generator=generator, dtype=torch.float64)
    texts = torch.randn(m, 5, generator=generator, dtype=torch.float64)
    image_labels = torch.randint(-1, classes, (b,), generator=generator)
    text_labels = torch.randint(-1, classes, (m,), generator=generator)
    text_labels[: min(b, m)][image_labels[:m] < 0] = -1
    found = []
    for cached in (True, False):
        image, text, log_scale = towers(0.0)

        def loss(u: torch.Tensor, v: torch.Tensor, log_scale: torch.Tensor = log_scale) -> torch.Tensor:
            return fused_loss(u, v, image_labels, text_labels, log_scale.exp(), normalize=True)

        if cached:
            sides = [Side(encode=image, inputs=images), Side(encode=text, inputs=texts)]
            value = cached_backward(sides, loss, micro_batch_size=micro)
        else:
            value = loss(image(images), text(texts))
            value.backward()
        gradients = [parameter.grad for parameter in [*image.parameters(), *text.parameters(), log_scale]]
        found.append((value.detach(), gradients))
    torch.testing.assert_close(found[0], found[1], rtol=1e-9, atol=1e-12)


def test_a_positive_in_another_micro_batch_counts() -> None:
    image, text, log_scale = towers(0.0)
    images, texts = torch.randn(4, 6, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    labels = torch.tensor([0, 1, 1, 0])
    sides = [Side(encode=image, inputs=images), Side(encode=text, inputs=texts)]
    shared = cached_backward(
        sides, lambda u, v: fused_loss(u, v, labels, labels, log_scale.exp(), normalize=True), micro_batch_size=2
    )
    alone = cached_backward(
        sides, lambda u, v: fused_loss(u, v, None, None, log_scale.exp(), normalize=True), micro_batch_size=2
    )
    assert (shared - alone).abs() > 1e-3


def test_dropout_draws_the_same_numbers_in_both_passes() -> None:
    image, text, log_scale = towers(0.5)
    images, texts = torch.randn(6, 6, dtype=torch.float64), torch.randn(6, 5, dtype=torch.float64)
    seen: list[torch.Tensor] = []

    def encode(inputs: torch.Tensor) -> torch.Tensor:
        seen.append(image(inputs))
        return seen[-1]

    sides = [Side(encode=encode, inputs=images), Side(encode=text, inputs=texts)]
    cached_backward(
        sides, lambda u, v: fused_loss(u, v, None, None, log_scale.exp(), normalize=True), micro_batch_size=2
    )
    assert len(seen) == 6
    for first, second in zip(seen[:3], seen[3:], strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(seen[0], image(images[:2]))


def test_gradients_add_to_those_that_are_there() -> None:
    image, text, log_scale = towers(0.0)
    sides = [
        Side(encode=image, inputs=torch.randn(3, 6, dtype=torch.float64)),
        Side(encode=text, inputs=torch.randn(3, 5, dtype=torch.float64)),
    ]
    grads = []
    for _ in range(2):
        cached_backward(
            sides, lambda u, v: fused_loss(u, v, None, None, log_scale.exp(), normalize=True), micro_batch_size=2
        )
        grads.append(image[0].weight.grad.clone())
    torch.testing.assert_close(grads[1], 2 * grads[0])


def test_what_cannot_be_split_is_refused() -> None:
    side = Side(encode=nn.Identity(), inputs=torch.zeros(0, 3))
    with pytest.raises(ValueError, match=r"expected at least one row in side 0; got inputs of shape \(0, 3\)"):
        cached_backward([side], torch.sum, micro_batch_size=2)
    with pytest.raises(ValueError, match="expected micro_batch_size >= 1; got 0"):
        cached_backward([side], torch.sum, micro_batch_size=0)


class CountedTower(nn.Module):
    """A linear tower that counts its calls."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear, self.calls = nn.Linear(width, 8).double(), 0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.linear(inputs)


@pytest.mark.parametrize("wrapped", [lambda tower: tower, lambda tower: lambda x: tower(x)])
def test_a_frozen_tower_is_encoded_once(wrapped: Callable[[nn.Module], Callable[..., torch.Tensor]]) -> None:
    frozen, trained = CountedTower(6).requires_grad_(requires_grad=False), CountedTower(5)
    images, texts = torch.randn(5, 6).double(), torch.randn(5, 5).double()
    fused_loss(frozen(images), trained(texts), normalize=True).backward()
    wanted, trained.linear.weight.grad, frozen.calls = trained.linear.weight.grad, None, 0
    sides = [Side(encode=wrapped(frozen), inputs=images)]
    sides.append(Side(encode=trained, inputs=texts))
    cached_backward(sides, lambda u, v: fused_loss(u, v, normalize=True), micro_batch_size=2)
    assert frozen.calls == 3
    torch.testing.assert_close(trained.linear.weight.grad, wanted)


def test_without_anything_to_train_it_says_so() -> None:
    frozen = CountedTower(6).requires_grad_(requires_grad=False)
    sides = [Side(encode=frozen, inputs=torch.randn(5, 6).double())]
    with pytest.raises(ValueError, match="expected a tower or a loss with parameters to train"):
        cached_backward(sides, torch.sum, micro_batch_size=2)


@pytest.mark.parametrize("kind", [dict, BatchEncoding, tuple])
def test_inputs_of_several_parts_are_split_together_and_keep_their_type(kind: type) -> None:
    ids, mask = torch.arange(6).view(3, 2), torch.ones(3, 2)
    seen = []

    def encode(batch: Any) -> torch.Tensor:
        assert type(batch) is kind
        parts = batch if kind is tuple else (batch["ids"], batch["mask"], batch["task"])
        seen.append(parts[0].tolist())
        assert parts[2] == "retrieval"
        return (parts[0] * parts[1]).double().requires_grad_()

    parts = (ids, mask, "retrieval")
    inputs = parts if kind is tuple else kind(dict(zip(("ids", "mask", "task"), parts, strict=True)))
    cached_backward([Side(encode=encode, inputs=inputs)], torch.sum, micro_batch_size=2)
    assert seen == 2 * [[[0, 1], [2, 3]], [[4, 5]]]


def test_lists_and_label_sets_are_split() -> None:
    seen = []

    def encode(rows: Any) -> torch.Tensor:
        seen.append(rows.to_list() if isinstance(rows, LabelSets) else rows)
        return torch.ones(len(rows), 2, requires_grad=True)

    sides = [Side(encode=encode, inputs=x) for x in (["a", "b", "c"], LabelSets.from_lists([[1], [], [2, 3]]))]
    cached_backward(sides, lambda u, v: (u * v).sum(), micro_batch_size=2)
    assert seen == 2 * [["a", "b"], ["c"], [[1], []], [[2, 3]]]


def test_inputs_that_have_no_rows_to_split_are_refused() -> None:
    with pytest.raises(TypeError, match=r"expected the inputs of side 0 as a tensor, .*; got str: pass Side\(inputs"):
        cached_backward([Side(encode=nn.Identity(), inputs="abc")], torch.sum, micro_batch_size=2)
    uneven = {"ids": torch.ones(3, 2), "mask": torch.ones(2, 2)}
    with pytest.raises(ValueError, match="expected as many rows in all inputs of side 0; got 3 of 'ids', 2 of 'mask'"):
        cached_backward([Side(encode=nn.Identity(), inputs=uneven)], torch.sum, micro_batch_size=2)
