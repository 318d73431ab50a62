"""The result of one objective of the demo: its scores, its training steps, its time and its model."""

from __future__ import annotations

from dataclasses import dataclass

from unicl.demo.evaluate import Scores
from unicl.models import DualTower
from unicl.training import StepRecord


@dataclass(frozen=True, kw_only=True)
class ObjectiveResult:
    """The result of one objective.

    Attributes:
        scores: The scores on the held-out images.
        records: The record of every training step.
        seconds: The training time.
        model: The trained towers.
    """

    scores: Scores
    records: tuple[StepRecord, ...]
    seconds: float
    model: DualTower
