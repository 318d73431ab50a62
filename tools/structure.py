"""Prints how large the packages are: files, lines, imports between files, longest chains, longest argument lists.

Usage: ``python tools/structure.py [FOLDER]``, FOLDER being a checkout; this one if none is named.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import NamedTuple

import grimp

SHOWN = 8


class Size(NamedTuple):
    """Lines of a file: all of them that are not blank, and how many of these are documentation or comments."""

    lines: int
    prose: int


def size_of(path: Path) -> Size:
    """Counts the lines of a Python file."""
    text = path.read_text(encoding="utf-8")
    prose = sum(line.lstrip().startswith("#") for line in text.splitlines())
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            prose += (node.end_lineno or node.lineno) - node.lineno + 1
    return Size(sum(bool(line.strip()) for line in text.splitlines()), prose)


def arguments_of(path: Path) -> list[tuple[int, int, str]]:
    """Gives the number of arguments, the number of lines, and the name of every function of a file."""
    functions = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    ]
    return [
        (
            len(node.args.args) + len(node.args.kwonlyargs) - any(arg.arg in ("self", "cls") for arg in node.args.args),
            (node.end_lineno or node.lineno) - node.lineno + 1,
            f"{path.parent.name}/{path.stem}.{node.name}",
        )
        for node in functions
    ]


def floors(modules: set[str], imports: dict[str, set[str]]) -> int:
    """Gives the length, in files, of the longest chain of imports within a folder; a circle is walked once."""
    known: dict[str, int] = {}

    def floor(module: str, above: frozenset[str]) -> int:
        if module not in known:
            below = [other for other in imports[module] & modules if other not in above]
            known[module] = 1 + max((floor(other, above | {module}) for other in below), default=0)
        return known[module]

    return max((floor(module, frozenset()) for module in sorted(modules)), default=0)


def main(root: Path) -> None:
    """Prints the tables."""
    package = root / "python" / "unicl"
    sys.path.insert(0, str(package.parent))
    graph = grimp.build_graph("unicl", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    print(f"{'folder':<12}{'files':>6}{'lines':>7}{'prose':>7}{'arrows':>8}{'floors':>8}")
    for folder in sorted(path for path in package.iterdir() if (path / "__init__.py").is_file()):
        name = f"unicl.{folder.name}"
        files = [path for path in folder.rglob("*.py") if path.name != "__init__.py"]
        sizes = [size_of(path) for path in folder.rglob("*.py")]
        modules = {module for module in graph.modules if module.startswith(f"{name}.")}
        arrows = sum(len(imports[module] & modules) for module in modules)
        lines, prose = (sum(column) for column in zip(*sizes, strict=True))
        print(f"{folder.name:<12}{len(files):>6}{lines:>7}{prose:>7}{arrows:>8}{floors(modules, imports):>8}")
    functions = sorted((found for path in package.rglob("*.py") for found in arguments_of(path)), reverse=True)
    print(f"\nmost arguments: {', '.join(f'{name} {count}' for count, _, name in functions[:SHOWN])}")
    longest = sorted(functions, key=lambda found: -found[1])[:SHOWN]
    print(f"most lines: {', '.join(f'{name} {lines}' for _, lines, name in longest)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parent.parent)
