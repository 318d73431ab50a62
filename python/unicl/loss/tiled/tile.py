"""The work inside one tile of z: logits, and the gradient of the logits with the target subtracted.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``k`` extra texts, ``d`` width, ``s`` the logit scale, z_ij = s
u_i.v_j. Every z here is in bits: multiplied by log2(e), for exponentials of base 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from unicl.loss.targets.match import Targets

__all__ = ["LOG2_E", "Columns", "Problem", "Side", "Tiles", "common_shift", "is_bounded", "number_of_images"]

LOG2_E = math.log2(math.e)
# 2 ** (+-70) and its sums over 2 ** 24 rows are normal numbers in float32, so a logit within needs no maximum taken
# off.
_SAFE_BITS = 70.0
# One exponential serves rows and columns if their log-sum-exps lie within this many bits: relative to the middle it is
# then below 2 ** 50, and a probability flushed to zero was below 2 ** -76.
_SAFE_SPREAD = 100.0
# A tile of 1024 x 512 float32 is 2 MiB: it stays in the L2 and L3 caches, and the matmul runs at full speed (3 % faster
# all in all than 512 x 1024, and 10 % than 256 x 512).
_CPU_TILE = (1024, 512)
# Few launches, and elementwise passes of 64 MiB.
_GPU_TILE = (2048, 8192)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One call of the loss, checked: features, scale, positives and modes.

    Attributes:
        image: Shape (b, d), unit rows.
        text: Shape (m, d), unit rows.
        extra: Shape (k, d), columns of the image side only, or None.
        scale: Shape (), positive; its dtype (float32, or float64 with float64 features) is that of all arithmetic.
        targets: The positives.
        label_smoothing: In [0, 1).
        exclude_self: Takes i = j out of targets and softmax.
        to_text: Whether the row losses (image to text) are wanted.
        to_image: Whether the column losses (text to image) are wanted.
        chunk_size: Rows of a tile; None chooses.
        backend: "tiled" or "triton".
        deterministic: Whether the order of sums must be the same from run to run; the tiled backend's always is.
        keep_logits: Whether backward finds the logits that forward made, and need not make them again.
        first_pair: The text that belongs to image 0: over ranks, the texts of all ranks are here, and only some images.
        all_images: Number of images over all ranks; None for those here.
    """

    image: Tensor
    text: Tensor
    extra: Tensor | None
    scale: Tensor
    targets: Targets
    label_smoothing: float = 0.0
    exclude_self: bool = False
    to_text: bool = True
    to_image: bool = True
    chunk_size: int | None = None
    backend: str = "tiled"
    deterministic: bool = True
    keep_logits: bool = False
    first_pair: int = 0
    all_images: int | None = None


