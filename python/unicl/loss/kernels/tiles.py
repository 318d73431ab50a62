"""The tiles of the kernels: one for each kernel and kind of features, so that sums have one order from run to run.

Every tile passes the gates of benches/loss/aot.py on sm_80, 90 and 100: nothing spilled, shared memory within the
limit. The reason of each stands beside it. "Measured" is on an H100 on 2026-11-27, in a chunk of 4,096 or 8,192 rows
x 65,536 x 768 in bfloat16; benches/record/2026-11-27-h100 has the figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from unicl.loss.kernels.card import INTERPRETED, card_of

__all__ = ["EXCLUDING", "ON_BLACKWELL", "TILES", "Tile", "tile_for", "tile_on"]

Tile: TypeAlias = Mapping[str, int]


def _tile(rows: int, columns: int, inner: int, *, warps: int, stages: int) -> Tile:
    return {"BM": rows, "BN": columns, "BK": inner, "num_warps": warps, "num_stages": stages}


#: The tile of a kernel, and whether features are float32, which is multiplied exactly and by no tensor core.
TILES: dict[tuple[str, bool], Tile] = {
    # The largest that spills nothing.
    ("sums_kernel", False): _tile(128, 128, 32, warps=8, stages=3),
    ("sums_kernel", True): _tile(64, 64, 16, warps=8, stages=3),
    # Measured: 322 TFLOP/s, and no larger one fits beside two exponentials.
    ("gradient_kernel", False): _tile(128, 128, 64, warps=8, stages=3),
    ("gradient_kernel", True): _tile(64, 64, 16, warps=8, stages=3),
    # Measured: 614 and 665 TFLOP/s with 3 or 4 stages; rows pass, so the tile is high.
    ("shared_sums_kernel", False): _tile(256, 128, 64, warps=8, stages=3),
    # Measured: 601 and 606 TFLOP/s; the output takes as much shared memory as two stages.
    ("shared_gradient_kernel", False): _tile(128, 256, 64, warps=8, stages=3),
    # Small, since labels meet in a narrow band, and rows are gathered one by one. Not measured.
    ("positives_kernel", False): _tile(64, 64, 64, warps=8, stages=3),
    ("positives_kernel", True): _tile(32, 32, 16, warps=4, stages=3),
    # The targets of sets take more registers still.
    ("targets_kernel", False): _tile(16, 32, 64, warps=4, stages=3),
    ("targets_kernel", True): _tile(32, 32, 16, warps=8, stages=3),
}
#: The tile where i = j is excluded, if the other one spills then.
EXCLUDING: dict[tuple[str, bool], Tile] = {("sums_kernel", False): _tile(128, 64, 64, warps=8, stages=3)}
#: The tile on sm_100, where the one of sm_90 spills: accumulators come from a memory of their own. Not measured.
ON_BLACKWELL: dict[tuple[str, bool], Tile] = {
    ("gradient_kernel", False): _tile(64, 128, 64, warps=8, stages=3),
    ("shared_sums_kernel", False): _tile(256, 64, 64, warps=8, stages=3),
    ("shared_gradient_kernel", False): _tile(128, 128, 64, warps=8, stages=4),
}
# The interpreter runs programs one after another in numpy.
_INTERPRETED_TILE: Tile = {"BM": 16, "BN": 16, "BK": 16}


def tile_for(kernel: str, features: Float[Tensor, "rows d"], *, excludes: bool = False) -> Tile:
    """Gives the tile of a launch.

    Args:
        kernel: Its name, as in TILES.
        features: Those of the launch.
        excludes: Whether i = j is excluded.
    """
    if INTERPRETED:
        return _INTERPRETED_TILE
    is_exact = features.dtype == torch.float32
    return tile_on(card_of(features.device).capability, kernel, is_exact=is_exact, excludes=excludes)


def tile_on(capability: int, kernel: str, *, is_exact: bool, excludes: bool) -> Tile:
    """Gives the tile of a kernel on a chip, for features that are multiplied exactly (float32) or not."""
    key = (kernel, is_exact)
    if excludes and key in EXCLUDING:
        return EXCLUDING[key]
    return ON_BLACKWELL.get(key, TILES[key]) if 100 <= capability < 120 else TILES[key]
