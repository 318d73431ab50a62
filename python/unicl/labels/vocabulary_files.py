"""Vocabularies in files: text, TSV with a header, JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unicl.files import refuse_wide_unicode, write_text
from unicl.labels.clashes import Merge

if TYPE_CHECKING:
    from unicl.labels.vocabulary import LabelVocabulary

COLUMNS = ("name", "synonyms", "parent", "document_frequency")
FORMAT = "unicl label vocabulary"

Fields = dict[str, Any]
"""Keyword arguments of LabelVocabulary."""


def read_vocabulary(path: Path) -> Fields:
    """What a file says, by its suffix: .json, .tsv with a header, and lines of text in every other case.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not UTF-8, or not well-formed; the message does not name the file.
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


def _read_lines(lines: list[str]) -> Fields:
    names, synonyms = [], {}
    for line in lines:
        cells = [cell.strip() for cell in line.split("\t") if cell.strip()]
        if cells:
            names.append(cells[0])
            if len(cells) > 1:
                synonyms[cells[0]] = cells[1:]
    return {"names": names, "synonyms": synonyms}


def _read_table(lines: list[str]) -> Fields:
    header = [cell.strip() for cell in lines[0].split("\t")]
    unknown = [column for column in header if column not in COLUMNS]
    if unknown or len(set(header)) < len(header):
        raise ValueError(f"expected a header of some of {', '.join(COLUMNS)}, each once; got {', '.join(header)}")
    names: list[str] = []
    synonyms: dict[str, list[str]] = {}
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
            synonyms[name] = [text.strip() for text in row["synonyms"].split("|") if text.strip()]
        if row.get("parent"):
            parents[name] = row["parent"]
        if "document_frequency" in header:
            count = row.get("document_frequency", "")
            if not count.isascii() or not count.isdigit():
                raise ValueError(f'line {number}: expected document_frequency as a whole number; got "{count}"')
            counts.append(int(count))
    fields: Fields = {"names": names, "synonyms": synonyms, "parents": parents}
    if "document_frequency" in header:
        fields["document_frequency"] = np.array(counts, dtype=np.int64)
    return fields


def _read_json(content: str) -> Fields:
    value = json.loads(content)
    if isinstance(value, list):
        return {"names": _texts("names", value)}
    if not isinstance(value, dict):
        raise ValueError(f"expected a list of names, or an object; got {type(value).__name__}")
    if not isinstance(value.get("format"), str):
        return {
            "names": list(value),
            "synonyms": {name: _texts(f"the synonyms of {name!r}", texts) for name, texts in value.items()},
        }
    if value["format"] != FORMAT or value.get("version") != 1:
        raise ValueError(
            f'expected the format "{FORMAT}", version 1; got "{value["format"]}", version {value.get("version")}'
        )
    fields: Fields = {
        "names": _texts("names", value.get("names")),
        "synonyms": {
            name: _texts(f"the synonyms of {name!r}", texts) for name, texts in value.get("synonyms", {}).items()
        },
        "parents": value.get("parents", {}),
        "blocked": _texts("blocked", value.get("blocked", [])),
        "merge_log": [Merge(**record) for record in value.get("merge_log", [])],
    }
    counts = value.get("document_frequency")
    if counts is not None:
        fields["document_frequency"] = np.array(counts, dtype=np.int64)
    return fields


def _texts(what: str, value: object) -> list[str]:
    if not isinstance(value, list):
        raise ValueError(f"expected {what} as a list of strings; got {type(value).__name__}")
    for text in value:
        if not isinstance(text, str):
            raise ValueError(f"expected {what} as a list of strings; got {text!r} in it")
    return value


def write_vocabulary(vocabulary: LabelVocabulary, path: Path) -> None:
    """Writes a file by its suffix, whole or not at all: aside, to the disk, then under its name.

    Raises:
        ValueError: Another suffix than .json, .tsv and .txt, or something that the format cannot hold.
    """
    formats: dict[str, Callable[[LabelVocabulary], str]] = {
        ".json": _as_json,
        ".tsv": _as_table,
        ".txt": _as_lines,
    }
    if path.suffix not in formats:
        raise ValueError(f"expected a path that ends in .json, .tsv or .txt; got {path}")
    write_text(path, formats[path.suffix](vocabulary))


def _as_json(vocabulary: LabelVocabulary) -> str:
    counts = vocabulary.document_frequency
    value = {
        "format": FORMAT,
        "version": 1,
        "names": vocabulary.names,
        "synonyms": {name: texts for name, texts in vocabulary.synonyms.items() if texts},
        "parents": vocabulary.parent_names,
        "document_frequency": None if counts is None else counts.tolist(),
        "blocked": vocabulary.blocked,
        "merge_log": [asdict(record) for record in vocabulary.merge_log],
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _as_table(vocabulary: LabelVocabulary) -> str:
    _refuse(".tsv", vocabulary, in_synonyms="\t|", blocked=vocabulary.blocked)
    counts = vocabulary.document_frequency
    lines = ["\t".join(COLUMNS if counts is not None else COLUMNS[:-1])]
    for number, name in enumerate(vocabulary.names):
        parent = vocabulary.parents[number]
        cells = [name, "|".join(vocabulary.synonyms.get(name, ())), "" if parent < 0 else vocabulary.names[parent]]
        if counts is not None:
            cells.append(str(counts[number]))
        lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"


def _as_lines(vocabulary: LabelVocabulary) -> str:
    _refuse(
        ".txt",
        vocabulary,
        in_synonyms="\t",
        blocked=vocabulary.blocked,
        parents=vocabulary.parent_names,
        document_frequency=vocabulary.document_frequency is not None,
    )
    return "".join("\t".join([name, *vocabulary.synonyms.get(name, ())]) + "\n" for name in vocabulary.names)


def _refuse(suffix: str, vocabulary: LabelVocabulary, *, in_synonyms: str, **unsaid: object) -> None:
    """Refuses what a format has no place for, and texts with marks that would be read as its own."""
    for what, value in unsaid.items():
        if value:
            raise ValueError(f"a {suffix} file cannot hold {what}; save the vocabulary as .json")
    for name in vocabulary.names:
        texts = [(name, "\t"), *((synonym, in_synonyms) for synonym in vocabulary.synonyms.get(name, ()))]
        for text, marks in texts:
            if any(mark in text for mark in marks) or text.splitlines() != [text] or text != text.strip():
                raise ValueError(f"a {suffix} file cannot hold the text {text!r}; save the vocabulary as .json")
