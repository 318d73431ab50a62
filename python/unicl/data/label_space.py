"""One label space for the classes of images and the labels of captions: from the name of a class to its label."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from unicl.labels import ClassMapper, LabelVocabulary, class_texts, with_classes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from unicl.data.sample import Source
    from unicl.labels import DenseLabeler


class LabelSpace:
    """The labels of a training run, and the label of each class of its sources.

    A class gets the label of a vocabulary that means it as a whole, by its name or a synonym. A class that no label
    means gets a label of its own after those of the vocabulary, so that no class is lost in a more general one. The ids
    of the vocabulary stay. Classes of several sources that mean the same share a label: "dog" and "Dogs". Make the
    labeler of captions from :attr:`vocabulary`: then captions and classes share labels.

    Args:
        class_names: The classes of each source, as it writes them: ``LabelSpace(a.class_names, b.class_names)``.
        vocabulary: The labels of captions. None: the classes alone are the labels.
        names: For some classes, the name to use in the place of their own; None for a class that shall have no label.

    Attributes:
        vocabulary: All labels.
        ids: The label of each class; -1 for none.
        texts: The words that mean each class in a caption.
        unmapped: The classes that no label of the given vocabulary means. Each has a label of its own.
        merged: The classes that share a label, a tuple for each such label.

    Raises:
        TypeError: The classes of a source are one string.
        ValueError: There are neither classes nor a vocabulary, ``names`` has a class that is not there, or a class has
            no word.

    Example:
        >>> vocabulary = LabelVocabulary.from_names(["dog", "ball"])
        >>> space = LabelSpace(["Dogs", "golden_retriever", "n01"], vocabulary=vocabulary, names={"n01": "ball"})
        >>> space.ids, space.unmapped
        ({'Dogs': 0, 'golden_retriever': 2, 'n01': 1}, ('golden_retriever',))
        >>> space.vocabulary.names, space.texts["golden_retriever"]
        (('dog', 'ball', 'golden retriever'), 'golden retriever')
    """

    def __init__(
        self,
        *class_names: Iterable[str],
        vocabulary: LabelVocabulary | None = None,
        names: Mapping[str, str | None] | None = None,
    ) -> None:
        if strings := [each for each in class_names if isinstance(each, str)]:
            raise TypeError(
                f"expected a list of class names a source; got the string {strings[0]!r}: put it into a list"
            )
        sources = [list(each) for each in class_names]
        classes = list(dict.fromkeys(name for each in sources for name in each))
        names = names or {}
        if not classes and vocabulary is None:
            raise ValueError("expected class names or a vocabulary; got neither: without labels no space is needed")
        if unknown := names.keys() - set(classes):
            raise ValueError(
                f"expected names for classes of the sources; got one for {min(unknown)!r}: correct its spelling"
            )
        given = LabelVocabulary.from_names([]) if vocabulary is None else vocabulary
        as_texts = {name: _texts(name, names.get(name, name)) for name in classes}
        self.vocabulary = given
        for each in sources:  # one after the other: two classes of one source are never the same
            self.vocabulary = with_classes(self.vocabulary, [as_texts[name] for name in each])
        labels = ClassMapper(self.vocabulary).map(list(as_texts.values())).tolist()
        self.ids: dict[str, int] = dict(zip(classes, labels, strict=True))
        self.texts = {name: texts[0] if texts else class_texts(name)[0] for name, texts in as_texts.items()}
        wanted = (name for name in classes if as_texts[name])
        if wordless := [name for name in wanted if self.ids[name] < 0]:
            raise ValueError(f"expected class names with a word; got {wordless[0]!r}: give it a name, with names=")
        self.unmapped = () if vocabulary is None else tuple(name for name in classes if self.ids[name] >= len(given))
        of_label = defaultdict(list)
        for name, label in self.ids.items():
            of_label[label].append(name)
        self.merged = tuple(tuple(group) for label, group in of_label.items() if label >= 0 and len(group) > 1)

    def __len__(self) -> int:
        """Gives the number of labels."""
        return len(self.vocabulary)

    def __str__(self) -> str:
        parts = [f"{len(self):,} labels for {len(self.ids):,} classes"]
        if self.unmapped:
            parts.append(f"{len(self.unmapped):,} classes with labels of their own: {_some(self.unmapped)}")
        if self.merged:
            parts.append(f"classes that share a label: {_some([' = '.join(group) for group in self.merged])}")
        if without := [name for name, label in self.ids.items() if label < 0]:
            parts.append(f"{len(without):,} classes without a label: {_some(without)}")
        return "; ".join(parts)


def space_of(sources: Sequence[Source], labeler: DenseLabeler | None) -> LabelSpace | None:
    """Makes the label space of some sources and a labeler of captions; None if nothing has a label."""
    classes = [source.class_names for source in sources if source.class_names is not None]
    if not classes and labeler is None:
        return None
    return LabelSpace(*classes, vocabulary=None if labeler is None else labeler.vocabulary)


def check_labeler(labeler: DenseLabeler | None, space: LabelSpace | None) -> None:
    """Refuses a labeler whose labels are not those of the space, or depend on more than a caption.

    Raises:
        ValueError: The labels differ, the filters would count the captions of each batch by itself, or need images.
    """
    if labeler is None or space is None:
        return
    names = labeler.vocabulary.names
    if names != space.vocabulary.names[: len(names)]:
        raise ValueError(
            "expected a labeler with the labels of the label space; got one with others: make it of "
            "label_space.vocabulary, or the label space of its vocabulary"
        )
    if labeler.filters.need_frequency and labeler.frequency is None:
        raise ValueError(
            "expected counts of the whole data, as batches are labelled one by one; got none: count first, with "
            "DenseLabeler(..., frequency_of=labeler.count(captions))"
        )
    if labeler.filters.relevance is not None:
        raise ValueError(
            "expected a labeler without a relevance filter, which needs images; got one: label the captions before "
            "training, with unicl label"
        )


def _texts(name: str, given: str | None) -> tuple[str, ...]:
    """Gives the texts of a class; none for one that shall have no label."""
    if given is None:
        return ()
    texts = class_texts(given)
    if not texts:
        raise ValueError(f"expected class names with a word; got {given!r} for {name!r}: give it a name, with names=")
    return texts


def _some(names: Iterable[str], most: int = 10) -> str:
    shown = list(names)
    return ", ".join(shown[:most]) + (f", and {len(shown) - most:,} more" if len(shown) > most else "")
