"""docs/architecture.md agrees with the code."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

_spec = importlib.util.spec_from_file_location("module_table", ROOT / "tools" / "module_table.py")
assert _spec is not None
assert _spec.loader is not None
module_table = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(module_table)


def test_the_tables_are_those_of_the_code() -> None:
    assert module_table.with_tables(PAGE) == PAGE, "run python tools/module_table.py"


def test_every_path_that_the_page_names_is_there() -> None:
    paths = re.findall(r"`((?:python|rust|docs|tests|benches|tools|examples)/[\w./-]+)`", PAGE)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_first_lines_fit_a_row_of_the_table() -> None:
    rows = re.findall(r"^\| `[\w/-]+` \| (.*) \|$", PAGE, flags=re.MULTILINE)
    assert len(rows) > 100
    assert [row for row in rows if len(row) > 120] == []
