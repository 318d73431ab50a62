"""Checks of features, weights and the scale, with messages that hold the values.

Shapes, dtypes and devices are always checked. Values are read on the CPU only, and not under torch.compile. On a GPU,
reading a value makes the host wait for the device. In a compiled graph, it breaks the graph.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Never

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.autograd import forward_ad

__all__ = [
    "check_choice",
    "check_features",
    "check_finite",
    "check_same_kind",
    "check_unit_rows",
    "check_weight",
    "is_shape",
    "is_transformed",
    "readable",
    "refuse_unknown",
    "scale_tensor",
    "short",
    "warn",
]

# Rows normalised in bfloat16 have norms within 2 ** -8 of 1; a projection that was never normalised is far outside.
_NORM_TOLERANCE = 0.01


def readable(tensor: Tensor) -> bool:
    """Tells whether values can be read at no cost.

    The tensor is on the CPU, nothing is being compiled or transformed, and the tensor is no mere shape.
    """
    return tensor.device.type == "cpu" and not (
        torch.compiler.is_compiling() or is_shape(tensor) or is_transformed(tensor)
    )


def is_shape(tensor: Tensor) -> bool:
    """Tells whether a tensor has a shape and no values: a meta tensor or, outside a compiler, a fake one."""
    return tensor.device.type == "meta" or (not torch.compiler.is_compiling() and isinstance(tensor, FakeTensor))


def is_transformed(*tensors: Tensor | None) -> bool:
    """Tells whether a transform of torch.func is at work, or a tensor carries a forward-mode derivative."""
    if torch.compiler.is_compiling():
        return False
    if torch._C._are_functorch_transforms_active():  # as torch.autograd.Function asks
        return True
    return forward_ad._current_level >= 0 and any(  # there is no public question
        tensor is not None and forward_ad.unpack_dual(tensor).tangent is not None  # type: ignore[no-untyped-call]
        for tensor in tensors
    )


def warn(message: str) -> None:
    """Warns about a value that is allowed and most often a mistake. Python shows equal messages once."""
    warnings.warn(message, UserWarning, stacklevel=1)


def refuse_unknown(caller: str, unknown: dict[str, Never], instead: dict[str, str]) -> None:
    """Refuses options that the caller does not have, and tells what to do instead where ``instead`` knows it.

    Example:
        >>> refuse_unknown("fused_loss", {"tau": 0.07}, {"tau": "pass logit_scale=1 / tau"})
        Traceback (most recent call last):
        ...
        TypeError: expected options of fused_loss; got tau: pass logit_scale=1 / tau
    """
    if unknown:
        hints = "; ".join(dict.fromkeys(instead[name] for name in sorted(unknown) if name in instead))
        raise TypeError(f"expected options of {caller}; got {', '.join(sorted(unknown))}{': ' if hints else ''}{hints}")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuses a mode that is not one of ``choices``."""
    if value not in choices:
        *first, last = map(repr, choices)
        raise ValueError(f"expected {name} {', '.join(first)} or {last}; got {value!r}")


def check_features(name: str, features: object, *, may_be_empty: bool = False) -> None:
    """Refuses features that are not a floating-point tensor of shape (rows, width).

    Args:
        name: The argument, for the message.
        features: What was given.
        may_be_empty: Whether features without rows or columns are accepted.

    Raises:
        TypeError: It is no tensor, or holds no floating-point numbers.
        ValueError: It does not have two dimensions, or is empty.

    Example:
        >>> check_features("image_features", torch.ones(3))
        Traceback (most recent call last):
        ...
        ValueError: expected image_features of two dimensions (rows, width); got shape (3,)
    """
    if not isinstance(features, Tensor):
        raise TypeError(f"expected {name} as a torch.Tensor; got {type(features).__name__}")
    if not features.dtype.is_floating_point:
        raise TypeError(f"expected floating-point {name}; got {short(features.dtype)}")
    if features.dim() != 2:
        raise ValueError(f"expected {name} of two dimensions (rows, width); got shape {tuple(features.shape)}")
    if 0 in features.shape and not may_be_empty:
        raise ValueError(f"expected {name} with at least one row and one column; got shape {tuple(features.shape)}")


def check_same_kind(name: str, features: Tensor, *, like: Tensor) -> None:
    """Refuses features whose width, device or dtype differs from that of the image features."""
    both = f"expected image_features and {name}"
    if features.shape[1] != like.shape[1]:
        raise ValueError(f"{both} of the same width; got {like.shape[1]} and {features.shape[1]}")
    if features.device != like.device:
        raise ValueError(f"{both} on one device; got {like.device} and {features.device}: move one of them")
    if features.dtype != like.dtype:
        raise TypeError(f"{both} of one dtype; got {short(like.dtype)} and {short(features.dtype)}: cast one of them")


