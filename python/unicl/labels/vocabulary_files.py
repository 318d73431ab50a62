"""Reads and writes the content of a vocabulary as text, TSV with a header, or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import numpy as np

from unicl import _native
from unicl.files import refuse_wide_unicode, write_text
from unicl.labels.content import Merge, VocabularyContent

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DIGITS = 18
"""A count of more digits may not fit 64 bits."""
MERGE = ("outcome", "text", "label", "other")
COLUMNS = ("name", "synonyms", "parent", "document_frequency")
FORMAT = "unicl label vocabulary"


def read_vocabulary(path: Path) -> VocabularyContent:
    """The content of a file. Its suffix tells the format: .json, .tsv with a header, or else lines of text.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not UTF-8 or malformed; the message does not name the file.
    """
    if path.suffix == ".csv":
        raise ValueError(f"a .csv is no vocabulary; save it as .tsv, with some of the columns {', '.join(COLUMNS)}")
    content = path.read_bytes()
    refuse_wide_unicode(content)
    text = content.decode("utf-8-sig")
    if path.suffix == ".json":
        return _read_json(text)
    lines = text.splitlines()
    if path.suffix == ".tsv" and lines and lines[0].split("\t")[0].strip() == "name":
        return _read_table(lines)
    if path.suffix == ".tsv" and lines and ("|" in text or "name" in lines[0].split("\t")):
        raise ValueError(f'expected a header of some of {", ".join(COLUMNS)}, name first; got "{lines[0]}"')
    return _read_lines(lines)


def _read_lines(lines: list[str]) -> VocabularyContent:
    names, synonyms = [], {}
    for line in lines:
        cells = [cell.strip() for cell in line.split("\t") if cell.strip()]
        if cells:
            names.append(cells[0])
            if len(cells) > 1:
                synonyms[cells[0]] = tuple(cells[1:])
    return VocabularyContent(names=tuple(names), synonyms=synonyms)


def _read_table(lines: list[str]) -> VocabularyContent:
    header = [cell.strip() for cell in lines[0].split("\t")]
    unknown = [column for column in header if column not in COLUMNS]
    if unknown or len(set(header)) < len(header):
        raise ValueError(f"expected a header of some of {', '.join(COLUMNS)}, each once; got {', '.join(header)}")
    names: list[str] = []
    synonyms: dict[str, tuple[str, ...]] = {}
    parents: dict[str, str] = {}
    counts: list[int] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) > len(header):
            raise ValueError(f"line {number} has {len(cells)} cells; the header has {len(header)}")
        row = dict(zip(header, cells, strict=False))
        name = row["name"]
        names.append(name)
        if row.get("synonyms"):
            synonyms[name] = tuple(text.strip() for text in row["synonyms"].split("|") if text.strip())
        if row.get("parent"):
            parents[name] = row["parent"]
        if "document_frequency" in header:
            count = row.get("document_frequency", "")
            if not count.isascii() or not count.isdigit() or len(count) > MAX_DIGITS:
                raise ValueError(f'line {number}: expected document_frequency as a whole number; got "{count[:40]}"')
            counts.append(int(count))
    return VocabularyContent(
        names=tuple(names),
        synonyms=synonyms,
        parents=parents,
        document_frequency=np.array(counts, dtype=np.int64) if "document_frequency" in header else None,
    )


def _read_json(content: str) -> VocabularyContent:
    try:
        value = json.loads(content)
    except RecursionError:
        raise ValueError("expected a list of names, or an object; got too many brackets in brackets") from None
    if isinstance(value, list):
        return VocabularyContent(names=_texts("names", value))
    if not isinstance(value, dict):
        raise ValueError(f"expected a list of names, or an object; got {type(value).__name__}")
    if not isinstance(value.get("format"), str):
        return VocabularyContent(names=tuple(value), synonyms=_lists_of_texts(value, value))
    if value["format"] != FORMAT or value.get("version") != 1:
        raise ValueError(
            f'expected the format "{FORMAT}", version 1; got "{value["format"]}", version {value.get("version")}'
        )
    names, counts = _texts("names", value.get("names")), value.get("document_frequency")
    return VocabularyContent(
        names=names,
        synonyms=_lists_of_texts(names, value.get("synonyms", {})),
        parents=value.get("parents", {}),
        document_frequency=None if counts is None else _counts(counts),
        blocked=_texts("blocked", value.get("blocked", [])),
        merge_log=_merges(value.get("merge_log", [])),
    )


def _lists_of_texts(names: Iterable[str], value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError(f"expected synonyms as an object of lists; got {_named(value)}")
    labels = set(_native.text_keys(list(names)))
    for name, key in zip(value, _native.text_keys(list(value)), strict=True):
        if key not in labels:
            raise ValueError(f'expected labels of the vocabulary in synonyms; got "{name}"')
    return {name: _texts(f"the synonyms of {name!r}", texts) for name, texts in value.items()}


def _counts(value: object) -> NDArray[np.int64]:
    counts = value if isinstance(value, list) else [value]
    for count in counts:
        if type(count) is not int or not 0 <= count < 10**MAX_DIGITS:
            raise ValueError(f"expected document_frequency as a list of whole numbers; got {_named(count)}")
    return np.array(counts, dtype=np.int64)


def _merges(value: object) -> tuple[Merge, ...]:
    merges = []
    records: list[Any] = value if isinstance(value, list) else [value]
    for record in records:
        known = isinstance(record, dict) and {"outcome", "text", "label"} <= {*record} <= {*MERGE}
        if not known or not all(
            isinstance(text, str) or (key == "other" and text is None) for key, text in record.items()
        ):
            raise ValueError(f"expected merge_log as a list of objects with {', '.join(MERGE)}; got {_named(record)}")
        if record["outcome"] not in get_args(get_type_hints(Merge)["outcome"]):
            raise ValueError(f"expected an outcome that a merge has; got {record['outcome']!r}")
        merges.append(Merge(**record))
    return tuple(merges)


def _named(value: object) -> str:
    """Gives a value as JSON, not too long."""
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _texts(what: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"expected {what} as a list of strings; got {type(value).__name__}")
    for text in value:
        if not isinstance(text, str):
            raise ValueError(f"expected {what} as a list of strings; got {text!r} in it")
    return tuple(value)


def write_vocabulary(content: VocabularyContent, path: Path) -> None:
    """Writes a file, whole or not at all. Its suffix tells the format.

    Raises:
        ValueError: The suffix is not .json, .tsv or .txt, or the format cannot hold something of the content.
    """
    formats: dict[str, Callable[[VocabularyContent], str]] = {
        ".json": _as_json,
        ".tsv": _as_table,
        ".txt": _as_lines,
    }
    if path.suffix not in formats:
        raise ValueError(f"expected a path that ends in .json, .tsv or .txt; got {path}")
    write_text(path, formats[path.suffix](content))


def _as_json(content: VocabularyContent) -> str:
    counts = content.document_frequency
    value = {
        "format": FORMAT,
        "version": 1,
        "names": content.names,
        "synonyms": {name: texts for name, texts in content.synonyms.items() if texts},
        "parents": content.parents,
        "document_frequency": None if counts is None else counts.tolist(),
        "blocked": content.blocked,
        "merge_log": [asdict(record) for record in content.merge_log],
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _as_table(content: VocabularyContent) -> str:
    _refuse(".tsv", content, in_synonyms="\t|", blocked=content.blocked)
    counts = content.document_frequency
    lines = ["\t".join(COLUMNS if counts is not None else COLUMNS[:-1])]
    for number, name in enumerate(content.names):
        cells = [name, "|".join(content.synonyms.get(name, ())), content.parents.get(name, "")]
        if counts is not None:
            cells.append(str(counts[number]))
        lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"


def _as_lines(content: VocabularyContent) -> str:
    _refuse(
        ".txt",
        content,
        in_synonyms="\t",
        blocked=content.blocked,
        parents=content.parents,
        document_frequency=content.document_frequency is not None,
    )
    return "".join("\t".join([name, *content.synonyms.get(name, ())]) + "\n" for name in content.names)


def _refuse(suffix: str, content: VocabularyContent, *, in_synonyms: str, **without_place: object) -> None:
    """Refuses content that a format cannot hold, and texts with the marks that it uses itself."""
    for what, value in without_place.items():
        if value:
            raise ValueError(f"a {suffix} file cannot hold {what}; save the vocabulary as .json")
    for name in content.names:
        texts = [(name, "\t"), *((synonym, in_synonyms) for synonym in content.synonyms.get(name, ()))]
        for text, marks in texts:
            if any(mark in text for mark in marks) or text.splitlines() != [text] or text != text.strip():
                raise ValueError(f"a {suffix} file cannot hold the text {text!r}; save the vocabulary as .json")
