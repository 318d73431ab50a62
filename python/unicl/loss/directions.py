"""One direction of the loss: what it adds up in the forward pass, and what it puts into the gradient of the logits.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``s`` the logit scale. The rows of z are the direction image to text,
the columns the direction text to image. Every z and every log-sum-exp here is in bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from unicl.loss.problem import LOG2_E, Problem

__all__ = ["Direction", "Losses", "Sums", "losses_of_sums"]

#: Row losses (b,), column losses (m,); log-sum-exps of rows and of columns in bits; sums of q of rows and of columns.
Losses = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


class Sums:
    """The sums of one direction, in bits and float64: one for each row, or each column, of z.

    Args:
        features: Gives the number of rows and the device.
        bounded: Whether no power of two of a logit leaves its dtype. No maximum is then taken, and ``largest`` stays 0.

    Attributes:
        total: Sum of 2 ** (z - largest).
        largest: Running maximum of z.
        positive: Sum of q z.
        every: Sum of z, for label smoothing.
        count: Sum of q; None where the targets have it.
    """

    def __init__(self, features: Float[Tensor, "n d"], *, bounded: bool) -> None:
        self.total = features.new_zeros(features.shape[0], dtype=torch.float64)
        # Finite: where all so far is excluded (-inf), the difference to the maximum must not be -inf - -inf.
        self.largest = torch.full_like(self.total, 0.0 if bounded else -1e30)
        self.positive = torch.zeros_like(self.total)
        self.every = torch.zeros_like(self.total)
        self.count: Tensor | None = None

    def add_powers(
        self, z: Float[Tensor, "rows columns"], dim: int, span: slice, out: Float[Tensor, "rows columns"]
    ) -> None:
        """Adds 2 ** z of a tile, and raises the maximum where needed; ``out`` is scratch."""
        old = self.largest[span]
        new = torch.maximum(old, z.amax(dim))
        torch.sub(z, new.to(z.dtype).unsqueeze(dim), out=out).exp2_()
        self.total[span] = self.total[span] * torch.exp2(old - new) + out.sum(dim)
        self.largest[span] = new

    def log_sum(self) -> Float[Tensor, " n"]:
        """Gives the log-sum-exp in bits; 0 where there is nothing to sum."""
        return torch.where(self.total > 0, self.total.log2() + self.largest, 0.0)

    def losses(
        self, problem: Problem, lse: Float[Tensor, " n"], count: Float[Tensor, " n"], others: int
    ) -> Float[Tensor, " n"]:
        """Gives log-sum-exp minus the target-weighted mean of the logits, in nats; 0 without a positive."""
        smoothing = problem.modes.label_smoothing
        mean = self.positive / count.clamp_min(1e-30)
        if smoothing:
            mean = (1 - smoothing) * mean + smoothing * self.every / max(1, others - problem.modes.exclude_self)
        # A mean of logits is never above their log-sum-exp; its rounding may be.
        return torch.where(count > 0, ((lse - mean) / LOG2_E).clamp_min(0), 0.0).to(problem.scale.dtype)


def losses_of_sums(problem: Problem, rows: Sums, columns: Sums, merge: Callable[[Sums], None] | None) -> Losses:
    """Finishes a forward pass; a direction that is not wanted has zeros throughout.

    Args:
        problem: What was computed.
        rows: The sums of the rows of z.
        columns: The sums of the columns of z.
        merge: Called with ``columns``, to add the sums of other ranks.
    """
    if merge is not None:
        merge(columns)
    modes, (row_count, column_count) = problem.modes, problem.targets.counts()
    row_lse, column_lse = rows.log_sum(), columns.log_sum()
    row_loss = rows.losses(problem, row_lse, row_count, problem.columns_of_a_row)
    column_loss = columns.losses(problem, column_lse, column_count, problem.rows_of_a_column)
    return (
        row_loss if modes.to_text else torch.zeros_like(row_loss),
        column_loss if modes.to_image else torch.zeros_like(column_loss),
        row_lse,
        column_lse,
        row_count,
        column_count,
    )


@dataclass(frozen=True, kw_only=True)
class Direction:
    """What one direction puts into the gradient of the logits, as vectors that broadcast over a tile.

    With p = 2 ** (z - lse), its part of G is ``weight p - target q - uniform``. The weight is s times the gradient of
    the row's loss, and 0 for a row without a positive.

    p is computed as ``factor 2 ** (z - reference)``, with a reference that float32 holds exactly. An aligned batch has
    p near 1 and a gradient near 0. Rounding lse itself (to 2 ** -17 at scale 100) would be most of that gradient.

    Attributes:
        reference: The log-sum-exp in bits, rounded to a whole number.
        factor: weight 2 ** (reference - lse).
        shared: weight 2 ** (shift - lse), for one exponential 2 ** (z - shift) that serves both directions; None
            without a shift.
        target: weight (1 - label_smoothing) / number of positives.
        uniform: weight label_smoothing / number of columns; None without smoothing.
    """

    reference: Float[Tensor, "rows columns"]
    factor: Float[Tensor, "rows columns"]
    shared: Float[Tensor, "rows columns"] | None
    target: Float[Tensor, "rows columns"]
    uniform: Float[Tensor, "rows columns"] | None

    @classmethod
    def to_text(
        cls, problem: Problem, lse: Float[Tensor, " b"], grad: Float[Tensor, " b"], shift: float | None = None
    ) -> Direction:
        """Gives the direction image to text; every vector has shape (b, 1)."""
        grad = grad if problem.modes.to_text else torch.zeros_like(grad)
        return cls._build(problem, lse, grad, problem.targets.counts()[0], problem.columns_of_a_row, shift, dim=1)

    @classmethod
    def to_image(
        cls, problem: Problem, lse: Float[Tensor, " m"], grad: Float[Tensor, " m"], shift: float | None = None
    ) -> Direction:
        """Gives the direction text to image; every vector has shape (1, m)."""
        grad = grad if problem.modes.to_image else torch.zeros_like(grad)
        return cls._build(problem, lse, grad, problem.targets.counts()[1], problem.rows_of_a_column, shift, dim=0)

    @classmethod
    def _build(
        cls, problem: Problem, lse: Tensor, grad: Tensor, count: Tensor, others: int, shift: float | None, *, dim: int
    ) -> Direction:
        dtype, smoothing = problem.scale.dtype, problem.modes.label_smoothing
        weight = torch.where(count > 0, grad.double() * problem.scale.double(), 0.0)
        reference = lse.round()
        shared = None if shift is None else torch.where(weight != 0, weight * torch.exp2(shift - lse), 0.0)
        uniform = weight * (smoothing / max(1, others - problem.modes.exclude_self)) if smoothing else None
        target = weight * (1 - smoothing) / count.clamp_min(1e-30)

        def spread(vector: Tensor) -> Tensor:
            return vector.to(dtype).unsqueeze(dim)

        return cls(
            reference=spread(reference),
            factor=spread(weight * torch.exp2(reference - lse)),
            shared=None if shared is None else spread(shared),
            target=spread(target),
            uniform=None if uniform is None else spread(uniform),
        )
