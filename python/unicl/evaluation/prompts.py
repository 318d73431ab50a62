"""Prompts of a class: its name in sentence templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from unicl.evaluation.checks import check_listed

Template: TypeAlias = str | Callable[[str], str]
"""The way from a class name to a prompt: a sentence with one ``{}``, or a function."""

PLACEHOLDER = "{}"
IMAGE_TEMPLATES = (
    "{}",
    "a picture of {}",
    "a drawing of {}",
    "a small icon of {}",
    "this picture shows {}",
    "a kind of {}",
    "something to do with {}",
)
"""Templates for drawn images and broad classes. For photographs pass ``unicl.data.ClassTemplates()``, which chooses "a"
or "an" by the name, or CLIP's 80 from open_clip."""


def class_prompts(class_name: str, templates: Sequence[Template] = IMAGE_TEMPLATES) -> list[str]:
    """Makes the prompts of one class, one a template, in their order.

    Only ``{}`` is special in a template. Other braces stay as they are, and so do braces in the name.

    Args:
        class_name: The words of the class, as a caption would use them.
        templates: Strings with one ``{}`` for the name, or functions of the name. The templates of open_clip are such
            functions.

    Returns:
        As many prompts as templates.

    Raises:
        TypeError: ``templates`` is a single string.
        ValueError: There are no templates, one has no ``{}``, or the class name has no word.

    Example:
        >>> class_prompts("hot dog", ["{}", "a photo of a {}.", lambda name: f"two {name}s"])
        ['hot dog', 'a photo of a hot dog.', 'two hot dogs']
    """
    check_listed("templates", templates, "['a photo of a {}.']")
    if not class_name.strip():
        raise ValueError(f"expected a class name with at least one word; got {class_name!r}")
    return [_fill(template, class_name) for template in templates]


def _fill(template: Template, class_name: str) -> str:
    if not isinstance(template, str):
        return template(class_name)
    if template.count(PLACEHOLDER) != 1:
        raise ValueError(f"expected a template with exactly one {PLACEHOLDER!r} for the class name; got {template!r}")
    return template.replace(PLACEHOLDER, class_name)
