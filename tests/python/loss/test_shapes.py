"""The shapes in the signatures are checked while the tests run."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import TypeCheckError

from unicl.loss.problem import Problem
from unicl.loss.reference import dense_targets, reference_losses
from unicl.loss.targets.match import match_labels, match_pairs
from unicl.loss.tiled.passes import backward, forward

EYE, SCALE = torch.eye(3), torch.tensor(1.0)


def test_right_shapes_pass():
    labels = torch.tensor([0, 1, 1])
    reference_losses(EYE, EYE, SCALE, dense_targets(labels, labels))


@pytest.mark.parametrize(
    "call",
    [
        lambda: reference_losses(EYE, torch.ones(3, 4), SCALE, EYE),
        lambda: reference_losses(EYE, EYE, torch.ones(1), EYE),
        lambda: reference_losses(EYE, EYE, SCALE, torch.eye(4)),
        lambda: match_labels(EYE, EYE),
        lambda: match_labels(torch.ones(3), torch.ones(3)),
        lambda: Problem(image=EYE, text=torch.ones(3, 2), scale=SCALE, targets=match_pairs(3, device=EYE.device)),
    ],
)
def test_a_wrong_shape_or_dtype_inside_the_loss_is_an_error(call):
    with pytest.raises(TypeCheckError):
        call()


def test_a_wrong_shape_between_two_passes_is_an_error():
    problem = Problem(image=EYE, text=EYE, scale=SCALE, targets=match_pairs(3, device=EYE.device))
    row_loss, column_loss, row_lse, column_lse, *_ = forward(problem)
    backward(problem, row_lse, column_lse, row_loss, column_loss)
    with pytest.raises(TypeCheckError):
        backward(problem, row_lse, column_lse[:2], row_loss, column_loss)
