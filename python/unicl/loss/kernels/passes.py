"""The forward and backward pass with the Triton kernels: the same functions as unicl.loss.tiled.passes.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts, ``d`` width.

Memory beyond inputs and gradients: the column partials of a chunk of rows, 12 m (chunk / BM) bytes with BM 128 (64 in
one tile that deterministic=False may choose), and G of the chunk in the features' dtype, chunk x m.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from unicl.loss.directions import Direction, Losses, Sums, losses_of_sums
from unicl.loss.kernels.autotune import INTERPRETED
from unicl.loss.kernels.gradient import logit_gradient
from unicl.loss.kernels.operands import Texts, all_texts, image_labels
from unicl.loss.kernels.sums import add_sums
from unicl.loss.modes import LossModes
from unicl.loss.problem import LOG2_E, Problem
from unicl.loss.targets.match import Targets

__all__ = ["backward", "can_keep_logits", "check_device", "count_meetings", "forward"]

# Rows of one launch: enough programs to fill the device, and a bounded G (4,096 x 65,536 bfloat16 is 512 MiB).
_ROWS = 4096


def check_device(features: Float[Tensor, "rows d"]) -> None:
    """Refuses features that the kernels cannot take.

    Raises:
        ValueError: They are not on a CUDA device, and triton does not interpret.
        TypeError: They are float64.
    """
    if features.dtype == torch.float64:
        raise TypeError("expected features of at most 32 bits with backend='triton'; got float64: use backend='tiled'")
    if features.device.type != "cuda" and not INTERPRETED:
        raise ValueError(
            f"expected features on a CUDA device with backend='triton'; got {features.device}: use backend='tiled' or "
            "'auto' (to try the kernels without a GPU, set TRITON_INTERPRET=1 before triton is imported)"
        )


def can_keep_logits(problem: Problem) -> bool:
    """Tells that the kernels keep no logits."""
    del problem
    return False


def forward(
    problem: Problem, merge: Callable[[Sums], None] | None = None, kept: Float[Tensor, " logits"] | None = None
) -> Losses:
    """Gives row losses, column losses, and their log-sum-exps in bits: see unicl.loss.tiled.passes.forward."""
    del kept
    rows, columns = _sums(problem)
    return losses_of_sums(problem, rows, columns, merge)


def backward(
    problem: Problem,
    row_lse: Float[Tensor, " b"],
    column_lse: Float[Tensor, " m"],
    row_grad: Float[Tensor, " b"],
    column_grad: Float[Tensor, " m"],
    *,
    wants_image: bool = True,
    wants_text: bool = True,
    kept: Float[Tensor, " logits"] | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gives the gradients of images, texts and scale: see unicl.loss.tiled.passes.backward."""
    del kept
    image, text, scale = problem.image, problem.text, problem.scale
    rows = Direction.to_text(problem, row_lse, row_grad)
    columns = Direction.to_image(problem, column_lse, column_grad)
    image_grad = torch.empty_like(image, memory_format=torch.contiguous_format) if wants_image else image.new_empty(0)
    text_grad = text.new_zeros(text.shape if wants_text else 0, dtype=scale.dtype)
    scale_grad = scale.new_zeros((), dtype=torch.float64)
    labels, every_texts = image_labels(problem), all_texts(problem)
    for span in _row_spans(problem):
        u = image[span]
        u_grad = torch.zeros(u.shape, dtype=scale.dtype, device=u.device)
        for texts in every_texts:
            g = logit_gradient(problem, span, labels, texts, rows, columns)
            u_grad += _product(g, texts.features)
            if wants_text and not texts.is_extra:
                text_grad += _product(g.t(), u)
        # From float32, before the gradient is rounded: sum_ij G_ij u_i.v_j = sum_i <u_i, dU_i> / s.
        scale_grad += (u_grad * u).sum(dtype=torch.float64)
        if wants_image:
            image_grad[span] = u_grad
    return image_grad, text_grad.to(text.dtype), (scale_grad / scale.double()).to(scale.dtype)


def count_meetings(
    image: Sequence[Tensor], text: Sequence[Tensor], extra: Sequence[Tensor], *, excluded: int | None
) -> tuple[Tensor, Tensor]:
    """Counts the sets that each set meets, without waiting for the device: see unicl.loss.targets.overlap.

    It is the sum of the positive logits where all logits are 1.
    """
    device = image[0].device

    def unit(sets: Sequence[Tensor]) -> Tensor:
        # As wide as the tensor cores take, so that no other kernel is compiled than for real features.
        features = torch.zeros(sets[1].shape[0] - 1, 16, dtype=torch.bfloat16, device=device)
        features[:, 0] = 1
        return features

    images, texts = unit(image), unit(text)
    problem = Problem(
        image=images,
        text=texts,
        extra=unit(extra) if extra else None,
        scale=torch.full((), 1 / LOG2_E, dtype=torch.float64, device=device),
        targets=Targets(
            kind="any", image=image, text=text, extra=extra, image_count=images[:, 0], text_count=texts[:, 0]
        ),
        modes=LossModes(exclude_self=excluded is not None, backend="triton"),
        first_pair=excluded or 0,
    )
    rows, columns = _sums(problem)
    return rows.positive, columns.positive


def _sums(problem: Problem) -> tuple[Sums, Sums]:
    """Gives the sums of all rows and of all columns."""
    rows, columns = Sums(problem.image, bounded=False), Sums(problem.text, bounded=False)
    labels, every_texts = image_labels(problem), all_texts(problem)
    for span in _row_spans(problem):
        for texts in every_texts:
            add_sums(problem, span, labels, texts, rows, columns)
            if problem.modes.label_smoothing:
                _add_every(problem, span, texts, rows, columns)
    return rows, columns


def _row_spans(problem: Problem) -> Iterator[slice]:
    step, size = problem.modes.chunk_size or _ROWS, problem.image.shape[0]
    for start in range(0, size, step):
        yield slice(start, min(start + step, size))


def _add_every(problem: Problem, span: slice, texts: Texts, rows: Sums, columns: Sums) -> None:
    """Adds the sum of all logits that take part, for label smoothing: a product with the sum of the features."""
    u, v, factor = problem.image[span].double(), texts.features, problem.scale.double() * LOG2_E
    of_rows, of_columns = u @ v.sum(0, dtype=torch.float64), v.double() @ u.sum(0)
    if problem.modes.exclude_self and not texts.is_extra:
        own = slice(problem.first_pair + span.start, problem.first_pair + span.stop)
        excluded = (u * v[own].double()).sum(1)
        of_rows -= excluded
        of_columns[own] -= excluded
    rows.every[span] += factor * of_rows
    if not texts.is_extra:
        columns.every += factor * of_columns


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Gives left @ right in float32, multiplied in the dtype of the operands."""
    if left.dtype == torch.float32:
        return left @ right
    if left.device.type == "cuda":
        return torch.mm(left, right, out_dtype=torch.float32)
    return left.float() @ right.float()
