"""The training loop: it takes batches, trains a model, and is short enough to read in one sitting."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from unicl.data import Batch
from unicl.models import DualTower
from unicl.training.objectives import Objective, objective_loss
from unicl.training.schedule import warmup_cosine


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The settings of a training run.

    Attributes:
        objective: The loss; see :func:`unicl.training.objective_loss`.
        steps: The number of optimizer steps, one a batch.
        lr: The peak learning rate of AdamW.
        wd: The weight decay of AdamW. Norms, biases and the logit scale have none.
        betas: The decay rates of AdamW's two averages.
        warmup: The share of the steps over which the learning rate rises.
        grad_clip_norm: The largest norm of the gradient; a larger gradient is scaled down to it.
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
    """The record of one step.

    Attributes:
        step: The number of the step, from 1.
        loss: The loss in nats.
        lr: The learning rate of the step.
        logit_scale: The scale after the step.
        seconds: The time since training began.
    """

    step: int
    loss: float
    lr: float
    logit_scale: float
    seconds: float


def make_optimizer(model: torch.nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """Makes AdamW with weight decay on matrices only (Loshchilov and Hutter 2019)."""
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
        batches: At least ``config.steps`` batches.
        config: The settings.
        on_step: A function that is called after every step.

    Raises:
        ValueError: The batches end early; the message names the step.
        FloatingPointError: The loss is not finite; the message names the step. The optimizer has not taken that step.
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
            raise ValueError(f"expected {config.steps} batches, one a step; got {step - 1}")
        image_features, text_features, logit_scale = model(batch.images, batch.tokens)
        loss = objective_loss(
            config.objective, image_features, text_features, batch.image_labels, batch.text_labels, logit_scale
        )
        value = loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(
                f"expected a finite loss; got {value} at step {step}: lower the learning rate, {config.lr}"
            )
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
