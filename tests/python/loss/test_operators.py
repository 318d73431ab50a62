"""The loss as torch.library operators: opcheck, autocast, gradients of gradients."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import unicl
from unicl.loss.modes import LossModes
from unicl.loss.operators import contrastive_losses, flatten
from unicl.loss.problem import Problem
from unicl.loss.targets.match import match_labels, match_pairs, match_sets

SETS = SimpleNamespace(indices=np.array([0, 1, 1, 2, 0]), offsets=np.array([0, 2, 3, 4, 4, 5]), weights=None)


def make_problem(batch, kind, dtype=torch.float32, **modes):
    image, text = batch.image.to(dtype).requires_grad_(), batch.text.to(dtype).requires_grad_()
    scale = torch.tensor(8.0, dtype=torch.promote_types(dtype, torch.float32), requires_grad=True)
    own = modes.get("exclude_self", False)
    if kind == "pairs":
        targets = match_pairs(image.shape[0], device=image.device, exclude_self=own)
    elif kind == "classes":
        targets = match_labels(batch.image_labels, batch.text_labels, exclude_self=own)
    else:
        targets = match_sets(SETS, SETS, overlap=kind, exclude_self=own, like=scale.detach())
    extra = modes.pop("extra", None)
    extra = extra if extra is None else extra.to(dtype)
    return Problem(image=image, text=text, extra=extra, scale=scale, targets=targets, modes=LossModes(**modes))


@pytest.mark.parametrize("kind", ["pairs", "classes", "cosine", "any"])
def test_the_operators_pass_opcheck(make_batch, kind):
    problem = make_problem(make_batch(5, 5, 4), kind, extra=make_batch(3, 1, 4).image, label_smoothing=0.1)
    arguments = flatten(problem)
    torch.library.opcheck(torch.ops.unicl.contrastive_losses, arguments)
    _, _, row_lse, column_lse, logits = torch.ops.unicl.contrastive_losses(*arguments)
    detached = [x.detach() if isinstance(x, torch.Tensor) else x for x in arguments]
    grads = (row_lse.detach(), column_lse.detach(), logits.detach(), torch.rand(5), torch.rand(5), True, False)
    torch.library.opcheck(torch.ops.unicl.contrastive_gradients, (*detached, *grads))


MODES = [{}, {"label_smoothing": 0.2}, {"exclude_self": True}, {"direction": "image_to_text"}, {"chunk_size": 2}]


@pytest.mark.parametrize("kind", ["pairs", "classes", "cosine", "any"])
@pytest.mark.parametrize("modes", MODES, ids=str)
def test_gradients_of_gradients_pass_gradgradcheck(make_batch, kind, modes):
    problem = make_problem(
        make_batch(5, 5, 3, labels="mixed"), kind, torch.float64, extra=make_batch(2, 1, 3).image, **modes
    )

    def losses(image, text, scale):
        return contrastive_losses(
            Problem(
                image=image, text=text, extra=problem.extra, scale=scale, targets=problem.targets, modes=problem.modes
            )
        )[:2]

    inputs = (problem.image, problem.text, problem.scale)
    assert torch.autograd.gradcheck(losses, inputs)
    assert torch.autograd.gradgradcheck(losses, inputs)


def test_a_gradient_penalty_trains_through_the_public_function(make_batch):
    batch = make_batch(6, 6, 4)
    image = batch.image.requires_grad_()

    def penalty(backend):
        loss = unicl.fused_loss(image, batch.text, batch.image_labels, backend=backend)
        (grad,) = torch.autograd.grad(loss, image, create_graph=True)
        return torch.autograd.grad(grad.square().sum(), image)[0]

    torch.testing.assert_close(penalty("tiled"), penalty("reference"), rtol=1e-9, atol=1e-11)


def test_autocast_inside_the_backward_pass_changes_nothing(make_batch):
    batch = make_batch(6, 6, 4)
    image, text = batch.image.float().requires_grad_(), batch.text.float()
    loss = unicl.fused_loss(image, text, batch.image_labels)
    (wanted,) = torch.autograd.grad(loss, image, retain_graph=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        (got,) = torch.autograd.grad(loss, image)
    assert torch.equal(got, wanted)
