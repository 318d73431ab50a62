"""The content of a label vocabulary: names, synonyms, parents and counts, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

OnClash: TypeAlias = Literal["error", "first", "drop"]
"""What to do with a text that two labels claim: refuse it, leave it with the first of them, or with neither."""


@dataclass(frozen=True, kw_only=True)
class Merge:
    """A text whose meaning was decided when a vocabulary was made or merged.

    Attributes:
        outcome: What was decided.

            - "synonym": the text was a label of the vocabulary merged in, and means a label that was there.
            - "name": the text was given as a synonym of ``other``, but is the name of ``label``. Names come first.
            - "first": the text was a synonym of ``label`` already when ``other`` claimed it.
            - "dropped": ``label`` and ``other`` claimed the text, and it means neither.
            - "renamed": the text was to be the name of ``label``, but ``other`` has it.
            - "unblocked": the text was to mean no label, but means ``label``.
            - "form": the text is a plural or singular of texts of ``label`` and of ``other``. A name or a synonym comes
              before a form, a form of a name before one of a synonym, and the first label before the second.
        text: The text.
        label: The label that the text means now; for "renamed" and "dropped" the label that lost it.
        other: The other label that claimed the text; None if there is none.

    Example:
        >>> print(Merge(outcome="first", text="panther", label="cougar", other="jaguar"))
        "panther" stays a synonym of "cougar"; "jaguar" claimed it too
    """

    outcome: Literal["synonym", "name", "first", "dropped", "renamed", "unblocked", "form"]
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
            "form": f'"{self.text}" means "{self.label}"; it is a form of "{self.other}" too',
            "unblocked": f'"{self.text}" was to mean no label, but means "{self.label}"',
        }[self.outcome]


@dataclass(frozen=True, kw_only=True, eq=False)
class VocabularyContent:
    """Everything that a :class:`LabelVocabulary` is made of.

    Raises:
        TypeError: A str stands in the place of a list, or synonyms or parents are not mappings of the right kind.
        ValueError: There are not as many document frequencies as names.

    Example:
        >>> from unicl.labels import LabelVocabulary
        >>> content = VocabularyContent(names=("dog", "cat"), synonyms={"dog": ("puppy",)})
        >>> LabelVocabulary(content).id("cat")
        1
    """

    names: tuple[str, ...] = ()
    """The names; the id of a label is its index here."""
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For some of the names, other texts that mean them."""
    parents: Mapping[str, str] = field(default_factory=dict)
    """For some of the names, the name of a more general label."""
    document_frequency: NDArray[np.int64] | None = None
    """int64 (number of names,): the number of captions with each label; None if they were not counted."""
    blocked: tuple[str, ...] = ()
    """Texts that mean no label, although their last words do."""
    merge_log: tuple[Merge, ...] = ()
    """The decisions about texts that two labels claimed."""

    def __post_init__(self) -> None:
        for name, what in (("names", "label names"), ("blocked", "blocked texts"), ("merge_log", "merges")):
            given = getattr(self, name)
            if isinstance(given, str):
                raise TypeError(f"expected a list of {what}; got the str {given!r}")
            object.__setattr__(self, name, tuple(given))
        object.__setattr__(self, "synonyms", as_texts(self.synonyms))
        if not isinstance(self.parents, Mapping):
            raise TypeError(f"expected parents as {{name: name}}; got {type(self.parents).__name__}")
        for name, parent in self.parents.items():
            if not isinstance(parent, str):
                raise TypeError(f"expected the name of one parent of {name!r}; got {parent!r}")
        if self.document_frequency is not None:
            counts = np.asarray(self.document_frequency, dtype=np.int64)
            if counts.shape != (len(self.names),):
                raise ValueError(f"expected {len(self.names)} document frequencies; got {counts.shape}")
            object.__setattr__(self, "document_frequency", counts)


def as_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names as a tuple.

    Raises:
        TypeError: One str stands in the place of a list.
    """
    if isinstance(names, str):
        raise TypeError(f"expected a list of label names; got the str {names!r}")
    return tuple(names)


def as_texts(synonyms: Mapping[str, Iterable[str]] | None) -> dict[str, tuple[str, ...]]:
    """Synonyms as tuples.

    Raises:
        TypeError: They are not a mapping from names to lists of texts.
    """
    if synonyms is not None and not isinstance(synonyms, Mapping):
        raise TypeError(f"expected synonyms as {{name: [texts]}}; got {type(synonyms).__name__}")
    texts = {}
    for name, others in (synonyms or {}).items():
        if isinstance(others, str):
            raise TypeError(f"expected a list of synonyms of {name!r}; got the str {others!r}")
        texts[name] = tuple(others)
    return texts
