"""What became of texts that two labels claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from unicl import _native

OnClash = Literal["error", "first", "drop"]


@dataclass(frozen=True, kw_only=True)
class Merge:
    """A text whose meaning was settled when a vocabulary was made or merged.

    Attributes:
        outcome: "synonym": it was a label of the vocabulary merged in, and means a label that was there. "name": it was
            given as a synonym of ``other``, but is the name of ``label``, and names come first. "first": it was a
            synonym of ``label`` already when ``other`` claimed it. "dropped": ``label`` and ``other`` claimed it, and
            it means neither. "renamed": it was to be the name of ``label``, but ``other`` has it. "unblocked": it
            was to mean no label, but means ``label``.
        text: The text.
        label: The label that it means now, or for "renamed" and "dropped" the one that gave way.
        other: The label that claimed it too; None where there is none.

    Example:
        >>> print(Merge(outcome="first", text="panther", label="cougar", other="jaguar"))
        "panther" stays a synonym of "cougar"; "jaguar" claimed it too
    """

    outcome: Literal["synonym", "name", "first", "dropped", "renamed", "unblocked"]
    text: str
    label: str
    other: str | None = None

    def __str__(self) -> str:
        return {
            "synonym": f'"{self.text}" became a synonym of "{self.label}"',
            "name": f'"{self.text}" is a name, not a synonym of "{self.other}"',
            "first": f'"{self.text}" stays a synonym of "{self.label}"; "{self.other}" claimed it too',
            "dropped": f'"{self.text}" means no label: "{self.label}" and "{self.other}" claimed it',
            "renamed": f'"{self.text}" is a name already; the second label of it is called "{self.label}"',
            "unblocked": f'"{self.text}" was to mean no label, but means "{self.label}"',
        }[self.outcome]


def settle_clashes(
    names: Iterable[str], synonyms: Mapping[str, Iterable[str]], *, on_clash: OnClash
) -> tuple[dict[str, tuple[str, ...]], list[Merge]]:
    """The synonyms without those that two labels claim, and what became of each.

    A text that is a label's name means that label. Of the others, the first label to claim one keeps it
    (``on_clash="first"``), or none has it (``"drop"``); with ``"error"`` they stay as they are, for the vocabulary to
    refuse.

    Raises:
        ValueError: Another ``on_clash``.
    """
    if on_clash not in ("error", "first", "drop"):
        raise ValueError(f'expected on_clash "error", "first" or "drop"; got {on_clash!r}')
    given = {name: tuple(texts) for name, texts in synonyms.items()}
    if on_clash == "error":
        return given, []
    names = list(names)
    name_of = dict(zip(_native.text_keys(names), names, strict=True))
    pairs = [(label, text) for label, texts in given.items() for text in texts]
    keys = _native.text_keys([text for _, text in pairs])
    label_keys = dict(zip(given, _native.text_keys(list(given)), strict=True))
    log: list[Merge] = []
    owner: dict[str, str] = {}
    dropped: set[str] = set()
    kept: dict[str, list[tuple[str, str]]] = {label: [] for label in given}
    for (label, text), key in zip(pairs, keys, strict=True):
        if key in name_of:
            if key != label_keys[label]:
                log.append(Merge(outcome="name", text=text, label=name_of[key], other=label))
            continue
        first = owner.setdefault(key, label)
        if first == label:
            kept[label].append((key, text))
        elif on_clash == "first":
            log.append(Merge(outcome="first", text=text, label=first, other=label))
        else:
            dropped.add(key)
            log.append(Merge(outcome="dropped", text=text, label=first, other=label))
    settled = {label: tuple(text for key, text in texts if key not in dropped) for label, texts in kept.items()}
    return settled, log
