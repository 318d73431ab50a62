"""What is wrong with the arguments of the loss, said once, with the values.

Shapes, dtypes and devices are checked always. Values are read only on the CPU and outside torch.compile: on a GPU,
reading one would make the host wait for the device, and in a compiled graph it would break the graph.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unicl.loss.targets.sets import send

__all__ = [
    "check_choice",
    "check_features",
    "check_same_kind",
    "check_sets",
    "check_unit_rows",
    "check_weight",
    "label_tensor",
    "readable",
    "scale_tensor",
]

# Rows normalised in bfloat16 have norms within 2 ** -8 of 1; a projection that was never normalised is far outside.
_NORM_TOLERANCE = 0.01

_SCALE = ": the scale goes by name, logit_scale="


def readable(tensor: Tensor) -> bool:
    """Whether looking at values costs nothing: on the CPU, and not while compiling."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuses a mode that is not one of ``choices``."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}")


def check_features(name: str, features: Any) -> None:
    """Refuses features that are not a non-empty (rows, width) tensor of floats."""
    if not isinstance(features, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor; got {type(features).__name__}")
    if not features.dtype.is_floating_point:
        raise TypeError(f"{name} must be floating point; got {_short(features.dtype)}")
    if features.dim() != 2:
        raise ValueError(f"{name} must have two dimensions, (rows, width); got shape {tuple(features.shape)}")
    if 0 in features.shape:
        raise ValueError(f"{name} is empty: it has shape {tuple(features.shape)}, and the loss of nothing is undefined")


def check_same_kind(name: str, features: Tensor, *, like: Tensor) -> None:
    """Refuses features whose width, device or dtype is not that of the image features."""
    if features.shape[1] != like.shape[1]:
        raise ValueError(
            f"image_features and {name} must have the same width; got {like.shape[1]} and {features.shape[1]}"
        )
    if features.device != like.device:
        raise ValueError(f"image_features and {name} must be on one device; got {like.device} and {features.device}")
    if features.dtype != like.dtype:
        raise TypeError(
            f"image_features and {name} must have one dtype; got {_short(like.dtype)} and {_short(features.dtype)}: "
            "cast one to the other's"
        )


def check_unit_rows(name: str, features: Tensor, *, normalize: bool) -> None:
    """Refuses NaN, infinities and zero rows, and, unless they will be normalised, rows whose norm is not 1."""
    norms = torch.linalg.vector_norm(features.detach(), dim=1, dtype=torch.promote_types(features.dtype, torch.float32))
    lowest, highest = float(norms.min()), float(norms.max())
    if math.isfinite(highest) and lowest > 0 and (normalize or max(highest - 1, 1 - lowest) <= _NORM_TOLERANCE):
        return
    if not bool(torch.isfinite(features).all()):
        row, column = (int(x) for x in (~torch.isfinite(features)).nonzero()[0])
        value = float(features.detach()[row, column])
        raise ValueError(
            f"{name} must be finite; row {row} holds {value} in column {column}: "
            "the model has diverged, or its input is bad"
        )
    if lowest == 0:
        raise ValueError(f"{name} row {int(norms.argmin())} is the zero vector, which has no direction")
    if not normalize:
        row = int((norms - 1).abs().argmax())
        raise ValueError(
            f"{name} must have rows of norm 1 (within {_NORM_TOLERANCE}); row {row} has norm {float(norms[row]):.4g}: "
            "pass normalize=True, or divide by the norm before"
        )


def scale_tensor(logit_scale: Any, like: Tensor) -> Tensor:
    """The scale as a tensor of no dimensions on the features' device, in the dtype of the arithmetic."""
    dtype = torch.promote_types(like.dtype, torch.float32)
    if not isinstance(logit_scale, Tensor):
        if isinstance(logit_scale, bool) or not isinstance(logit_scale, (int, float, np.number)):
            raise TypeError(
                f"logit_scale must be a number or a tensor of one element; got {type(logit_scale).__name__}"
            )
        _check_scale(float(logit_scale))
        return torch.full((), float(logit_scale), dtype=dtype, device=like.device)
    if logit_scale.numel() != 1:
        raise ValueError(f"logit_scale must have one element; got shape {tuple(logit_scale.shape)}")
    if not logit_scale.dtype.is_floating_point:
        raise TypeError(f"logit_scale must be floating point; got {_short(logit_scale.dtype)}")
    if readable(logit_scale):
        _check_scale(float(logit_scale.detach()))
    # Towards a GPU the host need not wait; from one it must, or it would read before the copy ends.
    return logit_scale.reshape(()).to(dtype=dtype, device=like.device, non_blocking=like.device.type == "cuda")


def label_tensor(name: str, labels: Any, *, rows: int, of: str, device: torch.device) -> Tensor:
    """Integer labels as a tensor of shape (rows,) on ``device``."""
    tensor = labels if isinstance(labels, Tensor) else _from_array(name, labels, device)
    if tensor.dtype not in (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8):
        raise TypeError(f"{name} must hold integers; got {_short(tensor.dtype)}{_scale_hint(tensor)}")
    if tensor.dim() != 1 or tensor.shape[0] != rows:
        raise ValueError(f"{name} must have one label for each row of {of}, shape ({rows},); got {tuple(tensor.shape)}")
    if tensor.device != device:
        raise ValueError(f"{name} must be on the features' device {device}; got {tensor.device}")
    return tensor


def _from_array(name: str, labels: Any, device: torch.device) -> Tensor:
    if not isinstance(labels, (np.ndarray, Sequence)) or isinstance(labels, str):
        hint = _SCALE if isinstance(labels, float) else ""
        raise TypeError(f"{name} must be a tensor or array of integers; got {type(labels).__name__}{hint}")
    if not isinstance(labels, np.ndarray) and any(isinstance(row, (list, tuple, np.ndarray)) for row in labels):
        raise TypeError(
            f"{name} must have one integer for each row; got lists: use unicl.LabelSets.from_lists for sets"
        )
    array = np.asarray(labels)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers; got {array.dtype}")
    return send(torch.from_numpy(array.astype(np.int64)), device)


def check_sets(name: str, sets: Any, *, rows: int, of: str) -> None:
    """Refuses label sets of another length than the features, with bad offsets, or with negative weights."""
    labels, offsets = np.asarray(sets.indices), np.asarray(sets.offsets)
    if labels.dtype.kind not in "iu" or offsets.dtype.kind not in "iu":
        raise TypeError(f"{name} must have integer indices and offsets; got {labels.dtype} and {offsets.dtype}")
    if offsets.shape != (rows + 1,):
        raise ValueError(f"{name} must have one set for each row of {of}, {rows}; got {offsets.size - 1}")
    if offsets[0] != 0 or offsets[-1] != len(labels) or bool((np.diff(offsets) < 0).any()):
        raise ValueError(f"{name} must have offsets that rise from 0 to {len(labels)}, the number of indices")
    if labels.size and int(labels.min()) < 0:
        raise ValueError(
            f"{name} must have labels of at least 0; got {int(labels.min())}: leave the set empty for no class"
        )
    if sets.weights is not None:
        weights = np.asarray(sets.weights)
        if weights.shape != labels.shape or not bool((np.isfinite(weights) & (weights >= 0)).all()):
            raise ValueError(f"{name} must have one finite weight of at least 0 for each of {len(labels)} indices")


def check_weight(name: str, weight: Any, *, rows: int, of: str, like: Tensor) -> Tensor:
    """Row weights of shape (rows,), at least 0, in the dtype of the loss."""
    if not isinstance(weight, Tensor) or not weight.dtype.is_floating_point:
        kind = _short(weight.dtype) if isinstance(weight, Tensor) else type(weight).__name__
        raise TypeError(f"{name} must be a floating-point tensor; got {kind}")
    if weight.shape != (rows,):
        raise ValueError(
            f"{name} must have one weight for each row of {of}, shape ({rows},); got {tuple(weight.shape)}"
        )
    if weight.device != like.device:
        raise ValueError(f"{name} must be on the features' device {like.device}; got {weight.device}")
    if readable(weight):
        bad = (~(weight.detach() >= 0) | weight.detach().isinf()).nonzero()
        if bad.numel():
            row = int(bad[0])
            raise ValueError(f"{name} must be finite and at least 0; row {row} has weight {float(weight[row])}")
    return weight.to(torch.promote_types(like.dtype, torch.float32))


def _check_scale(value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"logit_scale must be positive and finite; got {value}")


def _scale_hint(labels: Tensor) -> str:
    return _SCALE if labels.numel() == 1 and labels.is_floating_point() else ""


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
