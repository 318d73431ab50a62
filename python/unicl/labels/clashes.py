"""Decides about texts that two labels claim."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from unicl import _native
from unicl.labels.content import Merge, OnClash

if TYPE_CHECKING:
    from unicl.labels.content import VocabularyContent


def settle_clashes(content: VocabularyContent, *, on_clash: OnClash) -> VocabularyContent:
    """The content without synonyms that two labels claim; the merge log has a line for each.

    A text that is a label's name means that label. For the other texts, ``on_clash`` decides:

    - "first": the first label that claims a text keeps it.
    - "drop": no label has the text.
    - "error": the synonyms stay as they are, and the vocabulary refuses them.

    Raises:
        ValueError: ``on_clash`` is none of these.
    """
    if on_clash not in get_args(OnClash):
        raise ValueError(f'expected on_clash "error", "first" or "drop"; got {on_clash!r}')
    if on_clash == "error":
        return content
    names, given = content.names, content.synonyms
    name_of = dict(zip(_native.text_keys(list(names)), names, strict=True))
    pairs = [(label, text) for label, texts in given.items() for text in texts]
    keys = _native.text_keys([text for _, text in pairs])
    label_keys = dict(zip(given, _native.text_keys(list(given)), strict=True))
    log: list[Merge] = []
    owner: dict[str, str] = {}
    dropped: set[str] = set()
    owned: dict[str, list[tuple[str, str]]] = {label: [] for label in given}
    for (label, text), key in zip(pairs, keys, strict=True):
        if key in name_of:
            if key != label_keys[label]:
                log.append(Merge(outcome="name", text=text, label=name_of[key], other=label))
            continue
        first = owner.setdefault(key, label)
        if first == label:
            owned[label].append((key, text))
        elif on_clash == "first":
            log.append(Merge(outcome="first", text=text, label=first, other=label))
        else:
            dropped.add(key)
            log.append(Merge(outcome="dropped", text=text, label=first, other=label))
    settled = {label: tuple(text for key, text in texts if key not in dropped) for label, texts in owned.items()}
    return replace(content, synonyms=settled, merge_log=(*content.merge_log, *log))
