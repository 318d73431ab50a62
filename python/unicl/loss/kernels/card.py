"""What the kernels need to know of a GPU."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
import triton  # type: ignore[import-untyped]

__all__ = ["INTERPRETED", "Card", "card_of"]

# Whether triton interprets kernels instead of compiling them. Kernels are one or the other from their import on.
INTERPRETED = bool(triton.knobs.runtime.interpret)


class Card(NamedTuple):
    """A GPU.

    Attributes:
        capability: Ten times the major compute capability and the minor one: 80 (A100), 90 (H100), 100 (B200).
        processors: Number of streaming multiprocessors.
    """

    capability: int
    processors: int

    @property
    def takes_fast_kernels(self) -> bool:
        """Whether it copies tiles by descriptors (the tensor memory accelerator), and holds the tiles in shared memory.

        These are sm_90 and sm_100. From sm_120 on there are descriptors, and half the shared memory.
        """
        return 90 <= self.capability < 120


# What the interpreter plays.
_INTERPRETED_CARD = Card(capability=90, processors=2)


@cache
def card_of(device: torch.device) -> Card:
    """Gives the GPU of a device; the one that the interpreter plays, if triton interprets."""
    if INTERPRETED:
        return _INTERPRETED_CARD
    properties = torch.cuda.get_device_properties(device)
    return Card(capability=10 * properties.major + properties.minor, processors=properties.multi_processor_count)
