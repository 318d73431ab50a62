"""Adds labels to the content of a vocabulary: every label keeps its id, and new ones follow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from unicl import _native
from unicl.labels.clashes import settle_clashes
from unicl.labels.content import Merge, VocabularyContent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from unicl.labels.content import OnClash


def extended(content: VocabularyContent, more: VocabularyContent, *, on_clash: OnClash) -> VocabularyContent:
    """The labels of a content, then the new ones of another; without counts of captions.

    Args:
        content: The labels that are there.
        more: New names, and synonyms and parents of new labels and of those that are there. Entries of its merge log
            come before those that are made here.
        on_clash: What to do with a text that two labels claim.
    """
    names = (*content.names, *more.names)
    name_of: dict[str, str] = {}
    for key, name in zip(_native.text_keys(list(names)), names, strict=True):
        name_of.setdefault(key, name)
    synonyms = dict(content.synonyms)
    for name, texts in more.synonyms.items():
        known = name_of.get(_native.text_keys([name])[0], name)
        synonyms[known] = _without_repetitions(known, [*synonyms.get(known, ()), *texts])
    grown = VocabularyContent(
        names=names,
        synonyms=synonyms,
        parents={**content.parents, **more.parents},
        merge_log=(*content.merge_log, *more.merge_log),
    )
    grown = settle_clashes(grown, on_clash=on_clash)
    blocked, unblocked = _still_blocked(content.blocked, names, grown.synonyms)
    return replace(grown, blocked=tuple(blocked), merge_log=(*grown.merge_log, *unblocked))


def _without_repetitions(name: str, texts: list[str]) -> tuple[str, ...]:
    """The texts of a label that are not its name, each once."""
    first: dict[str, str] = {}
    for key, text in zip(_native.text_keys([name, *texts]), [name, *texts], strict=True):
        first.setdefault(key, text)
    return tuple(first.values())[1:]


def _still_blocked(
    blocked: Sequence[str], names: Iterable[str], synonyms: Mapping[str, Iterable[str]]
) -> tuple[list[str], list[Merge]]:
    """The blocked texts that are not a name or synonym of any label, and a log of the others."""
    if not blocked:
        return [], []
    texts = [(text, name) for name, others in synonyms.items() for text in others]
    texts += [(name, name) for name in names]
    meaning = dict(zip(_native.text_keys([text for text, _ in texts]), (name for _, name in texts), strict=True))
    still, log = [], []
    for text, key in zip(blocked, _native.text_keys(list(blocked)), strict=True):
        if key in meaning:
            log.append(Merge(outcome="unblocked", text=text, label=meaning[key]))
        else:
            still.append(text)
    return still, log


def merged(
    content: VocabularyContent, other: VocabularyContent, *, labels: Sequence[str | None], on_clash: OnClash
) -> VocabularyContent:
    """The labels of a content, then those of another that are new.

    Args:
        content: The labels that are there.
        other: The labels to add.
        labels: For each name of ``other``, the label that is there and has this meaning; None if there is none.
        on_clash: What to do with a text that two labels claim.
    """
    label_of = {name: name if label is None else label for name, label in zip(other.names, labels, strict=True)}
    synonyms: dict[str, list[str]] = {}
    merges = []
    keys = zip(_native.text_keys(list(other.names)), _native.text_keys(list(label_of.values())), strict=True)
    for (name, label), (key, label_key) in zip(label_of.items(), keys, strict=True):
        texts = list(other.synonyms.get(name, ()))
        if key != label_key:
            merges.append(Merge(outcome="synonym", text=name, label=label))
            texts.insert(0, name)
        synonyms.setdefault(label, []).extend(texts)
    more = VocabularyContent(
        names=tuple(name for name, label in zip(other.names, labels, strict=True) if label is None),
        synonyms={label: tuple(texts) for label, texts in synonyms.items()},
        parents={
            label_of[name]: label_of[parent]
            for name, parent in other.parents.items()
            if label_of[name] not in content.parents and label_of[name] != label_of[parent]
        },
        merge_log=tuple(merges),
    )
    grown = extended(content, more, on_clash=on_clash)
    means = {*grown.names, *(text for texts in grown.synonyms.values() for text in texts)}
    taken = set(_native.text_keys(list(means)))
    keys_of_blocked = zip(other.blocked, _native.text_keys(list(other.blocked)), strict=True)
    blocked = (*grown.blocked, *(text for text, key in keys_of_blocked if key not in taken))
    if content.document_frequency is None or other.document_frequency is None:
        return replace(grown, blocked=blocked)
    counts = np.zeros(len(grown.names), dtype=np.int64)
    counts[: len(content.names)] = content.document_frequency
    id_of = {name: label for label, name in enumerate(grown.names)}
    np.add.at(counts, [id_of[label_of[name]] for name in other.names], other.document_frequency)
    return replace(grown, blocked=blocked, document_frequency=counts)
