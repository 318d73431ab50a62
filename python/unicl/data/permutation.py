"""Permutes [0, n) by a key, for any n, as a formula: no table, and each index by itself.

An index is a cell of a grid with an even number of columns and about as many rows. A round shifts the row of a cell by
a keyed hash of its column, and then rows and columns swap their roles: a Feistel network over two remainders (Black
and Rogaway 2002, "Ciphers with Arbitrary Finite Domains"). A cell beyond n goes through the network again until it
lands below n. The grid has fewer than a row of such cells, so this is rare for large n. With an odd number of columns
and rows, every permutation would be even. It is a shuffle of good statistical quality, and no cipher.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Words = np.ndarray[Any, np.dtype[np.uint64]]

ROUNDS = 8
SMALL = 1024
"""Grids of fewer cells go through the rounds three times: 8 rounds leave the permutations of 5 rows visibly unequal."""

_GOLDEN, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_HALF, _ONE, _TWO = np.uint64(32), np.uint64(1), np.uint64(2)
_ROUND_FACTORS = np.random.SeedSequence(0).generate_state(ROUNDS, np.uint64) | _ONE


def seed_key(seed: int) -> np.uint64:
    """Gives the key of a seed, any int >= 0."""
    return np.uint64(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])


def derive_keys(keys: ArrayLike, number: ArrayLike) -> Words:
    """Gives keys for a further number, such as an epoch: each pair of key and number has its own."""
    mixed: Words = np.atleast_1d(keys) + (np.atleast_1d(number).astype(np.uint64) + _ONE) * _GOLDEN
    for _ in range(2):
        mixed = (mixed ^ mixed >> _HALF) * _MIX
    return mixed ^ mixed >> _HALF


def permute(indices: ArrayLike, lengths: ArrayLike, keys: ArrayLike) -> NDArray[np.int64]:
    """Maps each index below its length to another, one to one for each length and key.

    Args:
        indices: The indices (n,), each in [0, length).
        lengths: The length of each index's range, in [1, 2^50], or one for all.
        keys: The key of each index, or one for all.
    """
    words = (np.asarray(each).astype(np.uint64) for each in (indices, lengths, keys))
    cells, ends, keys = np.broadcast_arrays(*words)
    root = np.ceil(np.sqrt(ends)).astype(np.uint64)
    columns = np.maximum(root + (root & _ONE), _TWO)
    rows = np.maximum((ends + columns - _ONE) // columns, _TWO)
    cells = _shuffle(cells, rows, columns, keys)
    (beyond,) = np.nonzero(cells >= ends)
    while len(beyond):
        cells[beyond] = _shuffle(cells[beyond], rows[beyond], columns[beyond], keys[beyond])
        beyond = beyond[cells[beyond] >= ends[beyond]]
    return cells.astype(np.int64)


def _shuffle(cells: Words, rows: Words, columns: Words, keys: Words) -> Words:
    """Shuffles the cells of grids, those of small grids more often."""
    shuffled = _network(cells, rows, columns, keys)
    (small,) = np.nonzero(rows * columns < SMALL)
    if len(small):
        for again in range(2):
            of_pass = derive_keys(keys[small], again)
            shuffled[small] = _network(shuffled[small], rows[small], columns[small], of_pass)
    return shuffled


def _network(cells: Words, rows: Words, columns: Words, keys: Words) -> Words:
    left = cells // columns
    right = cells - left * columns
    size, other = rows, columns
    for factor in _ROUND_FACTORS:
        mixed = (right + keys * factor) * _GOLDEN
        mixed = (mixed ^ (mixed >> _HALF)) * _MIX
        left = left + ((mixed >> _HALF) * size >> _HALF)
        left = np.minimum(left, left - size)  # modulo size: below it, the difference wraps to a huge number
        left, right, size, other = right, left, other, size
    return left * columns + right
