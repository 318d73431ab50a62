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
from unicl.loss.targets.match import Targets
from unicl.loss.tiled.passes import Sums
from unicl.loss.tiled.tile import LOG2_E, Problem, Side, number_of_images

__all__ = ["backward", "check_device", "count_meetings", "forward"]

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
    rows, columns = _sums(problem)
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
    carried, sides = _of_images(problem), _sides(problem)
    for span in _row_spans(problem):
        u = image[span]
        u_grad = torch.zeros(u.shape, dtype=scale.dtype, device=u.device)
        for side in sides:
            g = _gradient(problem, span, carried, side, rows, columns)
            u_grad += _product(g, side.features)
            if wants_text and not side.is_extra:
                text_grad += _product(g.t(), u)
        # From float32, before the gradient is rounded: sum_ij G_ij u_i.v_j = sum_i <u_i, dU_i> / s.
        scale_grad += (u_grad * u).sum(dtype=torch.float64)
        if wants_image:
            image_grad[span] = u_grad
    return image_grad, text_grad.to(text.dtype), (scale_grad / scale.double()).to(scale.dtype)


def count_meetings(
    image: Sequence[Tensor], text: Sequence[Tensor], extra: Sequence[Tensor], *, excluded: int | None
) -> tuple[Tensor, Tensor]:
    """How many sets each set meets: see unicl.loss.targets.overlap.count_meetings, which would wait for the device.

    It is the sum of the positive logits where all logits are 1.
    """
    device = image[0].device

    def unit(sets: Sequence[Tensor]) -> Tensor:
        # As wide as the tensor cores take, so that no other kernel is compiled than for real features.
        features = torch.zeros(sets[1].shape[0] - 1, 16, dtype=torch.bfloat16, device=device)
        features[:, 0] = 1
        return features

    nothing = torch.zeros((), device=device)
    problem = Problem(
        image=unit(image),
        text=unit(text),
        extra=unit(extra) if extra else None,
        scale=torch.full((), 1 / LOG2_E, dtype=torch.float64, device=device),
        targets=Targets(kind="any", image=image, text=text, extra=extra, image_count=nothing, text_count=nothing),
        exclude_self=excluded is not None,
        first_pair=excluded or 0,
        backend="triton",
    )
    rows, columns = _sums(problem)
    return rows.positive, columns.positive


class _Columns(NamedTuple):
    """Texts, or extra texts, and what they carry for the targets, as the kernels take it."""

    features: Tensor
    targets: _Carried
    is_extra: bool


class _Carried(NamedTuple):
    """Labels, where the labels of each row start, and weights; the labels three times where each row has one."""

    labels: Tensor
    starts: Tensor
    weights: Tensor

    def a_row(self) -> float:
        """How many labels a row has on average."""
        return 1.0 if self.starts is self.labels else self.labels.shape[0] / (self.starts.shape[0] - 1)

    def of_rows(self, span: slice) -> _Carried:
        """Those of some rows."""
        if self.starts is self.labels:
            own = self.labels[span]
            return _Carried(own, own, own)
        return _Carried(self.labels, self.starts[span.start : span.stop + 1], self.weights)


def _carried(
    kind: str, vectors: Sequence[Tensor], features: Tensor, *, first_pair: int = 0, is_extra: bool = False
) -> _Carried:
    rows, device = features.shape[0], features.device
    if kind in ("cosine", "any"):
        if not vectors:
            none = torch.zeros(rows + 1, dtype=torch.int32, device=device)
            return _Carried(none[:1], none, none[:1].float())
        labels, starts, weights = vectors
        return _Carried(labels.int(), starts.int(), weights.float())
    if kind == "pairs" and not is_extra:
        own = torch.arange(first_pair, first_pair + rows, dtype=torch.int32, device=device)
    else:
        # Classes are at least 0, so -2 matches none.
        own = vectors[0].int() if vectors else torch.full((rows,), -2, dtype=torch.int32, device=device)
    return _Carried(own, own, own)


def _sums(problem: Problem) -> tuple[Sums, Sums]:
    """What all rows and all columns add up to."""
    rows, columns = Sums(problem.image, bounded=False), Sums(problem.text, bounded=False)
    carried, sides = _of_images(problem), _sides(problem)
    for span in _row_spans(problem):
        for side in sides:
            _add_sums(problem, span, carried, side, rows, columns)
            if problem.label_smoothing:
                _add_every(problem, span, side, rows, columns)
    return rows, columns


def _of_images(problem: Problem) -> _Carried:
    targets = problem.targets
    return _carried(targets.kind, targets.image, problem.image, first_pair=problem.first_pair)


def _sides(problem: Problem) -> list[_Columns]:
    targets, text, extra = problem.targets, problem.text.contiguous(), problem.extra
    sides = [_Columns(text, _carried(targets.kind, targets.text, text), is_extra=False)]
    if extra is not None and problem.to_text:
        carried = _carried(targets.kind, targets.extra, extra, is_extra=True)
        sides.append(_Columns(extra.contiguous(), carried, is_extra=True))
    return sides


def _row_spans(problem: Problem) -> Iterator[slice]:
    step, size = problem.chunk_size or _ROWS, problem.image.shape[0]
    for start in range(0, size, step):
        yield slice(start, min(start + step, size))


def _add_sums(problem: Problem, span: slice, carried: _Carried, side: _Columns, rows: Sums, columns: Sums) -> None:
    u, v = problem.image[span].contiguous(), side.features
    b, m = u.shape[0], v.shape[0]
    factor, targets = _factor(problem), (*carried.of_rows(span), *side.targets)
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
            **constants,
            **tile,
        )
        return row_parts, column_parts

    tile = _choose("sums_kernel", problem, u, constants, launch, carried, side)
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


def _gradient(problem: Problem, span: slice, carried: _Carried, side: _Columns, rows: Side, columns: Side) -> Tensor:
    u, v = problem.image[span].contiguous(), side.features
    b, m = u.shape[0], v.shape[0]
    g = torch.empty(b, m, dtype=u.dtype, device=u.device)
    factor, targets = _factor(problem), (*carried.of_rows(span), *side.targets)
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
            **constants,
            **tile,
        )

    launch(_choose("gradient_kernel", problem, u, constants, launch, carried, side))
    return g


def _choose(
    kernel: str,
    problem: Problem,
    u: Tensor,
    constants: dict[str, Any],
    launch: Callable[[Tile], object],
    carried: _Carried,
    side: _Columns,
) -> Tile:
    labels_a_row = (carried.a_row(), side.targets.a_row())
    deterministic = problem.deterministic
    return choose(kernel, u, side.features, constants, launch, labels_a_row=labels_a_row, deterministic=deterministic)


def _vectors(side: Side) -> tuple[Tensor, ...]:
    uniform = torch.zeros_like(side.target) if side.uniform is None else side.uniform
    return side.reference, side.factor, side.target, uniform


def _constants(problem: Problem, side: _Columns, *, sees_columns: bool) -> dict[str, Any]:
    return {
        "SETS": problem.targets.kind in ("cosine", "any"),
        "ANY": problem.targets.kind == "any",
        "EXCLUDE": problem.exclude_self and not side.is_extra,
        "COLUMNS": sees_columns,
        "UPCAST": interprets(),
    }


def _factor(problem: Problem) -> Tensor:
    return (problem.scale.double() * LOG2_E).float().reshape(1)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Left @ right in float32, multiplied in the dtype of the operands."""
    if left.dtype == torch.float32:
        return left @ right
    if left.device.type == "cuda":
        return torch.mm(left, right, out_dtype=torch.float32)
    return left.float() @ right.float()
