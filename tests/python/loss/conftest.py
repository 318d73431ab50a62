"""Batches, and the loss as plain PyTorch would write it, for every test of the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.nn.functional import log_softmax, normalize


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Unit features in float64 and, unless the batch is of pairs, integer labels."""

    image: Tensor
    text: Tensor
    image_labels: Tensor | None
    text_labels: Tensor | None

    @property
    def labels(self) -> tuple[Tensor | None, Tensor | None]:
        return self.image_labels, self.text_labels


def _draw_labels(pattern: str, rows: int, generator: torch.Generator) -> Tensor:
    if pattern == "equal":
        return torch.zeros(rows, dtype=torch.int64)
    if pattern == "unique":
        return torch.randperm(rows, generator=generator)
    if pattern == "unlabelled":
        return torch.full((rows,), -1)
    low = -1 if pattern == "mixed" else 0
    return torch.randint(low, max(1, rows // 4) + 1, (rows,), generator=generator)


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., Batch]:
    """``make_batch(b, m, d, labels=..., alignment=..., seed=...)``: text i leans towards image i by ``alignment``."""

    def make(b: int, m: int, d: int, *, labels: str = "classes", alignment: float = 0.0, seed: int = 0) -> Batch:
        generator = torch.Generator().manual_seed(seed)
        image = normalize(torch.randn(b, d, generator=generator, dtype=torch.float64), dim=1)
        noise = normalize(torch.randn(m, d, generator=generator, dtype=torch.float64), dim=1)
        text = normalize(alignment * image[torch.arange(m) % b] + (1 - alignment) * noise, dim=1)
        if labels == "pairs":
            return Batch(image=image, text=text, image_labels=None, text_labels=None)
        image_labels, text_labels = (_draw_labels(labels, rows, generator) for rows in (b, m))
        # The text of an image without a class has none either; another order is refused.
        text_labels[: min(b, m)][image_labels[:m] < 0] = -1
        return Batch(image=image, text=text, image_labels=image_labels, text_labels=text_labels)

    return make


@pytest.fixture(scope="session")
def eager_loss() -> Callable[..., Tensor]:
    """The loss as plain PyTorch computes it in the dtype of its inputs; the yardstick for rounding errors."""

    def loss(
        image: Tensor, text: Tensor, image_labels: Tensor | None, text_labels: Tensor | None, scale: Tensor
    ) -> Tensor:
        logits = scale.to(image.dtype) * image @ text.T
        b, m = logits.shape
        if image_labels is None or text_labels is None:
            image_labels = text_labels = torch.full((b,), -1)
        pair = torch.eye(max(b, m), dtype=torch.bool)[:b, :m]
        labelled = (image_labels[:, None] >= 0) & (image_labels[:, None] == text_labels[None])
        positive = labelled | (pair & (image_labels[:, None] < 0) & (text_labels[None] < 0))

        def mean(logits: Tensor, positive: Tensor) -> Tensor:
            kept = positive.any(1)
            target = positive / positive.sum(1, keepdim=True).clamp_min(1)
            losses = -(target.to(logits.dtype) * log_softmax(logits, dim=1)).sum(1)
            return (losses * kept).sum() / kept.sum().clamp_min(1)

        return (mean(logits, positive) + mean(logits.T, positive.T)) / 2

    return loss


@pytest.fixture(scope="session")
def gradients() -> Callable[..., list[Tensor]]:
    """``gradients(function, batch, scale, dtype)``: loss, image, text and scale gradients, in float64."""

    def run(function: Callable[..., Tensor], batch: Batch, scale: float, dtype: torch.dtype) -> list[Tensor]:
        image = batch.image.detach().to(dtype, copy=True).requires_grad_()
        text = batch.text.detach().to(dtype, copy=True).requires_grad_()
        factor = torch.tensor(
            scale, dtype=torch.float64 if dtype == torch.float64 else torch.float32, requires_grad=True
        )
        loss = function(image, text, *batch.labels, factor)
        loss.backward()
        assert image.grad is not None
        assert text.grad is not None
        assert factor.grad is not None
        return [x.detach().double() for x in (loss, image.grad, text.grad, factor.grad)]

    return run
