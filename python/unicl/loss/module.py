"""``UniCLLoss``: the loss as a module that takes the place of open_clip's ``ClipLoss``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Never

from jaxtyping import Float
from torch import Tensor, nn

from unicl.loss.checks import refuse_unknown, short
from unicl.loss.functional import INSTEAD, mean_loss, read_call
from unicl.loss.modes import BackendName, DirectionName, LossModes
from unicl.loss.over_ranks.collectives import Group
from unicl.loss.targets.given import Labels
from unicl.loss.targets.sets import Overlap

__all__ = ["UniCLLoss"]

# Options of other losses or of the call, and what to do instead.
_INSTEAD = {
    **INSTEAD,
    **dict.fromkeys(("image_labels", "text_labels", "labels", "targets"), "pass labels with each batch"),
    **dict.fromkeys(("temperature", "logit_scale"), "pass logit_scale, 1 / temperature, with each batch"),
    **dict.fromkeys(
        ("local_loss", "gather_with_grad", "cache_labels", "rank", "world_size", "use_horovod"),
        "over ranks, pass group='world'",
    ),
    **dict.fromkeys(
        ("image_weight", "text_weight", "extra_text_features", "extra_text_labels"), "pass it with each batch"
    ),
    "reduction": "for the losses of rows, call unicl.row_losses",
}


class UniCLLoss(nn.Module):
    """The loss with open_clip's argument order, so that it can replace ``open_clip.ClipLoss``.

    The options stay the same from step to step; :func:`unicl.fused_loss` explains each.

    Args:
        label_smoothing: As in ``fused_loss``.
        overlap: As in ``fused_loss``.
        direction: As in ``fused_loss``.
        exclude_self: As in ``fused_loss``.
        normalize: As in ``fused_loss``.
        group: Over ranks "world", looked up at each call, in the place of ClipLoss' local_loss, gather_with_grad,
            rank and world_size. Without it each rank compares its own rows alone.
        backend: As in ``fused_loss``.
        chunk_size: As in ``fused_loss``.
        deterministic: As in ``fused_loss``.
        **unknown: Refused, with what to pass instead.

    Raises:
        TypeError: An option is unknown.
        ValueError: A mode is unknown or outside its range.

    Example:
        >>> import torch, unicl
        >>> features = torch.eye(3)
        >>> loss = unicl.UniCLLoss()(features, features, torch.tensor(1.0), image_labels=torch.tensor([0, 0, 1]))
        >>> round(loss.item(), 4)
        0.8848
    """

    def __init__(
        self,
        *,
        label_smoothing: float = 0.0,
        overlap: Overlap = "cosine",
        direction: DirectionName = "both",
        exclude_self: bool = False,
        normalize: bool = False,
        group: Group = None,
        backend: BackendName = "auto",
        chunk_size: int | None = None,
        deterministic: bool = True,
        **unknown: Never,
    ) -> None:
        super().__init__()
        refuse_unknown("UniCLLoss", unknown, _INSTEAD)
        self.modes = LossModes(
            label_smoothing=label_smoothing,
            overlap=overlap,
            direction=direction,
            exclude_self=exclude_self,
            backend=backend,
            chunk_size=chunk_size,
            deterministic=deterministic,
        )
        self.normalize, self.group = normalize, group

    def forward(
        self,
        image_features: Float[Tensor, "b d"],
        text_features: Float[Tensor, "m d"],
        logit_scale: float | Float[Tensor, ""],
        logit_bias: Float[Tensor, ""] | None = None,
        *,
        image_labels: Labels | None = None,
        text_labels: Labels | None = None,
        image_weight: Float[Tensor, " b"] | None = None,
        text_weight: Float[Tensor, " m"] | None = None,
        extra_text_features: Float[Tensor, "k d"] | None = None,
        extra_text_labels: Labels | None = None,
        output_dict: bool = False,
    ) -> Float[Tensor, ""] | dict[str, Float[Tensor, ""]]:
        """Gives the loss of a batch.

        Args:
            image_features: Rows of norm 1.
            text_features: Rows of norm 1.
            logit_scale: Factor on the cosines (open_clip's models give ``logit_scale.exp()``).
            logit_bias: Accepted because open_clip's models give it. A constant added to all logits cancels in a
                softmax, so it gets a zero gradient.
            image_labels: As in ``fused_loss``; None gives exactly the loss of CLIP.
            text_labels: As in ``fused_loss``.
            image_weight: As in ``fused_loss``.
            text_weight: As in ``fused_loss``.
            extra_text_features: As in ``fused_loss``.
            extra_text_labels: As in ``fused_loss``.
            output_dict: Whether to return ``{"contrastive_loss": loss}``, for open_clip's training loop.
        """
        if logit_bias is not None and not (logit_bias.is_floating_point() and logit_bias.numel() == 1):
            raise TypeError(
                f"expected logit_bias as one floating-point number; got {short(logit_bias.dtype)} of shape "
                f"{tuple(logit_bias.shape)}: pass labels by name, image_labels="
            )
        call = read_call(
            image_features,
            text_features,
            image_labels,
            text_labels,
            logit_scale,
            extra_text_features,
            extra_text_labels,
            modes=self.modes,
            normalize=self.normalize,
            group=self.group,
        )
        loss = mean_loss(call, image_weight, text_weight)
        if logit_bias is not None:
            # Keeps the parameter in the graph: DistributedDataParallel refuses parameters that get no gradient.
            loss = loss + 0.0 * logit_bias.sum()
        return {"contrastive_loss": loss} if output_dict else loss

    def extra_repr(self) -> str:
        """Gives the options that are not at their defaults."""
        options = {**asdict(self.modes), "normalize": self.normalize, "group": self.group}
        defaults = {**asdict(LossModes()), "normalize": False, "group": None}
        return ", ".join(f"{name}={value!r}" for name, value in options.items() if value != defaults[name])
