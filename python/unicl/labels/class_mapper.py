"""Maps the classes of images, given as names, wnids or integers, to the labels of a vocabulary."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from unicl import _native
from unicl.labels.mapper import LabelMapper
from unicl.labels.named.imagenet import imagenet_ids, imagenet_texts
from unicl.labels.rule import WHOLE
from unicl.labels.vocabulary import LabelVocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

_WNID = re.compile(r"n\d{8}")
_NUMBERED = re.compile(r"(?:n\d{8}|\d+)[-._ ]+(?=\D)")
"""A number before a name, as in CUB's "001.Black_footed_Albatross" and Stanford Dogs' "n02085620-Chihuahua"."""


class NamesOfNumbers(Protocol):
    """The names of classes that are integers; a :class:`LabelVocabulary` has them."""

    @property
    def names(self) -> Sequence[str]:
        """The names; the number of a class is its index."""

    @property
    def synonyms(self) -> Mapping[str, Sequence[str]]:
        """For some names, other texts that mean the class."""


def class_texts(value: str | int, names: NamesOfNumbers | None = None) -> tuple[str, ...]:
    """Gives the texts that a class goes by: the name to show first, then others that mean it. Empty for no class.

    A wnid ("n02099601") has the names and lemmas of ImageNet's class. A number before a name is not part of it. A name
    with commas is several. An integer, or a string of digits where names are given, has the name of that number; one
    below 0 is no class.

    Args:
        value: The class.
        names: The names of integers.

    Raises:
        ValueError: There are no names for an integer, or it has none.
        ModuleNotFoundError: It is a wnid, and timm, which has ImageNet's names, is not installed.

    Example:
        >>> class_texts("001.Black_footed_Albatross"), class_texts("tench, Tinca tinca")
        (('Black footed Albatross',), ('tench', 'Tinca tinca'))
        >>> class_texts(1, LabelVocabulary.from_names(["dog", "cat"], synonyms={"cat": ["kitty"]}))
        ('cat', 'kitty')
    """
    if isinstance(value, str):
        if names is None or not re.fullmatch(r"-?\d+", value.strip()):
            return _of_name(value)
        value = int(value)
    if value < 0:
        return ()
    if names is None:
        raise ValueError(f"expected class_names for classes that are integers; got the class {value} without")
    if value >= len(names.names):
        raise ValueError(f"expected a class below {len(names.names)}, the number of class_names; got {value}")
    name = names.names[value]
    return (*_of_name(name), *names.synonyms.get(name, ()))


def _of_name(name: str) -> tuple[str, ...]:
    name = name.strip()
    if _WNID.fullmatch(name) and name in (known := imagenet_texts()):
        return known[name]
    text = _NUMBERED.sub("", name, count=1) if _NUMBERED.match(name) else name
    parts = [" ".join(part.replace("_", " ").split()) for part in text.split(",")]
    return tuple(dict.fromkeys(part for part in parts if part))


class ClassMapper:
    """Maps classes to the labels of a vocabulary, with the canonical mode of :class:`LabelMapper`.

    Of the texts of a class, the first that means a label as a whole counts, as name or synonym. If there is none, the
    first that means a label by its last words counts: "golden retriever" is dog where the vocabulary has no breeds. In
    the vocabulary of ImageNet-1k or -21k a wnid has its own label.

    Args:
        vocabulary: The labels.

    Example:
        >>> mapper = ClassMapper(LabelVocabulary.from_names(["dog", "cat"], synonyms={"dog": ["retriever"]}))
        >>> mapper.map([class_texts("golden_retriever"), class_texts("Cats"), class_texts("tench")]).tolist()
        [0, 1, -1]
    """

    def __init__(self, vocabulary: LabelVocabulary) -> None:
        self._mapper = LabelMapper(vocabulary)

    @cached_property
    def _label_of_wnid(self) -> dict[str, int]:
        return imagenet_ids(self._mapper.vocabulary.names)

    def map(self, classes: Sequence[tuple[str, ...]]) -> NDArray[np.int32]:
        """Gives int32 (classes,): the label of each class, by its texts; -1 for none."""
        found = self._mapper.map([text for texts in classes for text in texts])
        ids, is_whole = found.ids.tolist(), np.isin(found.rules, WHOLE).tolist()
        labels = np.full(len(classes), -1, np.int32)
        start = 0
        for at, texts in enumerate(classes):
            places = [place for place in range(start, start + len(texts)) if ids[place] >= 0]
            is_wnid = bool(texts) and _WNID.fullmatch(texts[-1]) is not None
            if is_wnid and texts[-1] in self._label_of_wnid:
                labels[at] = self._label_of_wnid[texts[-1]]
            elif places:
                labels[at] = ids[next((place for place in places if is_whole[place]), places[0])]
            start += len(texts)
        return labels


def with_classes(vocabulary: LabelVocabulary, classes: Iterable[tuple[str, ...]]) -> LabelVocabulary:
    """Makes a vocabulary with labels for the classes that none of its labels means as a whole. Its ids stay.

    Example:
        >>> vocabulary = LabelVocabulary.from_names(["dog", "grass"])
        >>> with_classes(vocabulary, [class_texts("dogs"), class_texts("golden_retriever")]).names
        ('dog', 'grass', 'golden retriever')
    """
    names = list(dict.fromkeys(texts[0] for texts in classes if texts))
    first: dict[str, str] = {}
    for key, name in zip(_native.text_keys(names), names, strict=True):
        if key:
            first.setdefault(key, name)
    return vocabulary.merged(LabelVocabulary.from_names(first.values()), on_clash="first") if first else vocabulary
