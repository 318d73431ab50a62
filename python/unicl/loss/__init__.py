"""The fused label-aware contrastive loss."""

from unicl.loss.functional import fused_loss
from unicl.loss.module import UniCLLoss

__all__ = ["UniCLLoss", "fused_loss"]
