"""Launches the Triton kernels: the same forward and backward as unicl.loss.tiled.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts, ``d`` width.

Memory beyond inputs and gradients: column partials of a chunk of rows, 12 m (chunk / BM) bytes with BM 128 (64
in one tile that deterministic=False may choose), and its G in the features' dtype, chunk x m.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
import triton  # type: ignore[import-untyped]
from torch import Tensor

from unicl.loss.kernels.autotune import Tile, choose, interprets
from unicl.loss.kernels.tile import gradient_kernel, sums_kernel
from unicl.loss.targets import Targets
from unicl.loss.tiled import Sums
from unicl.loss.tiles import LOG2_E, Problem, Side, number_of_images

__all__ = ["backward", "check_device", "forward"]

# Rows of one launch: enough programs to fill the device, and a bounded G (4,096 x 65,536 bfloat16 is 512 MiB).
_ROWS = 4096
_STRIPES = 8


def check_device(features: Tensor) -> None:
    """Refuses features that the kernels cannot take.

    Raises:
        ValueError: They are not on a CUDA device, and triton does not interpret.
        TypeError: They are float64.
    """
    if features.dtype == torch.float64:
        raise TypeError("backend='triton' computes in float32 and takes no float64; use backend='tiled'")
    if features.device.type != "cuda" and not interprets():
        raise ValueError(
            f"backend='triton' needs features on a CUDA device; got {features.device}: use backend='tiled' or 'auto' "
            "(to try the kernels without a GPU, set TRITON_INTERPRET=1 before triton is imported)"
        )


def forward(problem: Problem, merge: Callable[[Sums], None] | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Row losses, column losses, and their log-sum-exps in bits: see unicl.loss.tiled.forward."""
    rows, columns = Sums(problem.image, bounded=False), Sums(problem.text, bounded=False)
    for span in _row_spans(problem):
        for side in _sides(problem):
            _add_sums(problem, span, side, rows, columns)
            if problem.label_smoothing:
                _add_every(problem, span, side, rows, columns)
    if merge is not None:
        merge(columns)
    others = problem.text.shape[0] + (0 if problem.extra is None else problem.extra.shape[0])
    row_lse, column_lse = rows.log_sum(), columns.log_sum()
    row_loss = rows.losses(problem, row_lse, problem.targets.image_count, others)
    column_loss = columns.losses(problem, column_lse, problem.targets.text_count, number_of_images(problem))
    row_loss = row_loss if problem.to_text else torch.zeros_like(row_loss)
    return row_loss, column_loss if problem.to_image else torch.zeros_like(column_loss), row_lse, column_lse


