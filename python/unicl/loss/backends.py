"""The backends that walk the logits by tiles, and the choice of one by its name.

The reference is no such backend: ``functional`` computes the equation by it, and autograd its gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from unicl.loss.directions import Losses, Sums
from unicl.loss.modes import BackendName
from unicl.loss.problem import Problem
from unicl.loss.tiled import passes as tiled

__all__ = ["Backend", "backend_for", "backend_named"]

_HAS_TRITON = find_spec("triton") is not None


class Backend(Protocol):
    """A module that computes the losses of a problem and their gradients."""

    COUNTS: bool

    def check_device(self, features: Float[Tensor, "rows d"]) -> None:
        """Refuses features that the backend cannot compute with."""

    def can_keep_logits(self, problem: Problem) -> bool:
        """Tells whether forward can keep the logits of this problem for backward."""

    def forward(
        self,
        problem: Problem,
        merge: Callable[[Sums], None] | None = None,
        kept: Float[Tensor, " logits"] | None = None,
    ) -> Losses:
        """Gives losses, log-sum-exps in bits and sums of q: see ``unicl.loss.tiled.passes``."""

    def backward(
        self,
        problem: Problem,
        row_lse: Float[Tensor, " b"],
        column_lse: Float[Tensor, " m"],
        row_grad: Float[Tensor, " b"],
        column_grad: Float[Tensor, " m"],
        *,
        wants_image: bool = True,
        wants_text: bool = True,
        kept: Float[Tensor, " logits"] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Gives the gradients of images, texts and scale: see ``unicl.loss.tiled.passes``."""


def backend_for(name: BackendName, features: Float[Tensor, "rows d"]) -> BackendName:
    """Gives the name of a backend for features: "auto" becomes "triton" wherever its kernels are right.

    These are GPUs of NVIDIA from compute capability 8.0 on, with features of at most 32 bits.
    """
    if name != "auto":
        return name
    has_kernels = (
        features.is_cuda
        and _HAS_TRITON
        and torch.version.hip is None
        and features.dtype != torch.float64
        and torch.cuda.get_device_capability(features.device) >= (8, 0)
    )
    return "triton" if has_kernels else "tiled"


def backend_named(name: BackendName) -> Backend:
    """Gives the backend of a name that ``backend_for`` gave; "auto" is "tiled".

    Triton is imported only here, and only if it is asked for. ``torch.compile`` can trace the import, as it is a
    statement.
    """
    if name == "triton":
        from unicl.loss.kernels import passes as kernels

        return kernels
    return tiled
