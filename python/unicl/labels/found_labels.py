"""The labels of captions, and the noun phrases that mean them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from unicl.labels.label_sets import LabelSets
from unicl.text import Strings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unicl import _native

PhraseDetail: TypeAlias = Literal["count", "label", "text", "lemma"]
"""How much is known of each noun phrase; each value includes the ones before it.

"count": how many phrases a caption has. "label": the label of each phrase, its score and its rule. "text": the text of
each phrase, and its place in the caption. "lemma": the phrase without determiners, its head noun in the singular.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledPhrases:
    """The noun phrases of a batch of captions, with the label that each means.

    Attributes:
        ids: int32 (number of phrases,), the id of each phrase's label; -1 for none.
        scores: float32 (number of phrases,), the score of the label; 0 for none.
        rules: uint8 (number of phrases,), the :class:`Rule` that gave the label.
        texts: The phrases: lower-cased words with single spaces between them.
        spans: int32 (number of phrases, 2), the characters of the caption, from and to.
        lemmas: The phrases without determiners, their head nouns in the singular.

    ``texts``, ``spans`` and ``lemmas`` are None if they were not asked for.
    """

    ids: NDArray[np.int32]
    scores: NDArray[np.float32]
    rules: NDArray[np.uint8]
    texts: Strings | None
    spans: NDArray[np.int32] | None
    lemmas: Strings | None


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundLabels:
    """The labels of a batch of captions, before any filter; made by :meth:`DenseLabeler.find`.

    A place is an index into ``sets.indices``: one label of one caption. A mention is a phrase and one label that it
    means. A phrase has several mentions if its label brings its ancestors along.

    Attributes:
        sets: The labels of every caption, ascending.
        phrase_offsets: int64 (n + 1,): the phrases of caption ``i`` are ``phrase_offsets[i]`` to
            ``phrase_offsets[i + 1]``.
        phrases: The noun phrases; None if only their number was asked for.
        meanings: A row for each phrase, with the labels that it means; None without ``phrases``.
    """

    sets: LabelSets
    phrase_offsets: NDArray[np.int64]
    phrases: LabelledPhrases | None
    meanings: LabelSets | None

    @classmethod
    def from_columns(cls, columns: _native.LabelColumns) -> FoundLabels:
        """The labels in the columns that the Rust extension gives."""
        sets = LabelSets(indices=columns.labels, offsets=columns.label_offsets)
        phrases = meanings = None
        if columns.ids is not None and columns.scores is not None and columns.rules is not None:
            phrases = LabelledPhrases(
                ids=columns.ids,
                scores=columns.scores,
                rules=columns.rules,
                texts=_strings(columns.text),
                spans=columns.spans,
                lemmas=_strings(columns.lemmas),
            )
            is_label = columns.ids >= 0
            meanings = LabelSets.from_lengths(columns.ids[is_label], is_label)
        return cls(sets=sets, phrase_offsets=columns.phrase_offsets, phrases=phrases, meanings=meanings)

    @classmethod
    def of_sets(cls, sets: LabelSets) -> FoundLabels:
        """Labels that no phrase means, such as the classes of images."""
        return cls(sets=sets, phrase_offsets=np.zeros(len(sets) + 1, np.int64), phrases=None, meanings=None)

    def __len__(self) -> int:
        """The number of captions."""
        return len(self.sets)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """int64 (mentions,): the caption of each mention."""
        of_phrases = np.repeat(np.arange(len(self)), np.diff(self.phrase_offsets))
        return of_phrases[self._meanings().rows()]

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """int64 (mentions,): the place of each mention's label."""
        labels = self._meanings().indices
        num_labels = int(labels.max(initial=0)) + 1
        keys = self.sets.rows() * num_labels + self.sets.indices
        return np.searchsorted(keys, self.rows * num_labels + labels)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """int64 (places,): how many noun phrases of the caption mean the label."""
        return np.bincount(self.places, minlength=len(self.sets.indices))

    def replaced(self, by: LabelSets) -> FoundLabels:
        """Every label replaced by those of a row of ``by``: that of its id."""
        meanings = None if self.meanings is None else self.meanings.replaced(by)
        return replace(self, sets=self.sets.replaced(by), meanings=meanings)

    def _meanings(self) -> LabelSets:
        if self.meanings is None:
            raise TypeError('expected labels with their phrases; got labels alone: pass phrases="label" to find()')
        return self.meanings


def _strings(text: tuple[NDArray[np.uint8], NDArray[np.int64]] | None) -> Strings | None:
    return None if text is None else Strings(text=text[0], offsets=text[1])