def backward(
    problem: Problem,
    row_lse: Tensor,
    column_lse: Tensor,
    row_grad: Tensor,
    column_grad: Tensor,
    *,
    wants_image: bool = True,
    wants_text: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of images, texts and scale: see unicl.loss.tiled.backward."""
    image, text, scale = problem.image, problem.text, problem.scale
    rows = Side.of_rows(problem, row_lse, row_grad, None)
    columns = Side.of_columns(problem, column_lse, column_grad, None)
    image_grad = torch.empty_like(image, memory_format=torch.contiguous_format) if wants_image else image.new_empty(0)
    text_grad = text.new_zeros(text.shape if wants_text else 0, dtype=scale.dtype)
    scale_grad = scale.new_zeros((), dtype=torch.float64)
    for span in _row_spans(problem):
        u = image[span]
        u_grad = torch.zeros(u.shape, dtype=scale.dtype, device=u.device)
        for side in _sides(problem):
            g = _gradient(problem, span, side, rows, columns)
            u_grad += _product(g, side.features)
            if wants_text and not side.is_extra:
                text_grad += _product(g.t(), u)
        # From float32, before the gradient is rounded: sum_ij G_ij u_i.v_j = sum_i <u_i, dU_i> / s.
        scale_grad += (u_grad * u).sum(dtype=torch.float64)
        if wants_image:
            image_grad[span] = u_grad
    return image_grad, text_grad.to(text.dtype), (scale_grad / scale.double()).to(scale.dtype)


class _Columns(NamedTuple):
    """Texts, or extra texts, and what they carry for the targets."""

    features: Tensor
    targets: Sequence[Tensor]
    is_extra: bool


def _sides(problem: Problem) -> Iterator[_Columns]:
    yield _Columns(problem.text.contiguous(), problem.targets.text, is_extra=False)
    if problem.extra is not None and problem.to_text:
        yield _Columns(problem.extra.contiguous(), problem.targets.extra, is_extra=True)


def _row_spans(problem: Problem) -> Iterator[slice]:
    step, size = problem.chunk_size or _ROWS, problem.image.shape[0]
    for start in range(0, size, step):
        yield slice(start, min(start + step, size))


def _add_sums(problem: Problem, span: slice, side: _Columns, rows: Sums, columns: Sums) -> None:
    u, v = problem.image[span].contiguous(), side.features
    b, m = u.shape[0], v.shape[0]
    factor, targets = _factor(problem), _target_arguments(problem.targets, span, side)
    widths = _widths(problem.targets, side)
    sees_columns = problem.to_image and not side.is_extra
    constants = _constants(problem, side, sees_columns=sees_columns)

    def launch(tile: Tile) -> tuple[Tensor, Tensor]:
        """Partial (maximum, sum, positive) of the rows, by stripe, and of the columns, by block of rows."""
        blocks = triton.cdiv(b, tile["BM"])
        stripe = triton.cdiv(triton.cdiv(m, tile["BN"]), _STRIPES) * tile["BN"]
        stripes = triton.cdiv(m, stripe)
        row_parts = torch.empty(3, stripes, b, dtype=torch.float32, device=u.device)
        column_parts = torch.empty(3, blocks, m if sees_columns else 1, dtype=torch.float32, device=u.device)
        sums_kernel[(blocks, stripes)](
            u,
            v,
            factor,
            *targets,
            *row_parts,
            *column_parts,
            b,
            m,
            u.shape[1],
            problem.first_pair + span.start,
            stripe,
            *widths,
            **constants,
            **tile,
        )
        return row_parts, column_parts

    tile = choose("sums_kernel", u, v, constants, launch, deterministic=problem.deterministic)
    row_parts, column_parts = launch(tile)
    _merge(rows, span, row_parts.double())
    if sees_columns:
        _merge(columns, slice(0, m), column_parts.double())


def _merge(sums: Sums, span: slice, parts: Tensor) -> None:
    """Adds partial (maximum, sum, positive), each (parts, rows), in one fixed order."""
    largest, total, positive = parts
    new = torch.maximum(sums.largest[span], largest.amax(0))
    added = (total * torch.exp2(largest - new)).sum(0)
    sums.total[span] = sums.total[span] * torch.exp2(sums.largest[span] - new) + added
    sums.largest[span] = new
    sums.positive[span] += positive.sum(0)


def _add_every(problem: Problem, span: slice, side: _Columns, rows: Sums, columns: Sums) -> None:
    """Adds the sum of all logits that take part, for label smoothing: a product with the sum of the features."""
    u, v, factor = problem.image[span].double(), side.features, problem.scale.double() * LOG2_E
    of_rows, of_columns = u @ v.sum(0, dtype=torch.float64), v.double() @ u.sum(0)
    if problem.exclude_self and not side.is_extra:
        own = slice(problem.first_pair + span.start, problem.first_pair + span.stop)
        excluded = (u * v[own].double()).sum(1)
        of_rows -= excluded
        of_columns[own] -= excluded
    rows.every[span] += factor * of_rows
    if not side.is_extra:
        columns.every += factor * of_columns


def _gradient(problem: Problem, span: slice, side: _Columns, rows: Side, columns: Side) -> Tensor:
    u, v = problem.image[span].contiguous(), side.features
    b, m = u.shape[0], v.shape[0]
    g = torch.empty(b, m, dtype=u.dtype, device=u.device)
    factor, targets = _factor(problem), _target_arguments(problem.targets, span, side)
    widths = _widths(problem.targets, side)
    row_vectors = [x[span, 0].contiguous() for x in _vectors(rows)]
    sees_columns = problem.to_image and not side.is_extra
    constants = _constants(problem, side, sees_columns=sees_columns) | {"EVERY": problem.label_smoothing > 0}

    def launch(tile: Tile) -> None:
        """Fills g."""
        gradient_kernel[(triton.cdiv(b, tile["BM"]), triton.cdiv(m, tile["BN"]))](
            u,
            v,
            factor,
            *targets,
            *row_vectors,
            *(x[0] for x in _vectors(columns)),
            g,
            b,
            m,
            u.shape[1],
            problem.first_pair + span.start,
            *widths,
            **constants,
            **tile,
        )

    launch(choose("gradient_kernel", u, v, constants, launch, deterministic=problem.deterministic))
    return g


def _vectors(side: Side) -> tuple[Tensor, ...]:
    uniform = torch.zeros_like(side.target) if side.uniform is None else side.uniform
    return side.reference, side.factor, side.target, uniform


def _target_arguments(targets: Targets, span: slice, side: _Columns) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Left labels and weights, right labels and weights; labels that never match for texts without any."""
    device = side.features.device
    none = torch.full((side.features.shape[0],), -2, dtype=torch.int32, device=device)
    if targets.kind == "pairs":
        left = torch.arange(span.start, span.stop, dtype=torch.int32, device=device)
        right = none if side.is_extra else torch.arange(none.shape[0], dtype=torch.int32, device=device)
        return left, left, right, right
    if targets.kind == "classes":
        left = targets.image[0][span].int()
        right = side.targets[0].int() if side.targets else none
        return left, left, right, right
    left, left_weight = _padded(targets.image, pad=-1)
    right, right_weight = _padded(side.targets, pad=-2) if side.targets else (none, none.float())
    return left[span].contiguous(), left_weight[span].contiguous(), right, right_weight


def _padded(sets: Sequence[Tensor], *, pad: int) -> tuple[Tensor, Tensor]:
    """Labels and weights of sets as matrices (rows, most labels of a row); ids of empty rows move off the padding."""
    labels, offsets, weights = sets
    sizes = offsets.diff()
    width = max(1, int(sizes.max()))
    row = torch.repeat_interleave(sizes)
    column = torch.arange(labels.shape[0], device=labels.device) - offsets[row]
    ids = torch.full((sizes.shape[0], width), pad, dtype=torch.int32, device=labels.device)
    factors = torch.zeros(sizes.shape[0], width, dtype=torch.float32, device=labels.device)
    ids[row, column] = torch.where(labels < 0, labels - 2, labels).int()
    factors[row, column] = weights.float()
    return ids, factors


def _constants(problem: Problem, side: _Columns, *, sees_columns: bool) -> dict[str, Any]:
    return {
        "SETS": problem.targets.kind in ("cosine", "any"),
        "ANY": problem.targets.kind == "any",
        "EXCLUDE": problem.exclude_self and not side.is_extra,
        "COLUMNS": sees_columns,
        "UPCAST": interprets(),
    }


def _widths(targets: Targets, side: _Columns) -> tuple[int, int]:
    """Most labels of an image and of a text."""
    if targets.kind not in ("cosine", "any"):
        return 1, 1
    left, right = (max(1, int(x[1].diff().max())) if x else 1 for x in (targets.image, side.targets))
    return left, right


def _factor(problem: Problem) -> Tensor:
    return (problem.scale.double() * LOG2_E).float().reshape(1)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Left @ right in float32, multiplied in the dtype of the operands."""
    if left.dtype == torch.float32:
        return left @ right
    if left.device.type == "cuda":
        return torch.mm(left, right, out_dtype=torch.float32)
    return left.float() @ right.float()
