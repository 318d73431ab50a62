"""The training loop: batches in, a trained model out; a person can read it in one sitting."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unicl.training.objectives import Objective, objective_loss
from unicl.training.schedule import warmup_cosine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from unicl.data import Batch
    from unicl.models import DualTower


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How to train.

    Attributes:
        objective: See :func:`unicl.training.objectives.objective_loss`.
        steps: Optimizer steps, one a batch.
        lr: The peak learning rate of AdamW.
        wd: Its weight decay; norms, biases and the logit scale have none.
        betas: Its averages.
        warmup: The share of the steps over which the learning rate rises.
        grad_clip_norm: The largest norm of the gradient.
    """

    objective: Objective = "unicl"
    steps: int = 300
    lr: float = 2e-3
    wd: float = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    warmup: float = 0.07
    grad_clip_norm: float = 5.0


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """What one step did.

    Attributes:
        step: From 1.
        loss: In nats.
        lr: The learning rate it took.
        logit_scale: The scale after it.
        seconds: Since training began.
    """

    step: int
    loss: float
    lr: float
    logit_scale: float
    seconds: float


def make_optimizer(model: torch.nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices only (Loshchilov and Hutter 2019)."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": config.wd}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.lr, betas=config.betas, fused=True)


def train(
    model: DualTower,
    batches: Iterable[Batch],
    config: TrainingConfig,
    on_step: Callable[[StepRecord], None] | None = None,
) -> None:
    """Trains ``model`` in place on ``config.steps`` batches and leaves it in evaluation mode.

    Args:
        model: The towers.
        batches: At least ``config.steps`` of them.
        config: The recipe.
        on_step: Called after every step.

    Raises:
        ValueError: The batches end early; says at which step.
        FloatingPointError: The loss is not finite; names the step. The optimizer has not taken that step.
    """
    optimizer = make_optimizer(model, config)
    warmup = max(1, round(config.warmup * config.steps))
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: warmup_cosine(step, steps=config.steps, warmup=warmup)
    )
    model.train()
    start, stream = time.perf_counter(), iter(batches)
    for step in range(1, config.steps + 1):
        batch = next(stream, None)
        if batch is None:
            raise ValueError(f"the batches ended before step {step} of {config.steps}")
        image_features, text_features, logit_scale = model(batch.images, batch.tokens)
        loss = objective_loss(
            config.objective, image_features, text_features, batch.image_labels, batch.text_labels, logit_scale
        )
        value = loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss is {value} at step {step}: lower the learning rate ({config.lr})")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip_norm)
        lr = float(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
        model.clamp_logit_scale()
        if on_step:
            scale = model.logit_scale.item()
            on_step(StepRecord(step=step, loss=value, lr=lr, logit_scale=scale, seconds=time.perf_counter() - start))
    model.eval()