def check_finite(name: str, features: Float[Tensor, "rows width"]) -> None:
    """Refuses features that hold NaN or an infinity, and names the first.

    Example:
        >>> check_finite("text_features", torch.tensor([[0.0, 1.0], [float("nan"), 1.0]]))
        Traceback (most recent call last):
        ...
        ValueError: expected finite text_features; row 1 has nan in column 0: check the input, and whether the model ...
    """
    if bool(torch.isfinite(features).all()):
        return
    row, column = (int(x) for x in (~torch.isfinite(features)).nonzero()[0])
    value = float(features.detach()[row, column])
    raise ValueError(
        f"expected finite {name}; row {row} has {value} in column {column}: "
        "check the input, and whether the model has diverged"
    )


def check_unit_rows(name: str, features: Float[Tensor, "rows width"], *, normalize: bool = False) -> None:
    """Refuses rows that are not finite, that are zero, or whose norm is not 1 (within 0.01).

    Args:
        name: The argument, for the message.
        features: At least one row.
        normalize: Whether the caller will divide every row by its norm; any norm above 0 is then accepted.

    Raises:
        ValueError: A row is refused; the message names the row.

    Example:
        >>> check_unit_rows("image_features", torch.tensor([[0.0, 1.0], [0.0, 2.0]]))
        Traceback (most recent call last):
        ...
        ValueError: expected image_features of norm 1 (within 0.01); row 1 has norm 2: pass normalize=True or ...
    """
    norms = torch.linalg.vector_norm(features.detach(), dim=1, dtype=torch.promote_types(features.dtype, torch.float32))
    lowest, highest = float(norms.min()), float(norms.max())
    if math.isfinite(highest) and lowest > 0 and (normalize or max(highest - 1, 1 - lowest) <= _NORM_TOLERANCE):
        return
    check_finite(name, features)
    # The squares of small numbers are 0, and so may be the norm of a row that can be normalised.
    if lowest == 0 and not (normalize and bool(features.any(dim=1).all())):
        row = int((features != 0).sum(1).argmin() if normalize else norms.argmin())
        raise ValueError(f"expected {name} with a direction in every row; row {row} is the zero vector")
    if not normalize:
        row = int((norms - 1).abs().argmax())
        raise ValueError(
            f"expected {name} of norm 1 (within {_NORM_TOLERANCE}); row {row} has norm {float(norms[row]):.4g}: "
            "pass normalize=True or divide every row by its norm"
        )


def scale_tensor(logit_scale: object, like: Tensor) -> Float[Tensor, ""]:
    """Gives the scale as a tensor of no dimensions on the device of ``like``, in the dtype of the arithmetic."""
    dtype = torch.promote_types(like.dtype, torch.float32)
    if not isinstance(logit_scale, Tensor):
        if isinstance(logit_scale, bool) or not isinstance(logit_scale, (int, float, np.number)):
            raise TypeError(
                f"expected logit_scale as a number or a tensor of one element; got {type(logit_scale).__name__}"
            )
        _check_scale(float(logit_scale))
        return torch.full((), float(logit_scale), dtype=dtype, device=like.device)
    if logit_scale.numel() != 1:
        raise ValueError(f"expected logit_scale of one element; got shape {tuple(logit_scale.shape)}")
    if not logit_scale.dtype.is_floating_point:
        raise TypeError(f"expected floating-point logit_scale; got {short(logit_scale.dtype)}")
    if readable(logit_scale):
        _check_scale(float(logit_scale.detach()))
    # Towards a GPU the host need not wait; from one it must, or it would read before the copy ends.
    return logit_scale.reshape(()).to(dtype=dtype, device=like.device, non_blocking=like.device.type == "cuda")


def check_weight(name: str, weight: object, *, of: str, like: Float[Tensor, "rows width"]) -> Float[Tensor, " rows"]:
    """Gives the weights of the rows of ``like`` in the dtype of the loss; refuses others than finite ones from 0 on.

    Args:
        name: The argument, for the message.
        weight: What was given.
        of: The name of the features, for the message.
        like: The features whose rows are weighted.
    """
    if not isinstance(weight, Tensor) or not weight.dtype.is_floating_point:
        kind = short(weight.dtype) if isinstance(weight, Tensor) else type(weight).__name__
        raise TypeError(f"expected {name} as a floating-point tensor; got {kind}")
    if weight.shape != like.shape[:1]:
        raise ValueError(
            f"expected {name} with one weight for each row of {of}, shape ({like.shape[0]},); got {tuple(weight.shape)}"
        )
    if weight.device != like.device:
        raise ValueError(f"expected {name} on the features' device {like.device}; got {weight.device}: move it")
    if readable(weight):
        bad = (~(weight.detach() >= 0) | weight.detach().isinf()).nonzero()
        if bad.numel():
            row = int(bad[0])
            raise ValueError(f"expected {name} finite and at least 0; row {row} has weight {float(weight[row])}")
    return weight.to(torch.promote_types(like.dtype, torch.float32))


def short(dtype: torch.dtype) -> str:
    """Gives the name of a dtype without ``torch.``."""
    return str(dtype).removeprefix("torch.")


def _check_scale(value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"expected logit_scale positive and finite; got {value}")
    if value < 1:
        warn("expected logit_scale of at least 1; got a smaller one, as a temperature is: pass 1 / temperature")
