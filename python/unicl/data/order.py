"""The order of samples: (seed, position) -> (source, row), as a formula without a table."""

from __future__ import annotations

import hashlib
import json
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from unicl.data.mix import MAX_POSITION, Mix
from unicl.data.permutation import derive_keys, permute, seed_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from numpy.typing import ArrayLike, NDArray

    from unicl.data.label_blocks import LabelBlocks


class SampleOrder:
    """An endless order of samples over some sources. Each position has one source and one row.

    The sources take turns in an even pattern that their weights fix. Each epoch of a source is a new shuffle of its
    rows. So an epoch has every row of its source once, and any position can be computed without those before it. The
    state of a run is ``{seed, position}``, whatever the number of ranks and workers.

    Args:
        lengths: The number of rows of each source, an integer in [1, 2^50].
        weights: The weight of each source; only their ratios count. None: the lengths, so that all sources end their
            epochs together. ``budget_weights`` divides budgets, such as half image-label and half image-text.
        seed: Any int >= 0.
        blocks: For some sources, by their number from 0: draws in blocks of rows that share a label.

    Attributes:
        lengths: The number of rows of each source.
        seed: The seed.
        fingerprint: A hash of the lengths, weights and blocks. States of other data have another one.

    Raises:
        TypeError: A length or the seed is no integer.
        ValueError: There is no source, a source has no rows, a weight is not finite and positive, the seed is
            negative, or blocks do not fit their source.

    Example:
        >>> order = SampleOrder([1000, 3000], weights=[1, 1], seed=7)
        >>> sources, rows = order.take(range(8))
        >>> sources.tolist(), rows.shape
        ([1, 0, 1, 0, 1, 0, 1, 0], (8,))
        >>> order.epoch_end(0, source=0), order.epoch_end(0, source=1)
        (2000, 5999)
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        weights: Sequence[int | float | Fraction] | None = None,
        seed: int = 0,
        blocks: Mapping[int, LabelBlocks] | None = None,
    ) -> None:
        self.lengths = [index(length) for length in lengths]
        self.seed, self._blocks = index(seed), dict(blocks or {})
        for source, length in enumerate(self.lengths):
            if not 1 <= length <= MAX_POSITION:
                raise ValueError(f"expected 1 to 2^50 rows in every source; source {source} has {length}")
        if weights is not None and len(weights) != len(self.lengths):
            raise ValueError(
                f"expected one weight a source; got {len(self.lengths)} sources and {len(weights)} weights"
            )
        if self.seed < 0:
            raise ValueError(f"expected a seed >= 0; got {seed}")
        for source, of_source in self._blocks.items():
            if not 0 <= source < len(self.lengths) or len(of_source) != self.lengths[source]:
                raise ValueError(
                    f"expected blocks of a source from 0 to {len(self.lengths) - 1}, with as many rows; "
                    f"got {len(of_source)} rows for source {source}"
                )
        self._mix = Mix(self.lengths if weights is None else weights)
        self._lengths = np.array(self.lengths, dtype=np.int64)
        self._keys = derive_keys(seed_key(self.seed), np.arange(len(self.lengths)))
        parts = [self.lengths, self._mix.weights, sorted((of, each.fingerprint()) for of, each in self._blocks.items())]
        self.fingerprint = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def take(self, positions: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Gives the source and the row at each position.

        Args:
            positions: Integers (n,) in [0, 2^50), in any order.

        Returns:
            The numbers of the sources and the numbers of the rows in them, each (n,).

        Raises:
            ValueError: The positions are no integers in that range.
        """
        positions = np.asarray(positions)
        if positions.size == 0:
            positions = positions.astype(np.int64)
        if positions.ndim != 1 or positions.dtype.kind not in "iu":
            raise ValueError(
                f"expected one-dimensional integer positions; got {positions.dtype} of shape {positions.shape}"
            )
        if len(positions) and not 0 <= positions.min() <= positions.max() < MAX_POSITION:
            raise ValueError(f"expected positions from 0 to 2^50 - 1; got {positions.min()} to {positions.max()}")
        sources, draws = self._mix.split(positions.astype(np.int64))
        lengths = self._lengths[sources]
        epochs, places = np.divmod(draws, lengths)
        keys = derive_keys(self._keys[sources], epochs)
        rows = permute(places, lengths, keys)
        for source, blocks in self._blocks.items():
            (own,) = np.nonzero(sources == source)
            rows[own] = blocks.take(places[own], keys[own])
        return sources, rows

    def counts(self, position: int) -> list[int]:
        """Gives how many samples of each source stand before a position."""
        return [self._mix.count(source, position) for source in range(len(self.lengths))]

    def epoch_at(self, position: int, *, source: int | None = None) -> int:
        """Gives how many epochs end at or before a position.

        Args:
            position: The position.
            source: The source that counts. None: the epochs that every source has ended.
        """
        epochs = [count // length for count, length in zip(self.counts(position), self.lengths, strict=True)]
        return min(epochs) if source is None else epochs[self._check_source(source)]

    def epoch_end(self, epoch: int, *, source: int | None = None) -> int:
        """Gives the position right after the last sample of an epoch; the next epoch begins there.

        Args:
            epoch: The number of the epoch, from 0. ``epoch_end(0)`` is the length of the first.
            source: The source that counts. None: the source that ends this epoch last.
        """
        sources = range(len(self.lengths)) if source is None else [self._check_source(source)]
        return max(self._mix.position(each, (epoch + 1) * self.lengths[each] - 1) for each in sources) + 1

    def state(self, position: int) -> dict[str, Any]:
        """Gives the state of a run that has had all samples before a position, as plain data."""
        return {"seed": self.seed, "position": position, "data": self.fingerprint}

    def position(self, state: Mapping[str, Any]) -> int:
        """Gives the position of a state.

        Raises:
            ValueError: The state is not one of this order: it lacks a part, or its seed or data differ.
        """
        if missing := {"seed", "position", "data"} - set(state):
            raise ValueError(f"expected a state with seed, position and data; got none of {', '.join(sorted(missing))}")
        if state["data"] != self.fingerprint:
            raise ValueError(
                f"expected a state of data with the fingerprint {self.fingerprint}; got {state['data']}: lengths, "
                f"weights or label blocks of the sources have changed, so start again at position 0"
            )
        if state["seed"] != self.seed:
            raise ValueError(f"expected a state with seed {self.seed}; got {state['seed']}: use its seed to go on")
        position = state["position"]
        if not isinstance(position, int) or not 0 <= position < MAX_POSITION:
            raise ValueError(f"expected a position from 0 to 2^50 - 1 in the state; got {position!r}")
        return position

    def _check_source(self, source: int) -> int:
        if not 0 <= source < len(self.lengths):
            raise ValueError(f"expected a source from 0 to {len(self.lengths) - 1}; got {source}")
        return source


def rank_positions(start: int, *, batch_size: int, rank: int = 0, world_size: int = 1) -> NDArray[np.int64]:
    """Gives the positions that one rank takes of the global batch that begins at ``start``.

    The batch is ``start`` to ``start + batch_size - 1``, whatever the number of ranks. Each rank takes consecutive
    positions, so that it gets every source of the mix. Shares differ by one where ``world_size`` is no divisor.

    Args:
        start: The first position of the batch.
        batch_size: The samples of the batch over all ranks.
        rank: The rank, from 0.
        world_size: The number of ranks.

    Example:
        >>> [rank_positions(100, batch_size=8, rank=rank, world_size=3).tolist() for rank in range(3)]
        [[100, 101], [102, 103, 104], [105, 106, 107]]
    """
    return np.arange(start + batch_size * rank // world_size, start + batch_size * (rank + 1) // world_size)
