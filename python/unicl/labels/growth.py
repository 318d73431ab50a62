"""What grows from a vocabulary: every label keeps its id, new ones come behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from unicl import _native
from unicl.labels.clashes import Merge, OnClash, settle_clashes

if TYPE_CHECKING:
    from unicl.labels.vocabulary import LabelVocabulary

WHOLE = (1, 2, 3)
"""The rules by which a phrase as a whole means a label: exact, lemma, synonym."""


def meanings(vocabulary: LabelVocabulary, texts: list[str]) -> list[str | None]:
    """The name of the label that each text as a whole means; None where it means none."""
    ids, _, rules = vocabulary._native.map(texts, 1)
    is_whole = np.isin(rules, WHOLE)
    return [vocabulary.names[label] if whole else None for label, whole in zip(ids, is_whole, strict=True)]


def extension(
    vocabulary: LabelVocabulary,
    names: Iterable[str],
    *,
    synonyms: Mapping[str, Iterable[str]],
    parents: Mapping[str, str],
    on_clash: OnClash,
    merges: Iterable[Merge] = (),
) -> dict[str, Any]:
    """Keyword arguments of LabelVocabulary: the labels of a vocabulary, and behind them new ones."""
    all_names = [*vocabulary.names, *names]
    name_of: dict[str, str] = {}
    for key, name in zip(_native.text_keys(all_names), all_names, strict=True):
        name_of.setdefault(key, name)
    all_synonyms = dict(vocabulary.synonyms)
    for name, texts in synonyms.items():
        known = name_of.get(_native.text_keys([name])[0], name)
        all_synonyms[known] = _without_repetitions(known, [*all_synonyms.get(known, ()), *texts])
    settled, log = settle_clashes(all_names, all_synonyms, on_clash=on_clash)
    blocked, unblocked = _still_blocked(vocabulary, all_names, settled)
    return {
        "names": all_names,
        "synonyms": settled,
        "parents": {**vocabulary.parent_names, **parents},
        "blocked": blocked,
        "merge_log": [*vocabulary.merge_log, *merges, *log, *unblocked],
    }


def _without_repetitions(name: str, texts: list[str]) -> tuple[str, ...]:
    """The texts of a label that are not its name, each once."""
    first: dict[str, str] = {}
    for key, text in zip(_native.text_keys([name, *texts]), [name, *texts], strict=True):
        first.setdefault(key, text)
    return tuple(first.values())[1:]


def _still_blocked(
    vocabulary: LabelVocabulary, names: list[str], synonyms: Mapping[str, Iterable[str]]
) -> tuple[list[str], list[Merge]]:
    """The blocked texts that are no label's name or synonym now, and what became of the others."""
    if not vocabulary.blocked:
        return [], []
    texts = [(text, name) for name, others in synonyms.items() for text in others]
    texts += [(name, name) for name in names]
    meaning = dict(zip(_native.text_keys([text for text, _ in texts]), (name for _, name in texts), strict=True))
    blocked, log = [], []
    for text, key in zip(vocabulary.blocked, _native.text_keys(list(vocabulary.blocked)), strict=True):
        if key in meaning:
            log.append(Merge(outcome="unblocked", text=text, label=meaning[key]))
        else:
            blocked.append(text)
    return blocked, log


def union(vocabulary: LabelVocabulary, other: LabelVocabulary, *, on_clash: OnClash) -> dict[str, Any]:
    """Keyword arguments of LabelVocabulary: the labels of a vocabulary, and behind them those of another that are new.

    A label of the other whose name means a label here is that label.
    """
    found = meanings(vocabulary, list(other.names))
    label_of = {name: name if label is None else label for name, label in zip(other.names, found, strict=True)}
    new = [name for name, label in zip(other.names, found, strict=True) if label is None]
    synonyms: dict[str, list[str]] = {}
    merges = []
    keys = zip(_native.text_keys(list(other.names)), _native.text_keys(list(label_of.values())), strict=True)
    for (name, label), (key, label_key) in zip(label_of.items(), keys, strict=True):
        texts = list(other.synonyms.get(name, ()))
        if key != label_key:
            merges.append(Merge(outcome="synonym", text=name, label=label))
            texts.insert(0, name)
        synonyms.setdefault(label, []).extend(texts)
    parents = {
        label_of[name]: label_of[parent]
        for name, parent in other.parent_names.items()
        if label_of[name] not in vocabulary.parent_names and label_of[name] != label_of[parent]
    }
    fields = extension(vocabulary, new, synonyms=synonyms, parents=parents, on_clash=on_clash, merges=merges)
    means = {*fields["names"], *(text for texts in fields["synonyms"].values() for text in texts)}
    taken = set(_native.text_keys(list(means)))
    fields["blocked"] += [
        text
        for text, key in zip(other.blocked, _native.text_keys(list(other.blocked)), strict=True)
        if key not in taken
    ]
    if vocabulary.document_frequency is not None and other.document_frequency is not None:
        counts = np.zeros(len(fields["names"]), dtype=np.int64)
        counts[: len(vocabulary)] = vocabulary.document_frequency
        id_of = {name: label for label, name in enumerate(fields["names"])}
        np.add.at(counts, [id_of[label_of[name]] for name in other.names], other.document_frequency)
        fields["document_frequency"] = counts
    return fields
