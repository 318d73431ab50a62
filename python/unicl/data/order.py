"""The order of samples: shuffled epochs over a source, each a pure function of the seed and the position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class ShuffledSource:
    """An endless stream over some indices. Every epoch is a fresh permutation, fixed by (seed, epoch).

    Args:
        indices: The indices of the stream; at least one.
        seed: Any int >= 0.

    Raises:
        ValueError: There are no indices.

    Example:
        >>> source = ShuffledSource([10, 20, 30], seed=0)
        >>> sorted(source.take(0, 3).tolist()), source.take(1, 2).tolist() == source.take(0, 3)[1:].tolist()
        ([10, 20, 30], True)
    """

    def __init__(self, indices: ArrayLike, *, seed: int) -> None:
        self.indices = np.asarray(indices, dtype=np.int64)
        if not len(self.indices):
            raise ValueError("expected at least one index in the source; got none")
        self.seed = seed

    def take(self, position: int, count: int) -> NDArray[np.int64]:
        """Gives the ``count`` indices from ``position`` on, across the ends of epochs."""
        parts, end = [], position + count
        while position < end:
            epoch, start = divmod(position, len(self.indices))
            order = np.random.default_rng((self.seed, epoch)).permutation(self.indices)
            part = order[start : start + end - position]
            parts.append(part)
            position += len(part)
        return np.concatenate(parts) if parts else self.indices[:0]
