"""Parses the words of a command into its configuration."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tyro.constructors import PrimitiveTypeInfo

Config = TypeVar("Config")
_WORDS = ConstructorRegistry()


def parse(config: type[Config], command: str, arguments: Sequence[str]) -> Config:
    """Parses the words after a command, such as ``unicl label``. Ends the process after ``--help`` or a wrong word."""
    with _WORDS:
        return tyro.cli(config, prog=command, args=arguments)


def parse_one_of(
    configs: dict[str, Callable[..., Any]], command: str, description: str, arguments: Sequence[str]
) -> Any:
    """Parses the words after a command whose first word selects the configuration."""
    with _WORDS:
        return tyro.extras.subcommand_cli_from_dict(configs, prog=command, description=description, args=arguments)


@_WORDS.primitive_rule
def _choice(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Values of a ``Literal`` are typed with hyphens: ``roll-up`` for ``"roll_up"``."""
    if get_origin(info.type) is not Literal:
        return None
    values = {value.replace("_", "-"): value for value in get_args(info.type)}
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=f"{{{','.join(values)}}}",
        choices=tuple(values),
        instance_from_str=lambda words: values[words[0]],
        is_instance=lambda value: value in values.values(),
        str_from_instance=lambda value: [value.replace("_", "-")],
    )


@_WORDS.primitive_rule
def _nothing(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[None] | None:
    """``None`` is typed and shown as the word none."""
    if info.type is not NoneType:
        return None

    def from_words(words: list[str]) -> None:
        if words[0].lower() != "none":
            raise ValueError(f"expected none; got {words[0]!r}")

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="none",
        choices=("none", "None"),
        instance_from_str=from_words,
        is_instance=lambda value: value is None,
        str_from_instance=lambda value: ["none"],  # noqa: ARG005
    )
