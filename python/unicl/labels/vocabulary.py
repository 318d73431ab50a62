"""The label space: names with ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unicl import _native
from unicl.text import PosTagger
from unicl.text.captions import Captions
from unicl.text.tagging import english_tagger


class LabelVocabulary:
    """Label names with ids from 0, in the order given, their synonyms and, if there are any, their parents.

    Make one with :meth:`from_names`, :meth:`from_file` or :meth:`mine`. Ids never change: a vocabulary is not edited.
    Names are told apart without regard to case, articles and marks at the edges of words.

    Attributes:
        names: The names; a label's id is its index.
        synonyms: For a name, other texts that mean it.
        parents: int32 (number of labels,), the id of each label's parent; -1 where it has none.
        document_frequency: int64 (number of labels,), in how many captions each was found; None unless mined.

    Example:
        >>> vocabulary = LabelVocabulary.from_names(["dog", "hot dog"], synonyms={"dog": ["puppy"]})
        >>> len(vocabulary), vocabulary.id("Hot Dog"), "cat" in vocabulary
        (2, 1, False)
    """

    def __init__(
        self,
        names: Iterable[str],
        *,
        synonyms: Mapping[str, Iterable[str]] | None = None,
        parents: Mapping[str, str] | None = None,
        document_frequency: NDArray[np.int64] | None = None,
    ) -> None:
        if isinstance(names, str):
            raise TypeError(f"expected a list of label names; got the str {names!r}")
        self.names: tuple[str, ...] = tuple(names)
        self.synonyms: dict[str, tuple[str, ...]] = {}
        for name, others in (synonyms or {}).items():
            if isinstance(others, str):
                raise TypeError(f"expected a list of synonyms of {name!r}; got the str {others!r}")
            self.synonyms[name] = tuple(others)
        self._parent_names = dict(parents or {})
        pairs = [(name, other) for name, others in self.synonyms.items() for other in others]
        self._native = _native.LabelIndex(list(self.names), pairs, list(self._parent_names.items()))
        self.parents: NDArray[np.int32] = self._native.parents
        if document_frequency is not None and len(document_frequency) != len(self.names):
            raise ValueError(f"expected {len(self.names)} document frequencies; got {len(document_frequency)}")
        self.document_frequency = document_frequency

    @classmethod
    def from_names(
        cls,
        names: Iterable[str],
        *,
        synonyms: Mapping[str, Iterable[str]] | None = None,
        parents: Mapping[str, str] | None = None,
    ) -> LabelVocabulary:
        """A vocabulary of names.

        Args:
            names: The names, in the order of their ids.
            synonyms: For some of the names, other texts that mean them. Plurals need not be given.
            parents: For some of the names, the name of a more general label.

        Raises:
            TypeError: A str in place of a list.
            ValueError: A blank name, a name that occurs twice, a synonym that means two labels, a synonym or parent
                of an unknown label, or parents that go in a circle. The message names the labels.
        """
        return cls(names, synonyms=synonyms, parents=parents)

    @classmethod
    def from_file(cls, path: str | Path) -> LabelVocabulary:
        """A vocabulary from a text file (UTF-8): a name a line, and after it its synonyms, with tabs between them.

        Blank lines are skipped.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is not UTF-8, or what :meth:`from_names` refuses; the message names the file.
        """
        names, synonyms = [], {}
        try:
            for line in Path(path).read_text(encoding="utf-8-sig").splitlines():
                cells = [cell.strip() for cell in line.split("\t") if cell.strip()]
                if cells:
                    names.append(cells[0])
                    synonyms[cells[0]] = cells[1:]
            return cls(names, synonyms=synonyms)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    @classmethod
    def mine(
        cls,
        captions: Captions,
        *,
        min_document_frequency: float = 2,
        max_document_frequency: float = 1.0,
        top_k: int | None = None,
        tagger: PosTagger | None = None,
        grammar: str | None = None,
        threads: int | None = None,
    ) -> LabelVocabulary:
        """A vocabulary of the noun phrases of captions, the most frequent first.

        Every noun phrase counts, without its determiner and with its head in the singular, and so does what remains
        when words are taken away from its left: "two black dogs" counts for "two black dog" (if that often), "black
        dog" and "dog".

        Args:
            captions: A batch of captions, or an Arrow column.
            min_document_frequency: In how many captions a name must be at least. An int is a number of captions, a
                float a share of them in [0, 1].
            max_document_frequency: In how many it may be at most, likewise; 1.0 sets no limit.
            top_k: Keep only that many, the most frequent.
            tagger: The tagger; None for the package's own weights.
            grammar: The noun-phrase grammar; None for that of :func:`unicl.text.find_noun_phrases`.
            threads: How many threads to use; None for all cores.

        Raises:
            TypeError: ``captions`` is one str, or has a row that is not a string.
            ValueError: A limit is out of range, or the minimum exceeds the maximum.

        Example:
            >>> captions = ["a black dog", "two dogs on grass", "green grass"]
            >>> vocabulary = LabelVocabulary.mine(captions, min_document_frequency=2)
            >>> vocabulary.names, vocabulary.document_frequency.tolist()
            (('dog', 'grass'), [2, 2])
        """
        if isinstance(captions, str):
            raise TypeError("expected a batch of captions; got one str")
        if not isinstance(captions, Sized):  # a share of them could not be told
            raise TypeError(
                f"expected a batch of captions with a length; got {type(captions).__name__}; read it into a list"
            )
        total = len(captions)
        least = as_count("min_document_frequency", min_document_frequency, total)
        most = as_count("max_document_frequency", max_document_frequency, total)
        # A share and a number are not compared: a few captions may be fewer than the least number, and give no name.
        if isinstance(min_document_frequency, float) == isinstance(max_document_frequency, float) and least > most:
            raise ValueError(
                f"expected min_document_frequency <= max_document_frequency; got {min_document_frequency} and "
                f"{max_document_frequency}"
            )
        if top_k is not None and top_k < 1:
            raise ValueError(f"expected top_k >= 1, or None for all; got {top_k}")
        native = (english_tagger() if tagger is None else tagger)._native
        mined = _native.mine_labels(captions, native, least, most, top_k, grammar, threads)
        counts = np.array([count for _, count in mined], dtype=np.int64)
        return cls([name for name, _ in mined], document_frequency=counts)

    def id(self, name: str) -> int:
        """The id of a label by its name.

        Raises:
            KeyError: There is no such label.
        """
        found = self._native.id(name)
        if found is None:
            raise KeyError(f"no label {name!r} among the {len(self)} of the vocabulary")
        return found

    def __len__(self) -> int:
        """The number of labels."""
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        """Whether there is a label of this name."""
        return isinstance(name, str) and self._native.id(name) is not None

    def __getstate__(self) -> dict[str, Any]:
        return {
            "names": self.names,
            "synonyms": self.synonyms,
            "parents": self._parent_names,
            "document_frequency": self.document_frequency,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __repr__(self) -> str:
        shown = ", ".join(repr(name) for name in self.names[:3])
        return f"LabelVocabulary({len(self)} labels: {shown}{', ...' if len(self) > 3 else ''})"


def as_count(name: str, limit: float, total: int) -> int:
    """A limit as a number of captions: an int is one, a float is a share of all.

    Raises:
        ValueError: A negative int, or a float outside [0, 1].
    """
    if isinstance(limit, float):
        if not 0.0 <= limit <= 1.0:
            raise ValueError(f"expected {name} as an int or as a share in [0, 1]; got {limit}")
        return round(limit * total)
    if limit < 0:
        raise ValueError(f"expected {name} >= 0; got {limit}")
    return limit
