"""The loss beside libraries that compute a special case of it, where they are installed."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

import unicl


@pytest.mark.parametrize("backend", ["reference", "tiled"])
def test_supcon_of_pytorch_metric_learning_is_our_loss_without_self(backend):
    losses = pytest.importorskip(
        "pytorch_metric_learning.losses", reason="pytorch-metric-learning is not installed (pip install it to compare)"
    )
    generator = torch.Generator().manual_seed(0)
    features = normalize(torch.randn(40, 8, generator=generator), dim=1)
    labels = torch.arange(40) % 11
    wanted_input, own = features.clone().requires_grad_(), features.clone().requires_grad_()
    wanted = losses.SupConLoss(temperature=0.1)(wanted_input, labels)
    loss = unicl.fused_loss(own, own, labels, None, 1 / 0.1, exclude_self=True, backend=backend)
    torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-5)
    wanted.backward()
    loss.backward()
    # It normalises inside: compare what is left of our gradient beside the feature's own direction.
    beside = own.grad - (own.grad * features).sum(1, keepdim=True) * features
    torch.testing.assert_close(beside, wanted_input.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("backend", ["reference", "tiled"])
def test_linear_cross_entropy_of_torch_in_both_directions_is_our_loss_of_pairs(backend):
    function = getattr(torch.nn.functional, "linear_cross_entropy", None)
    if function is None:
        pytest.skip("this torch has no linear_cross_entropy (it came with 2.13)")
    generator = torch.Generator().manual_seed(0)
    image, text = (normalize(torch.randn(30, 8, generator=generator), dim=1) for _ in range(2))
    own = torch.arange(30)
    wanted = (function(9.0 * image, text, own) + function(9.0 * text, image, own)) / 2
    torch.testing.assert_close(unicl.fused_loss(image, text, logit_scale=9.0, backend=backend), wanted)
