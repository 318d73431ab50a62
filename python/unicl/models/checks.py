"""The checks of arguments that several encoders and scorers share."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Int
from torch import Tensor


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Refuses a mode that is not one of ``choices``.

    Raises:
        ValueError: The mode is unknown; the message lists the known ones.
    """
    if value not in choices:
        raise ValueError(f"expected {name} to be one of {', '.join(map(repr, choices))}; got {value!r}")


def check_at_least(name: str, value: int, least: int) -> None:
    """Refuses a number below ``least``.

    Raises:
        ValueError: The number is too small.
    """
    if value < least:
        raise ValueError(f"expected {name} >= {least}; got {value}")


def check_length(tokens: Int[Tensor, "m length"], limit: int) -> None:
    """Refuses token ids in rows that are longer than the text tower has positions.

    Raises:
        ValueError: The rows are too long.
    """
    if tokens.shape[1] > limit:
        raise ValueError(
            f"expected rows of at most {limit} tokens; got {tokens.shape[1]}: tokenize with context_length={limit}"
        )