@dataclass(frozen=True, kw_only=True)
class Columns:
    """A block of columns of z: texts, or extra texts, which only the rows see."""

    features: Tensor
    span: slice
    is_extra: bool


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one direction puts into the gradient of the logits, as vectors that broadcast over a tile.

    With p = 2 ** (z - lse), its part of G is ``weight p - target q - uniform``, where weight is s times the gradient
    of the row's loss, and 0 for a row without a positive.

    p is taken as ``factor 2 ** (z - reference)``, with a reference that float32 holds exactly: an aligned batch has p
    near 1 and a gradient near 0, and rounding lse itself (to 2 ** -17 at scale 100) would be most of what is left.

    Attributes:
        reference: The log-sum-exp in bits, rounded to a whole number.
        factor: weight 2 ** (reference - lse).
        shared: weight 2 ** (shift - lse), for one exponential 2 ** (z - shift) of both sides; None without a shift.
        target: weight (1 - label_smoothing) / number of positives.
        uniform: weight label_smoothing / number of columns; None without smoothing.
    """

    reference: Tensor
    factor: Tensor
    shared: Tensor | None
    target: Tensor
    uniform: Tensor | None

    @classmethod
    def of_rows(cls, problem: Problem, lse: Tensor, grad: Tensor, shift: float | None) -> Side:
        """The image-to-text direction; every vector has shape (b, 1)."""
        columns = problem.text.shape[0] + (0 if problem.extra is None else problem.extra.shape[0])
        grad = grad if problem.to_text else torch.zeros_like(grad)
        return cls._build(problem, lse, grad, problem.targets.image_count, columns, shift, dim=1)

    @classmethod
    def of_columns(cls, problem: Problem, lse: Tensor, grad: Tensor, shift: float | None) -> Side:
        """The text-to-image direction; every vector has shape (1, m)."""
        grad = grad if problem.to_image else torch.zeros_like(grad)
        return cls._build(problem, lse, grad, problem.targets.text_count, number_of_images(problem), shift, dim=0)

    @classmethod
    def _build(
        cls, problem: Problem, lse: Tensor, grad: Tensor, count: Tensor, others: int, shift: float | None, *, dim: int
    ) -> Side:
        dtype, smoothing = problem.scale.dtype, problem.label_smoothing
        weight = torch.where(count > 0, grad.double() * problem.scale.double(), 0.0)
        reference = lse.round()
        shared = None if shift is None else torch.where(weight != 0, weight * torch.exp2(shift - lse), 0.0)
        uniform = weight * (smoothing / max(1, others - problem.exclude_self)) if smoothing else None
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


class Tiles:
    """Walks z by tiles and does the work of one tile in buffers that are allocated once.

    Args:
        problem: What is being computed.
        buffers: Number of tile-sized buffers; the logits take the first.
        kept: Shape (b m,), the logits of all tiles, one tile after the other: they are made there, or found. None where
            they are not kept.
    """

    def __init__(self, problem: Problem, *, buffers: int, kept: Tensor | None = None) -> None:
        self.problem = problem
        on_cpu = problem.image.device.type == "cpu"
        rows, columns = _CPU_TILE if on_cpu else _GPU_TILE
        self.rows = max(1, min(problem.chunk_size or rows, problem.image.shape[0]))
        widest = max(problem.text.shape[0], 0 if problem.extra is None else problem.extra.shape[0])
        self.columns = max(1, min(columns, widest))
        self._buffers = problem.scale.new_empty(buffers, self.rows * self.columns)
        self._kept = kept
        # A number on the CPU, so that the matmul applies it; on a GPU reading it would wait for the device.
        self._factor = float(problem.scale) * LOG2_E if on_cpu else problem.scale * LOG2_E

    def row_spans(self) -> Iterator[slice]:
        """Consecutive blocks of images."""
        yield from _spans(self.problem.image.shape[0], self.rows)

    def text_panels(self, limit: int | None) -> list[slice]:
        """Consecutive panels of texts: whole blocks, one or as many as ``limit`` texts hold; None puts all into one."""
        size = self.problem.text.shape[0]
        step = size if limit is None else max(1, limit // self.columns) * self.columns
        return list(_spans(size, step))

    def column_blocks(self, panel: slice | None = None) -> Iterator[Columns]:
        """Consecutive blocks of a panel of texts (or all), and after the last, if rows are wanted, of extra texts."""
        texts = self.problem.text.shape[0]
        panel = panel or slice(0, texts)
        for inner in _spans(panel.stop - panel.start, self.columns):
            span = slice(panel.start + inner.start, panel.start + inner.stop)
            yield Columns(features=self.problem.text[span], span=span, is_extra=False)
        if self.problem.extra is not None and self.problem.to_text and panel.stop == texts:
            for span in _spans(self.problem.extra.shape[0], self.columns):
                yield Columns(features=self.problem.extra[span], span=span, is_extra=True)

    def buffer(self, index: int, like: Tensor) -> Tensor:
        """The buffer ``index``, in the shape of ``like``."""
        return self._buffers[index, : like.numel()].view(like.shape)

    def logits(self, u: Tensor, v: Tensor, span: slice, block: Columns) -> Tensor:
        """Logits z, in bits, for a block of images and of texts, in buffer 0 or where they are kept."""
        z = self.kept(span, block)
        if z is None:
            z = self._buffers[0, : u.shape[0] * v.shape[0]].view(u.shape[0], v.shape[0])
        if isinstance(self._factor, float):
            return torch.addmm(z, u, v.t(), beta=0, alpha=self._factor, out=z)
        return torch.mm(u, v.t(), out=z).mul_(self._factor)

    def kept(self, span: slice, block: Columns) -> Tensor | None:
        """Where the logits of a tile are kept, shape (images of the span, texts of the block); None if they are not."""
        if self._kept is None:
            return None
        rows, columns = span.stop - span.start, block.span.stop - block.span.start
        start = span.start * self.problem.text.shape[0] + rows * block.span.start
        return self._kept[start : start + rows * columns].view(rows, columns)

    def own_pairs(self, tile: Tensor, span: slice, block: Columns) -> tuple[slice, Tensor] | None:
        """The pairs of an image and its own text inside a tile: the texts, and a view of the elements; None if none."""
        if block.is_extra:
            return None
        first = self.problem.first_pair
        low, high = max(span.start + first, block.span.start), min(span.stop + first, block.span.stop)
        if low >= high:
            return None
        rows = slice(low - first - span.start, high - first - span.start)
        inside = tile[rows, low - block.span.start : high - block.span.start]
        return slice(low, high), inside.diagonal()

    def fill_excluded(self, tile: Tensor, span: slice, block: Columns, value: float) -> None:
        """Sets the excluded pairs of a tile, if the call excludes any."""
        if self.problem.exclude_self and (own := self.own_pairs(tile, span, block)):
            own[1].fill_(value)

    def targets(self, like: Tensor, span: slice, block: Columns, *, buffer: int) -> Tensor | None:
        """The targets q of one tile in a buffer; None where they are known to be 0. Not for pairs."""
        q = self.problem.targets.tile(span, block.span, self.buffer(buffer, like), is_extra=block.is_extra)
        if q is not None:
            self.fill_excluded(q, span, block, 0.0)
        return q

    def gradient(
        self, z: Tensor, span: slice, block: Columns, rows: Side, columns: Side, shift: float | None
    ) -> Tensor:
        """The gradient s dL/dz of one tile, in buffer 1; z is kept, buffer 2 is scratch."""
        g, scratch = self.buffer(1, z), self.buffer(2, z)
        sees_columns = self.problem.to_image and not block.is_extra
        if shift is not None and rows.shared is not None and columns.shared is not None:
            torch.sub(z, shift, out=g).exp2_()
            if sees_columns:
                g.mul_(torch.add(rows.shared[span], columns.shared[:, block.span], out=scratch))
            else:
                g.mul_(rows.shared[span])
        elif self.problem.to_text:
            torch.sub(z, rows.reference[span], out=g).exp2_().mul_(rows.factor[span])
            if sees_columns:
                torch.sub(z, columns.reference[:, block.span], out=scratch).exp2_()
                g.addcmul_(scratch, columns.factor[:, block.span])
        else:
            torch.sub(z, columns.reference[:, block.span], out=g).exp2_().mul_(columns.factor[:, block.span])
        self._subtract_targets(g, span, block, rows, columns)
        return g

    def _subtract_targets(self, g: Tensor, span: slice, block: Columns, rows: Side, columns: Side) -> None:
        sees_columns = not block.is_extra
        if self.problem.targets.kind == "pairs":
            if own := self.own_pairs(g, span, block):
                texts, diagonal = own
                images = slice(texts.start - self.problem.first_pair, texts.stop - self.problem.first_pair)
                diagonal.sub_(rows.target[images, 0] + columns.target[0, texts])
        elif (q := self.targets(g, span, block, buffer=2)) is not None:
            g.addcmul_(q, rows.target[span], value=-1)
            if sees_columns:
                g.addcmul_(q, columns.target[:, block.span], value=-1)
        if rows.uniform is not None and columns.uniform is not None:
            g.sub_(rows.uniform[span])
            if sees_columns:
                g.sub_(columns.uniform[:, block.span])
        self.fill_excluded(g, span, block, 0.0)


def number_of_images(problem: Problem) -> int:
    """Number of rows that a column sees, over all ranks."""
    return problem.image.shape[0] if problem.all_images is None else problem.all_images


def is_bounded(problem: Problem) -> bool:
    """Whether no logit can leave +-70 bits, so that its power of two needs no maximum taken off.

    Known only on the CPU: elsewhere, reading it would wait for the device.
    """
    if problem.image.device.type != "cpu":
        return False
    longest = 1.0
    for features in (problem.image, problem.text, problem.extra):
        if features is not None and features.numel():
            longest = max(longest, float(torch.linalg.vector_norm(features, dim=1, dtype=problem.scale.dtype).max()))
    return float(problem.scale) * LOG2_E * longest**2 <= _SAFE_BITS


def common_shift(problem: Problem, row_lse: Tensor, column_lse: Tensor) -> float | None:
    """A constant that can stand in for every log-sum-exp inside the exponential, or None (always None on a GPU)."""
    if problem.image.device.type != "cpu":
        return None
    wanted = [lse for lse, flag in ((row_lse, problem.to_text), (column_lse, problem.to_image)) if flag and lse.numel()]
    low, high = min(float(lse.min()) for lse in wanted), max(float(lse.max()) for lse in wanted)
    # Whole, so that float32 holds it exactly.
    return float(round((low + high) / 2)) if high - low <= _SAFE_SPREAD else None


def _spans(size: int, step: int) -> Iterator[slice]:
    for start in range(0, size, step):
        yield slice(start, min(start + step, size))
