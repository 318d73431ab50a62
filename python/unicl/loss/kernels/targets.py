"""Writes the elements of G that have a target, from entries sorted by label: the few tiles that hold positives.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``d`` width; f = s log2(e); z_ij = f u_i.v_j, in bits.

``targets_kernel``, one program for BM entries of rows, in the order of their labels:
    for each BN entries of columns whose labels can be equal:   z = f u v^T of their rows
        G = softmax part - q (row_target + column_target) - uniform, in float32   -> stored where labels are equal

An element that shares several labels is written at the first of them, so by one program. ``own_pairs_kernel`` does it
for pairs, where q is the identity.
"""

# Triton's language is untyped, its kernels take everything by position, and its constants are written in capitals.
# ruff: noqa: N803
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from unicl.loss.kernels.card import INTERPRETED, card_of
from unicl.loss.kernels.gradient import softmax_gradient
from unicl.loss.kernels.logits import factor_of, gathered_logits
from unicl.loss.kernels.positives import shared_labels
from unicl.loss.kernels.sides import Batch, Entries, Texts
from unicl.loss.kernels.tiles import tile_for
from unicl.loss.kernels.vectors import Vectors
from unicl.loss.problem import Problem

__all__ = ["Meetings", "meetings_of", "own_pairs_kernel", "subtract_targets", "targets_kernel"]


@triton.jit
def targets_kernel(
    u_ptr,
    v_ptr,
    scale_ptr,
    row_ptr,
    code_ptr,
    first_ptr,
    past_ptr,
    left_ptr,
    left_start_ptr,
    left_weight_ptr,
    column_ptr,
    right_ptr,
    right_start_ptr,
    right_weight_ptr,
    row_vectors_ptr,
    column_vectors_ptr,
    g_ptr,
    first,
    b,
    all_rows,
    others,
    m,
    d,
    g_stride,
    first_pair,
    SETS: tl.constexpr,
    ANY: tl.constexpr,
    EXCLUDE: tl.constexpr,
    COLUMNS: tl.constexpr,
    EVERY: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    UPCAST: tl.constexpr,
):
    """Stores the elements with a target of the rows ``first`` to ``b``."""
    # The entries of these rows: as many as rows, or with sets a number that the host does not know.
    begin, end = first, b
    if SETS:
        begin, end = tl.load(left_start_ptr + first), tl.load(left_start_ptr + b)
    factor = factor_of(scale_ptr)
    for start in range(begin + tl.program_id(0) * BM, end, tl.num_programs(0) * BM):
        at = start + tl.arange(0, BM)
        inside = at < end
        rows = tl.load(row_ptr + at, inside, 0)
        # The other entries of equal label are those from meets to past.
        meets, past = tl.load(first_ptr + at, inside, others), tl.load(past_ptr + at, inside, 0)
        last = tl.max(past, 0)
        for other_start in range(tl.min(meets, 0), last, BN):
            other = other_start + tl.arange(0, BN)
            other_inside = other < last
            columns = tl.load(column_ptr + other, other_inside, 0)
            is_positive = (other[None, :] >= meets[:, None]) & (other[None, :] < past[:, None])
            if EXCLUDE:
                is_positive = is_positive & (rows[:, None] + first_pair != columns[None, :])
            if SETS:
                q, earlier = shared_labels(
                    tl.load(code_ptr + at, inside, -1),
                    left_ptr,
                    left_start_ptr,
                    left_weight_ptr,
                    right_ptr,
                    right_start_ptr,
                    right_weight_ptr,
                    rows,
                    columns,
                    inside,
                    other_inside,
                    ANY,
                    BM,
                    BN,
                )
                is_positive = is_positive & (earlier == 0)
            z = gathered_logits(u_ptr, v_ptr, rows, columns, inside, other_inside, d, factor, BM, BN, BK, UPCAST)
            g = softmax_gradient(
                z,
                rows,
                columns,
                inside,
                other_inside,
                row_vectors_ptr,
                column_vectors_ptr,
                all_rows,
                m,
                COLUMNS,
            )
            target = tl.load(row_vectors_ptr + 3 * all_rows + rows, inside, 0.0)[:, None]
            if COLUMNS:
                target = target + tl.load(column_vectors_ptr + 3 * m + columns, other_inside, 0.0)[None, :]
            if SETS and not ANY:
                target = target * q
            g -= target
            if EVERY:
                g -= tl.load(row_vectors_ptr + 4 * all_rows + rows, inside, 0.0)[:, None]
                if COLUMNS:
                    g -= tl.load(column_vectors_ptr + 4 * m + columns, other_inside, 0.0)[None, :]
            place = (rows - first).to(tl.int64)[:, None] * g_stride + columns[None, :]
            tl.store(g_ptr + place, g.to(g_ptr.dtype.element_ty), is_positive)


