"""Chooses the tile of a kernel: a fixed one, or the fastest of a short list, timed once for each kind of problem.

A tile decides the order of the sums, so a choice by time is not bitwise the same from run to run. It is made only with
``deterministic=False``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import TypeAlias

import torch
import triton  # type: ignore[import-untyped]
from jaxtyping import Float
from torch import Tensor

__all__ = ["INTERPRETED", "TILES", "Tile", "choose", "chosen_tiles", "tiles_for"]

Tile: TypeAlias = Mapping[str, int]

# Whether triton interprets kernels instead of compiling them. Kernels are one or the other from their import on.
INTERPRETED = bool(triton.knobs.runtime.interpret)


def _tile(rows: int, columns: int, inner: int, *, warps: int, stages: int) -> Tile:
    return {"BM": rows, "BN": columns, "BK": inner, "num_warps": warps, "num_stages": stages}


# Spills a few registers on sm_90 if i = j is excluded, and is the largest that passes the gates if not.
_NOT_EXCLUDING = _tile(128, 128, 32, warps=8, stages=3)
# The fixed tile, and others that may be faster. The key is the kernel, whether labels are sets, and whether features
# are float32, which is multiplied exactly and by no tensor core. All pass the gates on sm_80, 90 and 100
# (benches/loss/aot.py: nothing spilled, shared memory within the limit), except one kind of gradient kernel:
# overlap="any" with rows alone spills 16 to 24 bytes a thread on sm_80, and in float32 on sm_100. No GPU has timed any.
TILES: dict[tuple[str, bool, bool], tuple[Tile, ...]] = {
    ("sums_kernel", False, False): (
        _NOT_EXCLUDING,
        _tile(128, 64, 64, warps=8, stages=3),
        _tile(64, 128, 64, warps=8, stages=3),
    ),
    ("sums_kernel", True, False): (
        _tile(128, 32, 64, warps=8, stages=3),
        _tile(64, 64, 64, warps=8, stages=3),
    ),
    ("gradient_kernel", False, False): (
        _tile(128, 128, 64, warps=8, stages=3),
        _tile(128, 128, 32, warps=8, stages=4),
        _tile(128, 64, 64, warps=4, stages=3),
    ),
    ("gradient_kernel", True, False): (
        _tile(64, 64, 64, warps=8, stages=3),
        _tile(128, 32, 64, warps=8, stages=3),
    ),
    ("sums_kernel", False, True): (
        _tile(128, 64, 16, warps=8, stages=3),
        _tile(64, 64, 16, warps=8, stages=3),
    ),
    ("sums_kernel", True, True): (_tile(64, 64, 16, warps=8, stages=3),),
    ("gradient_kernel", False, True): (
        _tile(64, 64, 32, warps=8, stages=3),
        _tile(64, 64, 16, warps=8, stages=3),
        _tile(64, 32, 32, warps=4, stages=3),
    ),
    ("gradient_kernel", True, True): (_tile(64, 32, 16, warps=8, stages=3),),
}
# The interpreter runs programs one after another in numpy, and its times mean nothing.
_INTERPRETED_TILE: Tile = {"BM": 16, "BN": 16, "BK": 16}

_chosen: dict[tuple[Hashable, ...], Tile] = {}


def choose(
    kernel: str,
    u: Float[Tensor, "b d"],
    v: Float[Tensor, "m d"],
    constants: Mapping[str, bool],
    launch: Callable[[Tile], object],
    *,
    labels_a_row: tuple[float, float] = (1.0, 1.0),
    deterministic: bool,
) -> Tile:
    """Gives the tile for one launch.

    Args:
        kernel: Its name, as in TILES.
        u: The images of the launch.
        v: The texts of the launch.
        constants: The compile-time constants of the kernel besides the tile.
        launch: Runs the kernel with a tile; called many times if tiles are timed.
        labels_a_row: The average number of labels of an image and of a text. With sets, the cost of a tile grows with
            their product.
        deterministic: Whether to take the fixed tile.
    """
    if INTERPRETED:
        return _INTERPRETED_TILE
    tiles = tiles_for(kernel, sets=constants["SETS"], exact=u.dtype == torch.float32, exclude=constants["EXCLUDE"])
    # Nothing can be timed while a CUDA graph records, for nothing runs.
    if deterministic or len(tiles) == 1 or torch.cuda.is_current_stream_capturing():
        return tiles[0]
    sizes = (_bucket(size) for size in (u.shape[0], v.shape[0], u.shape[1], *map(math.ceil, labels_a_row)))
    kind = (kernel, u.device, u.dtype, *constants.values(), *sizes)
    if kind not in _chosen:
        _chosen[kind] = min(tiles, key=lambda tile: _milliseconds(lambda: launch(tile)))
    return _chosen[kind]


def tiles_for(kernel: str, *, sets: bool, exact: bool, exclude: bool) -> tuple[Tile, ...]:
    """Gives the tiles that a kernel may run with, the fixed one first."""
    return tuple(tile for tile in TILES[kernel, sets, exact] if not (exclude and tile is _NOT_EXCLUDING))


def chosen_tiles() -> dict[tuple[Hashable, ...], Tile]:
    """Gives the choices of this process so far.

    The key is kernel, device, dtype, constants, and rounded b, m, d and labels a row; the value is the tile.
    """
    return dict(_chosen)


def _bucket(size: int) -> int:
    """Gives the least power of two that is not below the size."""
    return 1 << max(0, size - 1).bit_length()


def _milliseconds(run: Callable[[], object]) -> float:
    return float(triton.testing.do_bench(run, return_mode="median"))
