"""Prompts of a class: its name set into sentence templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Template: TypeAlias = "str | Callable[[str], str]"
"""How a class name becomes a prompt: a sentence with one ``{}``, or a function."""

PLACEHOLDER = "{}"
NAME_ONLY = ("{}",)
PICTURE_TEMPLATES = (
    "{}",
    "a picture of {}",
    "a drawing of {}",
    "a small icon of {}",
    "this picture shows {}",
    "a kind of {}",
    "something to do with {}",
)
"""Templates for drawn pictures and broad classes; for photographs pass CLIP's 80, e.g. from open_clip."""


def class_prompts(class_name: str, templates: Sequence[Template] = PICTURE_TEMPLATES) -> list[str]:
    """The prompts of one class, one a template, in their order.

    Nothing but ``{}`` is special in a template: other braces, and braces in the name, stand as they are.

    Args:
        class_name: The words of the class, as a caption would say them.
        templates: Strings with one ``{}`` for the name, or callables that take it (open_clip's templates are such).

    Returns:
        As many prompts as templates.

    Raises:
        TypeError: ``templates`` is a single string.
        ValueError: No templates, one without ``{}``, or a class name without a word.

    Example:
        >>> class_prompts("hot dog", ["{}", "a photo of a {}.", lambda name: f"two {name}s"])
        ['hot dog', 'a photo of a hot dog.', 'two hot dogs']
    """
    if isinstance(templates, str):
        raise TypeError(
            f"templates must be a sequence of templates, got the single string {templates!r}: put it in a list"
        )
    if not templates:
        raise ValueError("templates is empty: give at least one, e.g. ['a photo of a {}.']")
    if not class_name.strip():
        raise ValueError(f"a class name must have at least one word, got {class_name!r}")
    return [_fill(template, class_name) for template in templates]


def _fill(template: Template, class_name: str) -> str:
    if not isinstance(template, str):
        return template(class_name)
    if template.count(PLACEHOLDER) != 1:
        raise ValueError(f"a template needs exactly one {PLACEHOLDER!r} for the class name, got {template!r}")
    return template.replace(PLACEHOLDER, class_name)