@triton.jit
def own_pairs_kernel(
    u_ptr,
    v_ptr,
    scale_ptr,
    row_vectors_ptr,
    column_vectors_ptr,
    g_ptr,
    first,
    b,
    all_rows,
    m,
    d,
    g_stride,
    first_pair,
    COLUMNS: tl.constexpr,
    EVERY: tl.constexpr,
    BM: tl.constexpr,
    BK: tl.constexpr,
):
    """Stores the element of each image and its text, for the rows ``first`` to ``b``."""
    rows = first + tl.program_id(0) * BM + tl.arange(0, BM)
    columns = rows + first_pair
    inside, inner = rows < b, tl.arange(0, BK)
    u_ptr += rows.to(tl.int64)[:, None] * d
    v_ptr += columns.to(tl.int64)[:, None] * d
    cosine = tl.zeros((BM,), dtype=tl.float32)
    for start in range(0, d, BK):
        k = start + inner
        here = inside[:, None] & (k[None, :] < d)
        u = tl.load(u_ptr + k[None, :], here, 0.0).to(tl.float32)
        v = tl.load(v_ptr + k[None, :], here, 0.0).to(tl.float32)
        cosine += tl.sum(u * v, 1)
    z = cosine * factor_of(scale_ptr)
    reference = tl.load(row_vectors_ptr + rows, inside, 0.0)
    g = tl.exp2(z - reference) * tl.load(row_vectors_ptr + all_rows + rows, inside, 0.0)
    target = tl.load(row_vectors_ptr + 3 * all_rows + rows, inside, 0.0)
    if COLUMNS:
        reference = tl.load(column_vectors_ptr + columns, inside, 0.0)
        g += tl.exp2(z - reference) * tl.load(column_vectors_ptr + m + columns, inside, 0.0)
        target += tl.load(column_vectors_ptr + 3 * m + columns, inside, 0.0)
    g -= target
    if EVERY:
        g -= tl.load(row_vectors_ptr + 4 * all_rows + rows, inside, 0.0)
        if COLUMNS:
            g -= tl.load(column_vectors_ptr + 4 * m + columns, inside, 0.0)
    place = (rows - first).to(tl.int64) * g_stride + columns
    tl.store(g_ptr + place, g.to(g_ptr.dtype.element_ty), inside)


@dataclass(frozen=True, kw_only=True)
class Meetings:
    """The entries of all rows in chunks, and where each meets the entries of the texts.

    Attributes:
        entries: Sorted by label within each chunk of rows.
        first: For each entry, the first of the texts' entries with its label.
        past: The one after the last.
    """

    entries: Entries
    first: Tensor
    past: Tensor


def meetings_of(batch: Batch, chunk: int) -> Sequence[Meetings | None]:
    """Gives the meetings with the texts and with the extra texts; None where there are none to write."""
    if batch.entries is None:
        return [None] * len(batch.texts)
    is_one = chunk >= batch.image.shape[0]
    entries, order = (batch.entries, None) if is_one else batch.entries.by_chunk(chunk)
    found: list[Meetings | None] = []
    for texts in batch.texts:
        if texts.entries is None:
            found.append(None)
            continue
        first, past = batch.entries.ranges(texts.entries)
        if order is not None:
            first, past = first[order], past[order]
        found.append(Meetings(entries=entries, first=first, past=past))
    return found


def subtract_targets(
    problem: Problem,
    batch: Batch,
    span: slice,
    texts: Texts,
    meetings: Meetings | None,
    vectors: Vectors,
    g: Tensor,
) -> None:
    """Writes the elements of G that have a target; see ``exact_gradient`` for the arguments."""
    b, modes = batch.image.shape[0], problem.modes
    m, d = texts.features.shape
    columns, every = modes.to_image and not texts.is_extra, modes.label_smoothing > 0
    own = (problem.scale, vectors.rows, vectors.columns, g)
    if batch.kind == "pairs":
        if not modes.exclude_self and not texts.is_extra:
            own_pairs_kernel[(triton.cdiv(span.stop - span.start, 16),)](
                batch.image,
                texts.features,
                *own,
                span.start,
                span.stop,
                b,
                m,
                d,
                g.stride(0),
                problem.first_pair,
                COLUMNS=columns,
                EVERY=every,
                BM=16,
                BK=128,
                num_warps=4,
            )
        return
    if meetings is None or texts.entries is None:
        return
    entries, others = meetings.entries, texts.entries
    is_sets = bool(entries.sets)
    tile = tile_for("targets_kernel", batch.image)
    blocks = triton.cdiv(span.stop - span.start, tile["BM"])
    programs = 4 * card_of(batch.image.device).processors if is_sets else blocks
    targets_kernel[(programs,)](
        batch.image,
        texts.features,
        problem.scale,
        entries.rows,
        entries.codes,
        meetings.first,
        meetings.past,
        *(entries.sets if is_sets else (entries.codes,) * 3),
        others.rows,
        *(others.sets if is_sets else (others.codes,) * 3),
        vectors.rows,
        vectors.columns,
        g,
        span.start,
        span.stop,
        b,
        others.codes.shape[0],
        m,
        d,
        g.stride(0),
        problem.first_pair,
        SETS=is_sets,
        ANY=problem.targets.kind == "any",
        EXCLUDE=modes.exclude_self and not texts.is_extra,
        COLUMNS=columns,
        EVERY=every,
        UPCAST=INTERPRETED,
        **tile,
    )
