"""Reads the word tables of the named vocabularies."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def read_table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of ``words/NAME``, by column.

    Lines that begin with "#" are comments. The first other line is the header.

    Example:
        >>> read_table("rides.tsv")[1]
        {'verb': 'bicycles', 'label': 'bicycle'}
    """
    text = (files(__package__) / "words" / name).read_text(encoding="utf-8")
    header, *rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(dict(zip(header, row, strict=True)) for row in rows)


@cache
def word_lists() -> dict[str, tuple[str, ...]]:
    """The lists of ``words/lists.tsv``, by name.

    Example:
        >>> word_lists()["vehicle_likenesses"][:3]
        ('cardboard', 'cartoon', 'lego')
    """
    lists: dict[str, tuple[str, ...]] = {}
    for row in read_table("lists.tsv"):
        lists[row["list"]] = (*lists.get(row["list"], ()), *row["words"].split("|"))
    return lists


def read_synonyms(name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The rows of a table of synonyms: a label, or "none" for blocked texts, and the texts of the row."""
    return tuple((row["label"], tuple(row["texts"].split("|"))) for row in read_table(name))
