"""Reads the classes of rows beside their captions, and gives them their labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unicl.files import SKIP_BAD_ROWS, class_column, class_names, flat_classes
from unicl.labels import ClassMapper, LabelSets, LabelVocabulary, class_texts, open_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from unicl.files import BadRows, CaptionBatch, Source

MAX_CLASSES = 1_000_000
NUMBER = "class number without a name"


@dataclass(frozen=True, kw_only=True)
class ClassOptions:
    """Which column has the classes of rows, and what their names are."""

    class_column: str | None = None
    """The column with the classes: names, wnids or integers, or lists of them. Class folders and COCO's JSON have a
    column of their own. If not given: other files have captions alone."""
    class_names: str | None = None
    """The names of classes that are integers: a file with a name a line, or a vocabulary such as imagenet-1k. If not
    given: those that the file has, as HF datasets write them."""

    def open_names(self) -> LabelVocabulary | None:
        """Opens the names of integers.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is malformed, or has a name twice.
        """
        return None if self.class_names is None else open_vocabulary(self.class_names)


class ClassEntries:
    """The classes of a batch of rows. A row may have several, or none.

    Args:
        rows: int64 (entries,), the row of each class.
        which: int64 (entries,), the class, as an index into ``texts``.
        texts: The texts of each class that occurs; see :func:`unicl.labels.class_texts`.
        num_rows: The rows of the batch.
    """

    def __init__(
        self, rows: NDArray[np.int64], which: NDArray[np.int64], texts: list[tuple[str, ...]], num_rows: int
    ) -> None:
        self.rows, self.which, self.texts, self.num_rows = rows, which, texts, num_rows

    def has_class(self) -> NDArray[np.bool_]:
        """Gives bool (num_rows,): whether a row has a class."""
        has: NDArray[np.bool_] = np.bincount(self.rows, minlength=self.num_rows) > 0
        return has

    def without(self, is_bad: NDArray[np.bool_] | None) -> ClassEntries:
        """Gives the classes of the other rows; those that are bad have none."""
        if is_bad is None:
            return self
        stays = ~is_bad[self.rows]
        return ClassEntries(self.rows[stays], self.which[stays], self.texts, self.num_rows)

    def of_good_rows(self, is_bad: NDArray[np.bool_] | None) -> ClassEntries:
        """Gives the classes of a batch without its bad rows, which have none."""
        if is_bad is None:
            return self
        rows = np.cumsum(~is_bad) - 1
        return ClassEntries(rows[self.rows], self.which, self.texts, int(np.count_nonzero(~is_bad)))

    def sets(self, labels: NDArray[np.int32]) -> LabelSets:
        """Gives every row the labels of its classes, from the label of each class; -1 stands for none."""
        of_entries = labels[self.which]
        is_label = of_entries >= 0
        return LabelSets.from_pairs(self.rows[is_label], of_entries[is_label], num_rows=self.num_rows)


@dataclass(frozen=True, kw_only=True, eq=False)
class FileClasses:
    """The classes of a file.

    Attributes:
        column: The column that has them; None: there are none.
        names: The names of integers.
    """

    column: str | None = None
    names: LabelVocabulary | None = None
    _texts: dict[str | int, tuple[str, ...] | None] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, source: Source, column: str | None, names: LabelVocabulary | None) -> FileClasses:
        """Finds the classes of a file.

        Raises:
            ValueError: The column is missing, or holds no classes; the names in the file are not distinct.
        """
        found = class_column(source, column)
        own = None if found is None or names is not None else class_names(source, found)
        if own is not None:
            try:
                names = LabelVocabulary.from_names(own)
            except ValueError as error:
                raise ValueError(
                    f"{source.path}: the names of the column {found!r}: {error}: give other ones with class_names=NAMES"
                ) from None
        return cls(column=found, names=names)

    def read(
        self, batch: CaptionBatch, path: Path, bad_rows: BadRows, skipped: Counter[str] | None = None
    ) -> tuple[CaptionBatch, ClassEntries | None]:
        """Gives a batch in which rows are bad whose class has no name, and the classes of the other rows.

        Raises:
            ValueError: A row has an integer without a name, and bad rows are not skipped; or there are more different
                classes than a million.
        """
        if batch.classes is None:
            return batch, None
        rows, values = flat_classes(batch.classes)
        if batch.is_bad is not None:
            is_good = ~batch.is_bad[rows]
            rows, values = rows[is_good], values.filter(pa.array(is_good))
        encoded = values.dictionary_encode()
        which = encoded.indices.to_numpy().astype(np.int64)
        texts = [self._texts_of(value) for value in encoded.dictionary.to_pylist()]
        nameless = [place for place, each in enumerate(texts) if each is None]
        if nameless:
            bad = np.unique(rows[np.isin(which, nameless)])
            if bad_rows == "error":
                place, value = batch.place(int(bad[0])), values[int(np.isin(which, nameless).argmax())]
                limit = f"below {len(self.names.names)}" if self.names else "with a name"
                remedy = "" if self.names else ", or name the classes with class_names=NAMES"
                raise ValueError(f"{path}, {place}: expected a class {limit}; got {value}: {SKIP_BAD_ROWS}{remedy}")
            if skipped is not None:
                skipped[NUMBER] += len(bad)
            is_bad = np.zeros(len(batch), np.bool_) if batch.is_bad is None else batch.is_bad.copy()
            is_bad[bad] = True
            captions = pc.if_else(pa.array(is_bad), pa.scalar("", batch.captions.type), batch.captions)
            batch = replace(batch, is_bad=is_bad, captions=captions)
            rows, which = rows[~is_bad[rows]], which[~is_bad[rows]]
        return batch, ClassEntries(rows, which, [each or () for each in texts], len(batch))

    def _texts_of(self, value: str | int) -> tuple[str, ...] | None:
        """Gives the texts of a class; None for an integer without a name."""
        if value not in self._texts:
            if len(self._texts) >= MAX_CLASSES:
                raise ValueError(
                    f"expected classes in the column {self.column!r}; got more than {MAX_CLASSES:,} different values: "
                    "name another column with class_column=NAME"
                )
            try:
                self._texts[value] = class_texts(value, self.names)
            except ValueError:
                self._texts[value] = None
        return self._texts[value]


class ClassLabels:
    """The labels of classes, and how many rows have each class.

    Args:
        vocabulary: The labels.

    Attributes:
        rows: How many rows have each class, by its texts.
    """

    def __init__(self, vocabulary: LabelVocabulary) -> None:
        self._mapper = ClassMapper(vocabulary)
        self._labels: dict[tuple[str, ...], int] = {}
        self.rows: Counter[tuple[str, ...]] = Counter()

    def sets(self, classes: ClassEntries) -> LabelSets:
        """Gives every row the labels of its classes."""
        new = [texts for texts in dict.fromkeys(classes.texts) if texts not in self._labels]
        self._labels.update(zip(new, self._mapper.map(new).tolist(), strict=True))
        self.rows.update(
            dict(zip(classes.texts, np.bincount(classes.which, minlength=len(classes.texts)).tolist(), strict=True))
        )
        return classes.sets(np.array([self._labels[texts] for texts in classes.texts], np.int32))

    def count(self) -> int:
        """Gives the number of different classes."""
        return sum(bool(texts) for texts in +self.rows)

    def unmapped(self) -> Counter[str]:
        """Gives the classes that mean no label, by name, and how many rows have each."""
        unmapped: Counter[str] = Counter()
        for texts, rows in self.rows.items():
            if texts and self._labels[texts] < 0:
                unmapped[texts[0]] += rows
        return unmapped

    def shared(self) -> dict[int, list[str]]:
        """Gives the names of the classes that share a label, by label; those of the most rows first."""
        names: dict[int, list[str]] = {}
        for texts, _ in (+self.rows).most_common():
            if texts and self._labels[texts] >= 0:
                names.setdefault(self._labels[texts], []).append(texts[0])
        return {label: shared for label, shared in names.items() if len(shared) > 1}
