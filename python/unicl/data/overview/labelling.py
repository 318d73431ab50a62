"""The labels of a look at data: those of a vocabulary, or the classes of the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unicl.data.overview.content import OWN_CLASSES
from unicl.labels import ClassMapper, DenseLabeler, LabelVocabulary, class_texts, with_classes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Labelling:
    """Gives captions and classes their labels.

    Args:
        vocabulary: The labels.
        name: Names the vocabulary.

    Attributes:
        name: The name.
        names: The names of the labels.
    """

    def __init__(self, vocabulary: LabelVocabulary, name: str) -> None:
        self.name, self.names = name, vocabulary.names
        self._labeler, self._mapper = DenseLabeler(vocabulary), ClassMapper(vocabulary)

    @classmethod
    def of_classes(cls, class_names: Iterable[str]) -> Labelling:
        """Makes labels of class names.

        Raises:
            ModuleNotFoundError: The classes are wnids, and timm, which has their names, is not installed.
        """
        texts = [class_texts(name) for name in class_names]
        return cls(with_classes(LabelVocabulary.from_names([]), texts), OWN_CLASSES)

    def of_captions(self, captions: Sequence[str]) -> list[list[int]]:
        """Gives the ids of the labels of each caption."""
        found: list[list[int]] = self._labeler(captions).to_list()
        return found

    def unmapped(self, class_names: Sequence[str]) -> list[str]:
        """Gives the classes that mean no label."""
        labels = self._mapper.map([class_texts(name) for name in class_names]).tolist()
        return [name for name, label in zip(class_names, labels, strict=True) if label < 0]
