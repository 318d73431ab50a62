"""Which tile a kernel runs with: a fixed one, or the fastest of a short list, timed once for each kind of problem.

A tile decides the order of the sums, so a choice by time is not bitwise the same from run to run: it is made only where
the caller said ``deterministic=False``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import torch
import triton  # type: ignore[import-untyped]
from torch import Tensor

__all__ = ["TILES", "Tile", "choose", "chosen_tiles", "interprets", "tiles_for"]

Tile = Mapping[str, int]


def _tile(rows: int, columns: int, inner: int, *, warps: int, stages: int) -> Tile:
    return {"BM": rows, "BN": columns, "BK": inner, "num_warps": warps, "num_stages": stages}


# Spills a few registers on sm_90 if i = j is excluded, and is the largest that passes the gates if not.
_NOT_EXCLUDING = _tile(128, 128, 32, warps=8, stages=3)
# By kernel, whether labels come in sets, and whether features are float32, which is multiplied exactly and by no tensor
# core: the fixed tile, and what may be faster. All pass the gates on sm_80, 90 and 100 (benches/loss/aot.py: nothing
# spilled, shared memory within the limit), but for one kind of gradient kernel: overlap="any" with rows alone
# spills 16 to 24 bytes a thread on sm_80, and in float32 on sm_100. No GPU has timed any.
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
# The interpreter runs programs one after another in numpy, and its times say nothing.
_INTERPRETED: Tile = {"BM": 16, "BN": 16, "BK": 16}

_chosen: dict[tuple[Hashable, ...], Tile] = {}


def choose(
    kernel: str,
    u: Tensor,
    v: Tensor,
    constants: Mapping[str, Any],
    launch: Callable[[Tile], object],
    *,
    labels_a_row: tuple[float, float] = (1.0, 1.0),
    deterministic: bool,
) -> Tile:
    """The tile for one launch.

    Args:
        kernel: Its name, as in TILES.
        u: Shape (b, d), the images of the launch.
        v: Shape (m, d), its texts.
        constants: What the kernel is compiled for beside the tile.
        launch: Runs the kernel with a tile; called many times if tiles are timed.
        labels_a_row: How many labels an image and a text have on average, for sets: a tile costs their product.
        deterministic: Take the fixed tile.
    """
    if interprets():
        return _INTERPRETED
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
    """The tiles that a kernel may run with, the fixed one first."""
    return tuple(tile for tile in TILES[kernel, sets, exact] if not (exclude and tile is _NOT_EXCLUDING))


def chosen_tiles() -> dict[tuple[Hashable, ...], Tile]:
    """What was chosen so far in this process: kernel, device, dtype, constants and rounded b, m, d, labels to tile."""
    return dict(_chosen)


def interprets() -> bool:
    """Whether triton interprets kernels instead of compiling them."""
    return bool(triton.knobs.runtime.interpret)


def _bucket(size: int) -> int:
    """The least power of two that is not below the size."""
    return 1 << max(0, size - 1).bit_length()


def _milliseconds(run: Callable[[], object]) -> float:
    return float(triton.testing.do_bench(run, return_mode="median"))
