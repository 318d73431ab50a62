"""Transforms of torch.func, forward-mode derivatives, batched gradients, and tensors without values."""

from __future__ import annotations

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.autograd import forward_ad
from torch.nn.functional import normalize

import unicl
from unicl.loss import row_losses

LABELS = {
    "pairs": None,
    "integers": torch.tensor([0, 1, 1, -1, 0]),
    "sets": unicl.LabelSets.from_lists([[0], [1, 2], [1], [], [7]]),
}
every_kind = pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(0)
    return [normalize(torch.randn(5, 6, generator=generator).double(), dim=1) for _ in range(3)]


def gradient(u, v, labels):
    u = u.clone().requires_grad_()
    return torch.autograd.grad(unicl.fused_loss(u, v, labels), u)[0]


@every_kind
def test_torch_func_gives_the_gradient_of_backward(features, labels):
    u, v, direction = features
    wanted = gradient(u, v, labels)

    def loss(u):
        return unicl.fused_loss(u, v, labels)

    torch.testing.assert_close(torch.func.grad(loss)(u), wanted)
    torch.testing.assert_close(torch.func.jvp(loss, (u,), (direction,))[1], (wanted * direction).sum())
    each = torch.func.vmap(torch.func.grad(loss))(torch.stack([u, direction]))
    torch.testing.assert_close(each[1], gradient(direction, v, labels))


@every_kind
def test_forward_mode_gives_the_derivative_and_not_0(features, labels):
    u, v, direction = features
    with forward_ad.dual_level():
        loss = unicl.fused_loss(forward_ad.make_dual(u, direction), v, labels)
        tangent = forward_ad.unpack_dual(loss).tangent
    torch.testing.assert_close(tangent, (gradient(u, v, labels) * direction).sum())


@every_kind
def test_gradients_in_a_batch_are_those_one_by_one(features, labels):
    u, v, _ = features
    losses, _ = row_losses(u.requires_grad_(), v, labels)
    rows = torch.eye(5).double()
    one_by_one = torch.stack([torch.autograd.grad(losses, u, row, retain_graph=True)[0] for row in rows])
    together = torch.autograd.grad(losses, u, rows, is_grads_batched=True, retain_graph=True)[0]
    torch.testing.assert_close(together, one_by_one)
    mapped = torch.func.vmap(lambda row: torch.autograd.grad(losses, u, row, retain_graph=True)[0])(rows)
    torch.testing.assert_close(mapped, one_by_one)


@every_kind
@pytest.mark.parametrize("options", [{}, {"overlap": "any"}, {"normalize": True}, {"exclude_self": True}])
def test_tensors_without_values_give_shapes(labels, options):
    u = torch.randn(5, 6)
    with FakeTensorMode() as mode:
        fake = mode.from_tensor(u).requires_grad_()
        of_fake = mode.from_tensor(labels) if isinstance(labels, torch.Tensor) else labels
        loss = unicl.fused_loss(fake, fake, of_fake, **options)
        loss.backward()
        assert (loss.shape, fake.grad.shape) == ((), (5, 6))
    u = u.to("meta").requires_grad_()
    loss = unicl.fused_loss(u, u, labels.to("meta") if isinstance(labels, torch.Tensor) else labels, **options)
    loss.backward()
    assert (loss.shape, loss.device.type, u.grad.shape) == ((), "meta", (5, 6))


@pytest.mark.parametrize("factor", [1e-30, 1e-20, 1e20, 1e37])
def test_rows_of_any_norm_are_normalised(features, factor):
    u, v = features[0].float().requires_grad_(), features[1].float()
    large = (u.detach() * factor).requires_grad_()
    wanted, got = unicl.fused_loss(u, v), unicl.fused_loss(large, v, normalize=True)
    torch.testing.assert_close(got, wanted)
    wanted, got = unicl.fused_loss(u, v, normalize=True), unicl.fused_loss(large, v, normalize=True)
    torch.testing.assert_close(
        torch.autograd.grad(got, large)[0] * factor, torch.autograd.grad(wanted, u)[0], rtol=1e-3, atol=1e-5
    )


def test_autocast_casts_after_the_norm():
    generator = torch.Generator().manual_seed(0)
    u, v = (100 * torch.randn(9, 300, generator=generator) for _ in range(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = unicl.fused_loss(u, v, normalize=True)
    wanted = unicl.fused_loss(normalize(u, dim=1).bfloat16(), normalize(v, dim=1).bfloat16())
    cast_first = unicl.fused_loss(normalize(u.bfloat16(), dim=1), normalize(v.bfloat16(), dim=1))
    assert (got - wanted).abs() < (cast_first - wanted).abs()


def test_no_loss_is_below_0():
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        u = normalize(torch.randn(20, 300, generator=generator), dim=1)
        v = normalize(u + 0.001 * torch.randn(20, 300, generator=generator), dim=1)
        assert all(bool((losses >= 0).all()) for losses in row_losses(u, v, logit_scale=48.0))
