"""The checks of features, ids and lists of words that all measures share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from unicl.loss import check_features, check_finite

UNIT_TOLERANCE = 1e-2  # bfloat16 keeps 8 bits: a unit row stored in it is off by at most 4e-3


def check_finite_rows(name: str, features: Tensor, *, may_be_empty: bool = False) -> None:
    """Refuses features that are not a finite floating-point matrix. The message names the first bad row."""
    check_features(name, features, may_be_empty=may_be_empty)
    check_finite(name, features)


def check_unit_rows(name: str, features: Tensor) -> None:
    """Refuses features, as :func:`check_finite_rows` does, and also rows whose norm is not 1.

    The check of the loss would advise ``normalize=True``, which the measures do not have.
    """
    check_finite_rows(name, features)
    norms = features.detach().float().norm(dim=1)
    off = (norms - 1).abs() > UNIT_TOLERANCE
    if off.any():
        row = int(off.nonzero()[0])
        raise ValueError(
            f"expected {name} with rows of norm 1; row {row} has norm {norms[row].item():.4g}: normalise them first"
        )


def check_ids(name: str, ids: Tensor, count: int) -> None:
    """Refuses ids that are not ``count`` integers."""
    if not isinstance(ids, Tensor):
        raise TypeError(f"expected {name} as a torch.Tensor; got {type(ids).__name__}")
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise TypeError(f"expected integers in {name}; got {ids.dtype}")
    if ids.shape != (count,):
        raise ValueError(f"expected {name} of shape ({count},), one id a row; got {tuple(ids.shape)}")


def check_listed(name: str, values: Sequence[object], example: str) -> None:
    """Refuses a single string in the place of a list, and an empty list."""
    if isinstance(values, str):
        raise TypeError(f"expected {name} as a list; got the single string {values!r}: put it in a list")
    if not values:
        raise ValueError(f"expected at least one of {name}; got none: give e.g. {example}")


def unit_rows(features: Float[Tensor, "n d"], name_of: Callable[[int], str]) -> Float[Tensor, "n d"]:
    """Normalises features in float32 or higher, or refuses the first that has no direction.

    Args:
        features: The features.
        name_of: Names a row for the message.

    Raises:
        ValueError: The norm of a row is 0 or not finite.
    """
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    norms: Tensor = features.norm(dim=1, keepdim=True)
    bad = ~(norms.isfinite() & (norms > 0)).flatten()
    if bad.any():
        row = int(bad.nonzero()[0, 0])
        raise ValueError(f"expected a finite norm > 0; {name_of(row)} has norm {norms[row].item()}")
    return features / norms
