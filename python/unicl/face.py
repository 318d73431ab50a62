"""Loads the public names of a package when they are first used. The package's stub lists them."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WITH_TORCH = "torch jaxtyping"
DISTRIBUTIONS = {"torch": WITH_TORCH, "jaxtyping": WITH_TORCH, "PIL": "pillow", "open_clip": "open-clip-torch"}


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Gives ``__getattr__``, ``__dir__`` and ``__all__`` of a package whose ``__init__.pyi`` imports its public names.

    A name that needs a package which is not installed raises ``ModuleNotFoundError``, which tells what to install.

    Args:
        package: The ``__name__`` of the package.
        file: Its ``__file__``.
    """
    stub = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = (node for node in stub.body if isinstance(node, ast.ImportFrom))
    modules = {alias.name: f"{package}.{node.module}" for node in imports for alias in node.names}
    names = sorted(modules)

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}; it has {', '.join(names)}",
                name=name,
                obj=sys.modules[package],
            )
        try:
            return getattr(import_module(modules[name]), name)
        except ModuleNotFoundError as error:
            missing = (error.name or "unicl").partition(".")[0]
            if missing == "unicl":
                raise
            raise ModuleNotFoundError(
                f"expected the {missing} package, which {package}.{name} needs; got none: "
                f"pip install {DISTRIBUTIONS.get(missing, missing)}",
                name=error.name,
            ) from error

    return load, lambda: names, names
