"""The work inside one tile of the logits: the logits, the targets, and the gradient of the logits.

Legend: ``b`` images ``u_i``, ``m`` texts ``v_j``, ``k`` extra texts, ``d`` width, ``s`` the logit scale. Every
z_ij = s u_i.v_j here is in bits: multiplied by log2(e), for exponentials of base 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from unicl.loss.directions import Direction
from unicl.loss.problem import LOG2_E, Problem

__all__ = ["Block", "Tiles"]

# A tile of 1024 x 512 float32 is 2 MiB: it stays in the L2 and L3 caches, and the matmul runs at full speed. In all it
# is 3 % faster than 512 x 1024, and 10 % faster than 256 x 512.
_CPU_TILE = (1024, 512)
# Few launches, and elementwise passes of 64 MiB.
_GPU_TILE = (2048, 8192)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of columns of z: texts, or extra texts, which only the rows see.

    Attributes:
        features: The features of these texts.
        span: Which texts, or which extra texts.
        is_extra: Whether they are extra texts.
    """

    features: Float[Tensor, "columns d"]
    span: slice
    is_extra: bool


class Tiles:
    """Walks z by tiles and does the work of one tile in buffers that are allocated once.

    Args:
        problem: What is being computed.
        buffers: Number of tile-sized buffers; the logits take the first.
        kept: The logits of all tiles, one tile after the other: forward makes them there, and backward finds them. None
            where they are not kept.
    """

    def __init__(self, problem: Problem, *, buffers: int, kept: Float[Tensor, " logits"] | None = None) -> None:
        self.problem = problem
        on_cpu = problem.image.device.type == "cpu"
        rows, columns = _CPU_TILE if on_cpu else _GPU_TILE
        self.rows = max(1, min(problem.modes.chunk_size or rows, problem.image.shape[0]))
        widest = max(problem.text.shape[0], 0 if problem.extra is None else problem.extra.shape[0])
        self.columns = max(1, min(columns, widest))
        self._buffers = problem.scale.new_empty(buffers, self.rows * self.columns)
        self._kept = kept
        # A number on the CPU, so that the matmul applies it; on a GPU reading it would wait for the device.
        self._factor = float(problem.scale) * LOG2_E if on_cpu else problem.scale * LOG2_E

    def row_spans(self) -> Iterator[slice]:
        """Gives consecutive blocks of images."""
        yield from _spans(self.problem.image.shape[0], self.rows)

    def text_panels(self, limit: int | None) -> list[slice]:
        """Gives consecutive panels of whole blocks of texts.

        Args:
            limit: Texts of a panel at most, though a panel has at least one block; None puts all into one panel.
        """
        size = self.problem.text.shape[0]
        step = size if limit is None else max(1, limit // self.columns) * self.columns
        return list(_spans(size, step))

    def column_blocks(self, panel: slice | None = None) -> Iterator[Block]:
        """Gives consecutive blocks of a panel of texts (or of all); extra texts, if rows want them, follow the last."""
        texts = self.problem.text.shape[0]
        panel = panel or slice(0, texts)
        for inner in _spans(panel.stop - panel.start, self.columns):
            span = slice(panel.start + inner.start, panel.start + inner.stop)
            yield Block(features=self.problem.text[span], span=span, is_extra=False)
        if self.problem.extra is not None and self.problem.modes.to_text and panel.stop == texts:
            for span in _spans(self.problem.extra.shape[0], self.columns):
                yield Block(features=self.problem.extra[span], span=span, is_extra=True)

    def buffer(self, index: int, like: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
        """Gives the buffer ``index``, in the shape of ``like``."""
        return self._buffers[index, : like.numel()].view(like.shape)

    def logits(
        self, u: Float[Tensor, "rows d"], v: Float[Tensor, "columns d"], span: slice, block: Block
    ) -> Float[Tensor, "rows columns"]:
        """Computes the logits z, in bits, of a block of images and of texts, in buffer 0 or where they are kept."""
        z = self.kept(span, block)
        if z is None:
            z = self._buffers[0, : u.shape[0] * v.shape[0]].view(u.shape[0], v.shape[0])
        if isinstance(self._factor, float):
            return torch.addmm(z, u, v.t(), beta=0, alpha=self._factor, out=z)
        return torch.mm(u, v.t(), out=z).mul_(self._factor)

    def kept(self, span: slice, block: Block) -> Float[Tensor, "rows columns"] | None:
        """Gives the place where the logits of a tile are kept; None if they are not kept."""
        if self._kept is None:
            return None
        rows, columns = span.stop - span.start, block.span.stop - block.span.start
        start = span.start * self.problem.text.shape[0] + rows * block.span.start
        return self._kept[start : start + rows * columns].view(rows, columns)

    def own_pairs(
        self, tile: Float[Tensor, "rows columns"], span: slice, block: Block
    ) -> tuple[slice, Float[Tensor, " pairs"]] | None:
        """Finds the pairs of an image and its own text inside a tile: the texts, and a view of the elements."""
        if block.is_extra:
            return None
        first = self.problem.first_pair
        low, high = max(span.start + first, block.span.start), min(span.stop + first, block.span.stop)
        if low >= high:
            return None
        rows = slice(low - first - span.start, high - first - span.start)
        inside = tile[rows, low - block.span.start : high - block.span.start]
        return slice(low, high), inside.diagonal()

    def fill_excluded(self, tile: Float[Tensor, "rows columns"], span: slice, block: Block, value: float) -> None:
        """Sets the excluded pairs of a tile, if the call excludes any."""
        if self.problem.modes.exclude_self and (own := self.own_pairs(tile, span, block)):
            own[1].fill_(value)

    def targets(
        self, like: Float[Tensor, "rows columns"], span: slice, block: Block, *, buffer: int
    ) -> Float[Tensor, "rows columns"] | None:
        """Makes the targets q of one tile in a buffer; gives None where q is known to be 0. Not for pairs."""
        q = self.problem.targets.tile(span, block.span, self.buffer(buffer, like), is_extra=block.is_extra)
        if q is not None:
            self.fill_excluded(q, span, block, 0.0)
        return q

    def gradient(
        self,
        z: Float[Tensor, "rows columns"],
        span: slice,
        block: Block,
        rows: Direction,
        columns: Direction,
        shift: float | None,
    ) -> Float[Tensor, "rows columns"]:
        """Computes the gradient s dL/dz of one tile in buffer 1; z is kept, and buffer 2 is scratch."""
        g, scratch = self.buffer(1, z), self.buffer(2, z)
        sees_columns = self.problem.modes.to_image and not block.is_extra
        if shift is not None and rows.shared is not None and columns.shared is not None:
            torch.sub(z, shift, out=g).exp2_()
            if sees_columns:
                g.mul_(torch.add(rows.shared[span], columns.shared[:, block.span], out=scratch))
            else:
                g.mul_(rows.shared[span])
        elif self.problem.modes.to_text:
            torch.sub(z, rows.reference[span], out=g).exp2_().mul_(rows.factor[span])
            if sees_columns:
                torch.sub(z, columns.reference[:, block.span], out=scratch).exp2_()
                g.addcmul_(scratch, columns.factor[:, block.span])
        else:
            torch.sub(z, columns.reference[:, block.span], out=g).exp2_().mul_(columns.factor[:, block.span])
        self._subtract_targets(g, span, block, rows, columns)
        return g

    def _subtract_targets(self, g: Tensor, span: slice, block: Block, rows: Direction, columns: Direction) -> None:
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


def _spans(size: int, step: int) -> Iterator[slice]:
    for start in range(0, size, step):
        yield slice(start, min(start + step, size))
