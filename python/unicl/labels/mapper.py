"""Phrases to labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from unicl.labels.vocabulary import LabelVocabulary
from unicl.text.captions import Captions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Rule(IntEnum):
    """How a phrase got its label, in the order in which the rules are tried."""

    ABSTAIN = 0
    """It did not."""
    EXACT = 1
    """The phrase is the label's name."""
    LEMMA = 2
    """The phrase is the name but for the number of its head noun: "the dogs" and "dog"."""
    SYNONYM = 3
    """The phrase is a synonym of the label, in either number."""
    SUB_PHRASE = 4
    """Its last words, two or more, are one of these: "big hot dogs" and "hot dog"."""
    HEAD_NOUN = 5
    """Its last word is one of these: "a brown dog" and "dog"."""
    ARGMAX = 8
    """Of all labels its name is the most alike (the mode "argmax" has only this rule)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelMapping:
    """The labels of phrases.

    Attributes:
        ids: int32 (n,), the id of each phrase's label; -1 where it has none.
        scores: float32 (n,), the share of the phrase's words, determiners apart, that the label accounts for; 0 where
            it has none. In the mode "argmax" the sum that the label won by, in [0, 2].
        rules: uint8 (n,), the :class:`Rule` by which it was found.
    """

    ids: NDArray[np.int32]
    scores: NDArray[np.float32]
    rules: NDArray[np.uint8]

    def __len__(self) -> int:
        """The number of phrases."""
        return len(self.ids)


class LabelMapper:
    """Maps phrases to the labels of a vocabulary.

    ``mode="canonical"`` asks what a phrase means; one that means no label gets none. Determiners, case and marks at the
    edges of words do not count. The whole phrase is tried as a name, by the singular of its last word, as a synonym;
    then what remains when words are taken away from its left, the longest first. The head noun, the last word, always
    stays: "dog house" is never "dog". What ends in a blocked text of the vocabulary has no label. Where nothing is
    found and the last word is a verb that a tagger took for a noun, the rest counts: "a dog trots" is "dog".

    ``mode="argmax"`` asks what a phrase looks like, and always answers: the label whose name has the highest
    ``string_similarity + word_overlap``, the smallest id of equals. Both strings are lower-cased and otherwise taken as
    they stand; synonyms are not looked at. ``string_similarity`` is rapidfuzz's ``Indel.normalized_similarity``,
    ``1 - (m + n - 2 * longest common subsequence) / (m + n)`` for strings of m and n characters; ``word_overlap`` is
    the Jaccard index of their sets of words, as ``str.split()`` gives them, 0 when both are empty. Scores are compared
    in double precision, and the answer is always that of a loop over all labels. It knows nothing of meaning: "men"
    may become "menu".

    Args:
        vocabulary: The labels.
        mode: "canonical" or "argmax".

    Raises:
        ValueError: Another mode.

    Example:
        >>> vocabulary = LabelVocabulary.from_names(["dog", "hot dog", "clog"], synonyms={"dog": ["puppy"]})
        >>> mapping = LabelMapper(vocabulary).map(["the dogs", "big hot dogs", "puppies", "cloth"])
        >>> mapping.ids.tolist(), [Rule(rule).name for rule in mapping.rules]
        ([0, 1, 0, -1], ['LEMMA', 'SUB_PHRASE', 'SYNONYM', 'ABSTAIN'])
        >>> LabelMapper(vocabulary, mode="argmax").map(["the dog", "big hot dogs", "cloth"]).ids.tolist()
        [0, 1, 2]
    """

    def __init__(self, vocabulary: LabelVocabulary, *, mode: str = "canonical") -> None:
        if mode not in ("canonical", "argmax"):
            raise ValueError(f'expected mode "canonical" or "argmax"; got {mode!r}')
        self.vocabulary = vocabulary
        self.mode = mode

    def map(self, phrases: Captions | Sequence[str], *, threads: int | None = None) -> LabelMapping:
        """The label of every phrase.

        Args:
            phrases: A batch of phrases, or an Arrow column.
            threads: How many threads to use; None for all cores.

        Raises:
            TypeError: ``phrases`` is one str, or has a row that is not a string.
        """
        if isinstance(phrases, str):
            raise TypeError("expected a batch of phrases; got one str")
        ids, scores, rules = self.vocabulary._native.map(phrases, threads, self.mode)
        return LabelMapping(ids=ids, scores=scores, rules=rules)
