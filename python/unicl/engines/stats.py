"""What a run over files did, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class RunStats:
    """The counts that every run over files has.

    Attributes:
        files: Files written.
        captions: Rows read, skipped ones included.
        skipped: Rows without an answer, by reason.
        seconds: Time in all, reading and writing included.
    """

    files: int = 0
    captions: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
