"""The equation of the loss in float64, by blocks of rows: what every contender's answer is held to.

It shares no code with the package. ``python benches/loss/gpu.py --part correctness`` uses it; a test compares it with
``backend="reference"``.

    L = 1/2 mean_i (lse_j z_ij - sum_j t_ij z_ij / n_i) + 1/2 mean_j (lse_i z_ij - sum_i t_ij z_ij / n_j),
    z = s u v^T, n the sums of the targets t over a row or a column, the means over those that have a positive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from batches import SCALE, Batch
from torch import Tensor

# Elements of one block: float64 takes 512 MiB, and a few of them live at a time.
BLOCK = 1 << 26
# Up to this many rows all gradients are judged, beyond it those of some rows.
MOST_ROWS = 16_384
SAMPLE = 256


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The exact answers for a batch.

    Attributes:
        loss: The loss.
        rows: The images whose gradient is known.
        image: Their gradients.
        columns: The texts whose gradient is known.
        text: Their gradients.
        scale: The gradient of the scale, or None where only some rows are known.
    """

    loss: float
    rows: Tensor
    image: Tensor
    columns: Tensor
    text: Tensor
    scale: Tensor | None


@dataclass
class _Direction:
    """Sums over each row (or column): log-sum-exp, targets, and logits weighted by targets."""

    lse: Tensor
    count: Tensor
    positive: Tensor

    @classmethod
    def of(cls, rows: int, device: torch.device) -> _Direction:
        zeros = torch.zeros(2, rows, dtype=torch.float64, device=device)
        return cls(torch.full_like(zeros[0], float("-inf")), *zeros)

    def add(self, at: slice, z: Tensor, t: Tensor) -> None:
        """Adds a block whose rows are these."""
        self.lse[at] = torch.logaddexp(self.lse[at], torch.logsumexp(z, 1))
        self.count[at] += t.sum(1)
        self.positive[at] += (t * z).sum(1)

    def loss(self) -> Tensor:
        return ((self.lse - self.positive / self.count.clamp_min(1e-300)) * self.weight()).sum()

    def weight(self) -> Tensor:
        """What each row's loss counts: 1 over the rows with a positive."""
        has = self.count > 0
        return has.double() / has.sum()


@torch.no_grad()
def judge(batch: Batch, *, most_rows: int = MOST_ROWS) -> Truth:
    """Computes loss and gradients in float64 from the features as they were rounded."""
    u, v, s = (x.detach().double() for x in batch.leaves)
    b, m, _ = batch.shape
    rows, columns = _Direction.of(b, u.device), _Direction.of(m, u.device)
    every = slice(None)
    for at in _spans(b, m):
        z, t = s * u[at] @ v.T, batch.targets_of(at, every).double()
        rows.add(at, z, t)
        columns.add(every, z.T, t.T)
    loss = float((rows.loss() + columns.loss()) / 2)
    own_rows, own_columns = (_sampled(size, most_rows, u.device) for size in (b, m))

    def logit_gradient(at: Tensor | slice, columns_at: Tensor | slice) -> Tensor:
        z, t = s * u[at] @ v[columns_at].T, batch.targets_of(at, columns_at).double()
        return (_share(z, t, rows, at) + _share(z.T, t.T, columns, columns_at).T) * s / 2

    image = torch.cat([logit_gradient(own_rows[at], every) @ v for at in _spans(len(own_rows), m)])
    text = torch.cat([logit_gradient(every, own_columns[at]).T @ u for at in _spans(len(own_columns), b)])
    scale = (u * image).sum() / s if len(own_rows) == b else None
    return Truth(loss=loss, rows=own_rows, image=image, columns=own_columns, text=text, scale=scale)


def _share(z: Tensor, t: Tensor, direction: _Direction, at: Tensor | slice) -> Tensor:
    """The part of one direction in twice the gradient of the logits."""
    lse, count = direction.lse[at][:, None], direction.count[at][:, None].clamp_min(1e-300)
    return (torch.exp(z - lse) - t / count) * direction.weight()[at][:, None]


def _spans(rows: int, columns: int) -> list[slice]:
    step = max(1, BLOCK // columns)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def _sampled(rows: int, most: int, device: torch.device) -> Tensor:
    """All rows, or some that lie evenly over them, the first and the last among them."""
    if rows <= most:
        return torch.arange(rows, device=device)
    return torch.linspace(0, rows - 1, min(SAMPLE, rows), device=device, dtype=torch.float64).round().long()


def errors(batch: Batch, loss: Tensor, truth: Truth) -> dict[str, float]:
    """Relative errors of the loss and of the gradients that the leaves hold, of which the scale's may be missing.

    Where the exact gradient vanishes, the error is relative to a hundredth of one of ordinary size.
    """
    usual = float(batch.scale.detach()) / 200
    found = {"loss": abs(float(loss.detach()) - truth.loss) / max(abs(truth.loss), 1e-2)}
    for name, leaf, at, exact in (
        ("image", batch.image, truth.rows, truth.image),
        ("text", batch.text, truth.columns, truth.text),
    ):
        if leaf.grad is not None:
            least = usual / len(leaf) * len(exact) ** 0.5
            found[name] = float((leaf.grad[at].double() - exact).norm() / exact.norm().clamp_min(least))
    if batch.scale.grad is not None and truth.scale is not None:
        found["scale"] = float((batch.scale.grad.double() - truth.scale).abs() / truth.scale.abs().clamp_min(1e-2))
    return found


# Of a product whose factor was rounded once to the dtype.
_BASE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}


def worst(
    batch: Batch, found: dict[str, float], truth: Truth, plain: dict[str, float] | None = None
) -> tuple[float, float]:
    """Gives the error that is nearest to what is allowed, or furthest beyond, and what is allowed.

    Allowed are the rounding of the dtype, and twice the larger of two errors: that of rounding the exact gradient to
    the dtype, and that of the dense equation in the same dtype, where it is known (``plain``).
    """
    dtype = batch.image.dtype
    # Float32 rounds a logit by a part of the scale; the other dtypes round more elsewhere.
    base = _BASE[dtype] * (max(1.0, float(batch.scale.detach()) / SCALE) if dtype == torch.float32 else 1.0)
    rounding = {
        name: float((exact.to(dtype) - exact).norm() / exact.norm().clamp_min(1e-300))
        for name, exact in (("image", truth.image), ("text", truth.text))
    }
    limits = {name: base + 2 * max(rounding.get(name, 0.0), (plain or {}).get(name, 0.0)) for name in found}
    name = max(found, key=lambda name: found[name] / limits[name] if math.isfinite(found[name]) else math.inf)
    return found[name], limits[name]
