"""The forward and backward pass with the Triton kernels.

Legend: ``b`` images, ``m`` texts, ``k`` extra texts, ``d`` width.

Small batches, and those that the fast kernels cannot take, go through the exact kernels (sums.py, gradient.py), which
compare labels in every tile. Large ones go through the fast kernels (shared_sums.py, shared_gradient.py). The exact
kernels are then launched behind a flag on the device, which the fast ones raise where their shift does not hold. So the
host never waits. Positives of large batches and of sets have kernels of their own (positives.py, targets.py).

Memory beyond inputs and gradients: G of a chunk of rows in the features' dtype, and partial sums, 4 bytes for each row
and 128 columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from unicl.loss.directions import Losses, Sums
from unicl.loss.kernels.card import INTERPRETED, Card, card_of
from unicl.loss.kernels.finish import finish_images, finish_scale, finish_texts, image_parts
from unicl.loss.kernels.gradient import exact_gradient
from unicl.loss.kernels.losses import Finished, finish_losses
from unicl.loss.kernels.positives import add_positives
from unicl.loss.kernels.reduce import reduce_parts
from unicl.loss.kernels.shared_gradient import shared_gradient
from unicl.loss.kernels.shared_sums import shared_sums
from unicl.loss.kernels.sides import Batch, Prepared, Texts, prepare, read_batch
from unicl.loss.kernels.sums import exact_sums
from unicl.loss.kernels.targets import meetings_of, subtract_targets
from unicl.loss.kernels.vectors import LossGradients, gradient_vectors
from unicl.loss.problem import LOG2_E, Problem

__all__ = [
    "COUNTS",
    "backward",
    "batch_of",
    "can_keep_logits",
    "check_device",
    "compute",
    "differentiate",
    "forward",
    "prepared_labels",
]

#: Whether forward finds the sums of q itself, from labels as they were given.
COUNTS = True

# Below this many logits a step is bound by launches, and the exact kernels need the fewest.
_FAST_FROM = 1 << 25
# Rows of one launch of the exact kernels: enough programs to fill the device.
_EXACT_ROWS = 4096
# G of a chunk of rows, at most: 1 GiB of float16.
_CHUNK_ELEMENTS = 1 << 29
_DTYPES = (torch.float16, torch.bfloat16, torch.float32)


def check_device(features: Float[Tensor, "rows d"]) -> None:
    """Refuses features that the kernels cannot take.

    Raises:
        ValueError: They are not on a CUDA device that triton compiles for, and triton does not interpret.
        TypeError: They are float64.
    """
    if features.dtype not in _DTYPES:
        raise TypeError("expected features of at most 32 bits with backend='triton'; got float64: use backend='tiled'")
    if INTERPRETED:
        return
    if features.device.type != "cuda":
        raise ValueError(
            f"expected features on a CUDA device with backend='triton'; got {features.device}: use backend='tiled' or "
            "'auto' (to try the kernels without a GPU, set TRITON_INTERPRET=1 before triton is imported)"
        )
    capability = card_of(features.device).capability
    if capability < 80:
        raise ValueError(
            f"expected a GPU of compute capability 8.0 or above with backend='triton'; got {capability / 10}: "
            "use backend='tiled' or 'auto'"
        )


def can_keep_logits(problem: Problem) -> bool:
    """Tells that the kernels keep no logits."""
    del problem
    return False


def forward(
    problem: Problem, merge: Callable[[Sums], None] | None = None, kept: Float[Tensor, " logits"] | None = None
) -> Losses:
    """Gives row losses, column losses, log-sum-exps in bits, and sums of targets, of rows and of columns each."""
    del kept
    b = problem.image.shape[0]
    found = compute(problem, merge=merge)
    # Copies, as the outputs of an operator may not be parts of one tensor.
    every = (cast("Tensor", found.losses), found.lse, found.counts)
    losses, lse, counts = ((x[:b].clone(), x[b:].clone()) for x in every)
    return *losses, *lse, *counts


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
    lse, counts = torch.cat([row_lse, column_lse]), torch.cat(problem.targets.counts())
    gradients = LossGradients(grad=None, shares=None, rows=row_grad.contiguous(), columns=column_grad.contiguous())
    image_grad, text_grad, scale_grad = differentiate(
        problem, lse, counts.float(), gradients, None, wants_image=wants_image, wants_text=wants_text
    )
    empty = problem.image.new_empty(0)
    return (
        empty if image_grad is None else image_grad,
        empty if text_grad is None else text_grad,
        scale_grad,
    )


def compute(
    problem: Problem,
    *,
    weights: tuple[Tensor | None, Tensor | None] | None = None,
    merge: Callable[[Sums], None] | None = None,
    batch: Batch | None = None,
) -> Finished:
    """Gives the losses and, if weights are given, their mean.

    Args:
        problem: What to compute.
        weights: The weights of images and texts in the mean; None for 1.
        merge: Called with the sums of the columns, to add those of other ranks.
        batch: The features and labels of the problem, if they were read before.
    """
    batch = batch or batch_of(problem)
    b, m, device, modes = problem.image.shape[0], problem.text.shape[0], problem.image.device, problem.modes
    # Of pairs, a rank fills the positives of its own texts alone, and where columns are not wanted nothing is filled.
    is_whole = batch.classes or (batch.kind == "pairs" and b == m and not modes.exclude_self)
    make = torch.empty if is_whole and modes.to_image else torch.zeros
    rows = make((4, b), dtype=torch.float64, device=device)
    columns = make((4, m), dtype=torch.float64, device=device)
    if _is_fast(problem):
        flag = torch.zeros(1, dtype=torch.int32, device=device)
        _add_shared_sums(problem, batch, rows, columns, flag)
        _add_exact_sums(problem, batch, rows, columns, flag)
    else:
        _add_exact_sums(problem, batch, rows, columns, None)
    counted = None
    if batch.classes:
        counted = (batch.classes.image_count, batch.classes.text_count)
    else:
        add_positives(problem, batch, rows, columns)
    every = _sums_of_every(problem, batch) if modes.label_smoothing else None
    if merge is not None:
        row_count, column_count = counted or (rows[3], columns[3])
        columns, column_count, every = _merged(problem, merge, columns, column_count, every)
        counted = (row_count, column_count)
    return finish_losses(problem, rows, columns, counted, every, weights)


def differentiate(
    problem: Problem,
    lse: Tensor,
    counts: Tensor,
    gradients: LossGradients,
    batch: Batch | None = None,
    *,
    wants_image: bool,
    wants_text: bool,
) -> tuple[Tensor | None, Tensor | None, Tensor]:
    """Gives the gradients of images and texts, if wanted, and of the scale.

    Args:
        problem: What is being computed.
        lse: Log-sum-exps in bits of images and then of texts, float64.
        counts: Their sums of targets.
        gradients: Those of the losses.
        batch: The features and labels of the problem, if they were read before.
        wants_image: Whether the images' gradient is wanted.
        wants_text: Whether the texts' gradient is wanted.
    """
    batch, is_fast = batch or batch_of(problem), _is_fast(problem)
    image, device = batch.image, problem.image.device
    flag = torch.zeros(1, dtype=torch.int32, device=device) if is_fast else None
    vectors = gradient_vectors(problem, lse, counts, gradients, flag)
    spans = list(_chunks(problem))
    meetings = [None] * len(batch.texts) if batch.every_tile else meetings_of(batch, spans[0].stop)
    image_grad = torch.empty_like(image) if wants_image else None
    text_sum = None
    parts = torch.empty(sum(image_parts(s.stop - s.start) for s in spans), dtype=torch.float64, device=device)
    done = 0
    for span in spans:
        u_sum = None
        for texts, met in zip(batch.texts, meetings, strict=True):
            g = _new_gradient(image, span, texts)
            if is_fast:
                shared_gradient(problem, batch, span, texts, vectors, g)
            exact_gradient(problem, batch, span, texts, vectors, g, flag)
            if not batch.every_tile:
                subtract_targets(problem, batch, span, texts, met, vectors, g)
            u_sum = _add_product(u_sum, g, texts.features)
            if wants_text and not texts.is_extra:
                text_sum = _add_product(text_sum, g.t(), image if len(spans) == 1 else image[span])
        number = image_parts(span.stop - span.start)
        finish_images(
            cast("Tensor", u_sum),
            vectors.gain,
            image,
            image_grad,
            parts if len(spans) == 1 else parts[done : done + number],
            span.start,
        )
        done += number
    text_grad = None
    if text_sum is not None:
        text_grad = torch.empty_like(batch.texts[0].features)
        finish_texts(text_sum, vectors.gain, text_grad)
    return image_grad, text_grad, finish_scale(parts, vectors.gain, problem.scale)


def batch_of(problem: Problem, prepared: Prepared | None = None) -> Batch:
    """Gives the features and labels of a problem as these passes take them.

    Args:
        problem: What is being computed.
        prepared: Its labels, as ``prepared_labels`` gave them; None makes them.
    """
    return read_batch(problem, prepared_labels(problem) if prepared is None else prepared)


def prepared_labels(problem: Problem) -> Prepared:
    """Sorts or numbers the labels of a problem, once for both passes."""
    return prepare(problem, every_tile=not _is_fast(problem))


def _is_fast(problem: Problem) -> bool:
    """Tells whether the fast kernels take the batch: large, of half precision, and in rows that TMA can copy."""
    image, text = problem.image, problem.text
    return (
        image.shape[0] * text.shape[0] >= _FAST_FROM
        and image.dtype != torch.float32
        and image.shape[1] % 8 == 0
        and not problem.modes.exclude_self
        and card_of(image.device).takes_fast_kernels
        and all(x is None or (x.is_contiguous() and x.data_ptr() % 16 == 0) for x in (image, text, problem.extra))
    )


def _chunks(problem: Problem) -> Iterator[slice]:
    """Gives the chunks of images of the backward pass."""
    b, d = problem.image.shape
    rows = problem.modes.chunk_size or _chunk_rows(card_of(problem.image.device), d, problem.text.shape[0])
    for start in range(0, b, rows):
        yield slice(start, min(start + rows, b))


def _chunk_rows(card: Card, d: int, m: int) -> int:
    """Gives the images of a chunk: their gradient is one whole wave of cuBLAS's tiles of 128 x 256, if G fits.

    At d = 768 on 132 processors these are 5,632 images, and the product reached 792 TFLOP/s (752 with 4,096).
    """
    a_wave = card.processors * 256 // d * 128
    return max(128, min(max(a_wave, 4096), 8448, _CHUNK_ELEMENTS // m // 128 * 128))


def _add_shared_sums(problem: Problem, batch: Batch, rows: Tensor, columns: Tensor, flag: Tensor) -> None:
    """Fills the sums of powers of all rows and columns, or raises the flag."""
    for texts in batch.texts:
        row_parts, column_parts = shared_sums(problem, batch, texts)
        sees_columns = problem.modes.to_image and not texts.is_extra
        reduce_parts(
            problem.scale,
            flag,
            row_parts,
            rows,
            column_parts if sees_columns else None,
            columns,
            first=0,
            accumulate_rows=texts.is_extra,
            accumulate_columns=False,
            is_gated=False,
        )


def _add_exact_sums(problem: Problem, batch: Batch, rows: Tensor, columns: Tensor, flag: Tensor | None) -> None:
    """Fills the sums of all rows and columns; with a flag, only if it is up."""
    b = rows.shape[1]
    step = problem.modes.chunk_size or _EXACT_ROWS
    for start in range(0, b, step):
        span = slice(start, min(start + step, b))
        for texts in batch.texts:
            row_parts, column_parts = exact_sums(problem, batch, span, texts, flag)
            sees_columns = problem.modes.to_image and not texts.is_extra
            reduce_parts(
                problem.scale,
                flag,
                row_parts,
                rows,
                column_parts if sees_columns else None,
                columns,
                first=start,
                accumulate_rows=texts.is_extra,
                accumulate_columns=start > 0,
                is_gated=flag is not None,
            )


def _sums_of_every(problem: Problem, batch: Batch) -> tuple[Tensor, Tensor]:
    """Gives the sums of all logits that take part, for label smoothing: products with the sums of the features."""
    image, text = batch.image.double(), batch.texts[0].features.double()
    factor = problem.scale.double() * LOG2_E
    every = text.sum(0)
    for texts in batch.texts[1:]:
        every = every + texts.features.sum(0, dtype=torch.float64)
    of_rows, of_columns = image @ every, text @ image.sum(0)
    if problem.modes.exclude_self:
        own = slice(problem.first_pair, problem.first_pair + image.shape[0])
        excluded = (image * text[own]).sum(1)
        of_rows -= excluded
        of_columns[own] -= excluded
    return of_rows * factor, of_columns * factor


def _merged(
    problem: Problem,
    merge: Callable[[Sums], None],
    columns: Tensor,
    counts: Tensor,
    every: tuple[Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
    """Gives the sums of the columns over all ranks, and their sums of q."""
    sums = Sums(problem.text, bounded=True)
    sums.largest, sums.total, sums.positive, _ = columns.unbind(0)
    sums.count = counts
    if every is not None:
        sums.every = every[1]
    merge(sums)
    merged = torch.stack([sums.largest, sums.total, sums.positive])
    return merged, sums.count, None if every is None else (every[0], sums.every)


def _new_gradient(image: Tensor, span: slice, texts: Texts) -> Tensor:
    """Makes room for G of some images and all texts; TMA needs rows that lie a multiple of 16 bytes apart."""
    m = texts.features.shape[0]
    width = -(-m // 8) * 8
    g = torch.empty((span.stop - span.start, width), dtype=image.dtype, device=image.device)
    return g if width == m else g[:, :m]


def _add_product(total: Tensor | None, left: Tensor, right: Tensor) -> Tensor:
    """Gives total + left @ right in float32, multiplied in the dtype of the operands."""
    if left.device.type != "cuda" or left.dtype == torch.float32:
        product = left.float() @ right.float()
        return product if total is None else total.add_(product)
    if total is None:
        return torch.mm(left, right, out_dtype=torch.float32)
    # cuBLAS adds in float32, within the product.
    return torch.addmm(total, left, right, out_dtype=torch.float32, out=total)
