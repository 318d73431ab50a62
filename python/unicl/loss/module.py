"""``UniCLLoss``: the loss as a module that takes the place of open_clip's ClipLoss."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from unicl.loss.functional import fused_loss

__all__ = ["UniCLLoss"]

# What ClipLoss takes in the place of a group.
_OF_RANKS = {"local_loss", "gather_with_grad", "cache_labels", "rank", "world_size", "use_horovod"}


class UniCLLoss(nn.Module):
    """``fused_loss`` with open_clip's argument order, so that it stands in for ``open_clip.ClipLoss``.

    Args:
        **options: Keyword arguments of ``fused_loss`` that stay the same from step to step (direction, normalize, ...).
            Over ranks ``group=torch.distributed.group.WORLD``, in the place of ClipLoss' local_loss, gather_with_grad,
            rank and world_size; without it each rank compares its own rows alone.

    Example:
        >>> import torch, unicl
        >>> features = torch.eye(3)
        >>> loss = unicl.UniCLLoss()(features, features, torch.tensor(1.0), image_labels=torch.tensor([0, 0, 1]))
        >>> round(loss.item(), 4)
        0.8848
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        if unknown := options.keys() - (fused_loss.__kwdefaults__ or {}).keys():
            over_ranks = ": over ranks, pass group=torch.distributed.group.WORLD" if unknown & _OF_RANKS else ""
            raise TypeError(f"UniCLLoss got unknown options: {', '.join(sorted(unknown))}{over_ranks}")
        if options.get("reduction", "mean") != "mean":
            raise ValueError("UniCLLoss gives one number; call unicl.fused_loss for reduction='none'")
        self.options = options

    def forward(
        self,
        image_features: Tensor,
        text_features: Tensor,
        logit_scale: float | Tensor,
        logit_bias: Tensor | None = None,
        *,
        image_labels: Any = None,
        text_labels: Any = None,
        output_dict: bool = False,
    ) -> Tensor | dict[str, Tensor]:
        """The loss of a batch.

        Args:
            image_features: Shape (b, d), rows of norm 1.
            text_features: Shape (m, d), rows of norm 1.
            logit_scale: Factor on the cosines (open_clip's models give ``logit_scale.exp()``).
            logit_bias: Accepted because open_clip's models give it; a constant added to all logits cancels in a
                softmax, so it gets a zero gradient.
            image_labels: As in ``fused_loss``; None gives exactly the loss of CLIP.
            text_labels: As in ``fused_loss``.
            output_dict: Return ``{"contrastive_loss": loss}``, as open_clip's training loop asks for.
        """
        if logit_bias is not None and not (logit_bias.is_floating_point() and logit_bias.numel() == 1):
            kind = f"{str(logit_bias.dtype).removeprefix('torch.')} of shape {tuple(logit_bias.shape)}"
            raise TypeError(
                f"logit_bias must be one floating-point number; got {kind}: labels go by name, image_labels="
            )
        loss = fused_loss(image_features, text_features, image_labels, text_labels, logit_scale, **self.options)
        if logit_bias is not None:
            # Keeps the parameter in the graph: DistributedDataParallel refuses parameters that get no gradient.
            loss = loss + 0.0 * logit_bias.sum()
        return {"contrastive_loss": loss} if output_dict else loss

    def extra_repr(self) -> str:
        """The options that are not at their defaults."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())
