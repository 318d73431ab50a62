"""What the kernels need to know of a GPU."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch

from unicl.loss.kernels.tiles import INTERPRETED

__all__ = ["Card", "card_of"]


class Card(NamedTuple):
    """A GPU.

    Attributes:
        capability: Ten times the major compute capability and the minor one: 80 (A100), 90 (H100), 100 (B200).
        processors: Number of streaming multiprocessors.
    """

    capability: int
    processors: int

    @property
    def has_tma(self) -> bool:
        """Whether it copies tiles by descriptors (the tensor memory accelerator), as from sm_90 on."""
        return self.capability >= 90


# What the interpreter plays.
_INTERPRETED_CARD = Card(capability=90, processors=2)


@cache
def card_of(device: torch.device) -> Card:
    """Gives the GPU of a device; the one that the interpreter plays, if triton interprets."""
    if INTERPRETED:
        return _INTERPRETED_CARD
    properties = torch.cuda.get_device_properties(device)
    return Card(capability=10 * properties.major + properties.minor, processors=properties.multi_processor_count)
