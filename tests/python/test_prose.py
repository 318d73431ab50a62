"""Pages and docstrings stay readable: short lines, short sentences, one word for one thing."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if not name.startswith("benches/record/")
]
COLUMNS, WORDS = 100, 25
SENTENCE_END = re.compile(r"(?<=[.!?:;])[)*_]*\s+")


def prose(page: Path) -> str:
    """The text that is neither code nor a table."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^ *\|.*$", "", text, flags=re.MULTILINE)


def sentences(text: str) -> list[str]:
    """A rough split: a link or a span of code counts as one word."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`[^`]*`", "code", text)
    return [sentence for sentence in SENTENCE_END.split(text) if sentence]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_line_holds_one_sentence_or_is_short(page: Path) -> None:
    lines = [re.sub(r"^\s*(?:[-*]|\d+\.) ", "", line) for line in prose(page).splitlines()]
    long = [line for line in lines if len(line) > COLUMNS and re.search(r"[.!?][)*_]*\s+\S", line)]
    assert long == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_sentence_has_25_words_at_most(page: Path) -> None:
    paragraphs = re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|^#.*$", prose(page), flags=re.MULTILINE)
    found = [sentence for paragraph in paragraphs for sentence in sentences(paragraph)]
    assert [sentence for sentence in found if len(sentence.split()) > WORDS] == []
