"""Writes the tables of modules in docs/architecture.md, from the first line of each module's documentation.

Run ``python tools/module_table.py`` after a module was added, moved or renamed; a test compares the page with the code.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- modules: written by tools/module_table.py -->", "<!-- end of modules -->"
PACKAGES = (
    "files",
    "text",
    "phrases",
    "labels",
    "loss",
    "models",
    "data",
    "training",
    "evaluation",
    "jobs",
    "demo",
    "cli",
)
CRATES = ("unicl-core", "unicl-python")


def first_line(path: Path) -> str:
    """Gives the first line of a module's documentation.

    Raises:
        ValueError: The module has none.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".rs":
        line = next((line.removeprefix("//!") for line in text.splitlines() if line.startswith("//!")), "")
    else:
        line = (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]
    if not line.strip():
        raise ValueError(f"expected a module docstring in {path.relative_to(ROOT)}; got none")
    return line.strip().replace("``", "`").replace("|", "\\|")


def table(folder: Path) -> list[str]:
    """Gives the rows of a folder: each module's path in it, and what it holds."""
    rows = ["| module | what it holds |", "| --- | --- |"]
    for path in sorted(folder.rglob("*.py")) + sorted(folder.rglob("*.rs")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if path.name not in ("__init__.py", "__main__.py"):
            rows.append(f"| `{name}` | {first_line(path)} |")
    return rows


def tables() -> str:
    """Gives the Markdown between the two marks of the page."""
    parts: list[str] = []
    for package in PACKAGES:
        folder = ROOT / "python" / "unicl" / package
        parts += [f"### `unicl.{package}`", "", first_line(folder / "__init__.py"), "", *table(folder), ""]
    for crate in CRATES:
        folder = ROOT / "rust" / crate / "src"
        parts += [f"### `{crate}` (Rust)", "", *table(folder), ""]
    return "\n".join([BEGIN, "", *parts, END])


def with_tables(page: str) -> str:
    """Gives the page with the tables of today.

    Raises:
        ValueError: The page lacks one of the marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the marks {BEGIN} and {END} in {PAGE.name}")
    return before + tables() + after


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
