"""Draws a caption and its noun phrases for people."""

from __future__ import annotations

import itertools
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from unicl.labels import Explanation

LABELLED, DROPPED, FAINT, RESET = "\x1b[1;32m", "\x1b[33m", "\x1b[2m", "\x1b[0m"
BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
COLUMNS = ("", "phrase", "characters", "lemma", "rule", "score", "label")


class Cell(NamedTuple):
    """A character of the caption as it is shown, the columns that it takes, and its phrase."""

    text: str
    width: int
    phrase: int | None


def draw_caption(caption: str, phrases: Sequence[Explanation], *, width: int, color: bool) -> str:
    """Draws the caption with its phrases underlined and numbered, and a table of the phrases and their labels.

    Args:
        caption: The caption. Characters that would move a terminal's cursor are shown escaped.
        phrases: Its noun phrases, as ``DenseLabeler.explain`` gives them.
        width: The width of the terminal, in columns.
        color: Whether the terminal shows colours: green where a phrase has a label, yellow where it has none.
    """
    colors = [DROPPED if phrase.dropped else LABELLED for phrase in phrases] if color else None
    lines: list[str] = []
    for line in _wrapped(_cells(caption, phrases), max(width, 2)):
        lines += [_text_line(line, colors), _mark_line(line, "─"), _number_line(line)]
    lines = [line for line in (line.rstrip() for line in lines) if line]
    if not phrases:
        return "\n".join([*lines, "no noun phrase"])
    return "\n".join([*lines, "", *_table(phrases, colors)])


def _cells(caption: str, phrases: Sequence[Explanation]) -> Iterator[Cell]:
    owner = {place: number for number, phrase in enumerate(phrases) for place in range(phrase.start, phrase.end)}
    for place, character in enumerate(caption):
        text = _shown(character)
        yield Cell(text, _columns(text), owner.get(place))


def _wrapped(cells: Iterable[Cell], width: int) -> Iterator[list[Cell]]:
    """Breaks into lines of at most that many columns, after a space if the line has one."""
    line: list[Cell] = []
    for cell in cells:
        if line and sum(cell.width for cell in line) + cell.width > width:
            spaces = [place for place, kept in enumerate(line) if kept.text == " "]
            cut = spaces[-1] if spaces else len(line)
            yield line[:cut]
            line = line[cut + 1 :]
        line.append(cell)
    yield line


def _text_line(line: Sequence[Cell], colors: Sequence[str] | None) -> str:
    text = ""
    for number, cells in itertools.groupby(line, key=lambda cell: cell.phrase):
        part = "".join(cell.text for cell in cells)
        text += part if number is None or colors is None else f"{colors[number]}{part}{RESET}"
    return text


def _mark_line(line: Sequence[Cell], mark: str) -> str:
    return "".join((" " if cell.phrase is None else mark) * cell.width for cell in line)


def _number_line(line: Sequence[Cell]) -> str:
    text, at, last = "", 0, None
    for cell in line:
        if cell.phrase is not None and cell.phrase != last and len(text) <= at:
            text = text.ljust(at) + str(cell.phrase + 1)
        last = cell.phrase
        at += cell.width
    return text


def _table(phrases: Sequence[Explanation], colors: Sequence[str] | None) -> Iterator[str]:
    rows = [
        (
            str(number),
            printable(phrase.phrase),
            f"{phrase.start}-{phrase.end}",
            printable(phrase.lemma),
            phrase.rule.name.lower().replace("_", " "),
            f"{phrase.score:.2f}",
            _label(phrase),
        )
        for number, phrase in enumerate(phrases, start=1)
    ]
    widths = [max(map(_columns, column)) for column in zip(COLUMNS, *rows, strict=True)]
    for number, row in enumerate([COLUMNS, *rows]):
        cells = [cell + " " * (width - _columns(cell)) for cell, width in zip(row, widths, strict=True)]
        line = "  ".join(cells).rstrip()
        style = FAINT if number == 0 else "" if colors is None else colors[number - 1]
        yield line if colors is None else f"{style}{line}{RESET}"


def _label(phrase: Explanation) -> str:
    label = f"none: {phrase.dropped}" if phrase.dropped else f"{phrase.label} ({phrase.label_id})"
    if phrase.rolled_up:
        label += f"; rolled up: {phrase.rolled_up}"
    return f"{label}; above it: {', '.join(phrase.ancestors)}" if phrase.ancestors else label


def printable(text: str) -> str:
    """Gives a text with the characters that would move a terminal's cursor escaped."""
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    """Shows a character as itself, or escaped if it would move the cursor or change the direction of the text."""
    if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in BIDIRECTIONAL:
        return character.encode("unicode_escape").decode()
    return character


def _columns(text: str) -> int:
    """Counts the columns of a terminal that a text takes: two for wide characters, none for combining marks."""
    return sum(
        0
        if unicodedata.category(character) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )
