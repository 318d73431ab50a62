"""Cached gradients are the gradients of the whole batch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from unicl import fused_loss
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
