"""How a scorer uses its model: the prompts, the settings that all scorers check, and evaluation mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from unicl.models.checks import check_at_least

PLACEHOLDER = "{}"


def check_settings(template: str, batch_size: int) -> None:
    """Refuses a template without a place for the phrase, and a batch size below 1.

    Raises:
        ValueError: The template or the batch size is refused.
    """
    if PLACEHOLDER not in template:
        raise ValueError(f"expected {PLACEHOLDER} in template, where the phrase goes; got {template!r}")
    check_at_least("batch_size", batch_size, 1)


def prompts_of(phrases: list[str], template: str) -> list[str]:
    """Puts each phrase into the template.

    Example:
        >>> prompts_of(["a dog", "snow"], "a photo of {}")
        ['a photo of a dog', 'a photo of snow']
    """
    return [template.replace(PLACEHOLDER, phrase) for phrase in phrases]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Puts a model into evaluation mode, and at the end each of its modules back into its former mode."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
