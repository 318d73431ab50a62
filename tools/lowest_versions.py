"""Prints the lowest versions that pyproject.toml allows, for ``pip install -c``: the Makefile's target bounds."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def main() -> None:
    """Prints a line for each package of the dependencies and of all extras: ``name==version``."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    found = (re.match(r"([\w.-]+)>=([\w.]+)", requirement) for requirements in lists for requirement in requirements)
    bounds: dict[str, set[str]] = {}
    for match in filter(None, found):
        bounds.setdefault(match[1], set()).add(match[2])
    if unlike := {name: versions for name, versions in bounds.items() if len(versions) > 1}:
        raise SystemExit(f"expected one lower bound for a package in {PROJECT.name}; got {unlike}")
    sys.stdout.writelines(f"{name}=={versions.pop()}\n" for name, versions in sorted(bounds.items()))


if __name__ == "__main__":
    main()
