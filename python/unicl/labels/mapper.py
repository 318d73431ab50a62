"""Phrases to labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unicl import _native
from unicl.labels.vocabulary import LabelVocabulary
from unicl.phrases import english_tagger
from unicl.text import Captions


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
    PARENT = 6
    """It means a label that is not kept; this is the nearest of that label's ancestors that is."""
    FUZZY = 7
    """It means the label once a slip of the pen is corrected: "a girafe" and "giraffe"."""
    ARGMAX = 8
    """Of all labels its name is the most alike (the mode "argmax" has only this rule)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelMapping:
    """The labels of phrases.

    Attributes:
        ids: int32 (n,), the id of each phrase's label; -1 where it has none.
        scores: float32 (n,), the share of the phrase's words, determiners apart, that the label accounts for; 0 where
            it has none. Of FUZZY that share times the similarity of the least similar corrected word; of ARGMAX the sum
            that the label won by, in [0, 2].
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
    edges of words do not count, and an underscore is a space. The whole phrase is tried as a name, by the singular of
    its last word, as a synonym; then what remains when words are taken away from its left, the longest first. The head
    noun, the last word, always stays: "dog house" is never "dog". What ends in a blocked text of the vocabulary has no
    label. Where nothing is found and the last word is a verb that a tagger took for a noun, the rest counts: "a dog
    trots" is "dog".

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
        kept: bool (number of labels,), which labels may be given. A phrase that means another gets the nearest of its
            ancestors that may (``Rule.PARENT``), or none. None: all. Ids stay as they are.
        fuzzy_threshold: In (0, 1]. Where a phrase means nothing, its slips of the pen are corrected: in a word of five
            letters or more, neither a word of the labels nor one that the package's tagger has met, two neighbouring
            letters swapped (not the first), a letter doubled, or a double one single. It becomes the word of the
            labels that was meant (of five letters or more; the longest, the first in the alphabet of equals) if the
            similarity, 1 - 1 / (letters of the longer), is at least this: 0.8 for any. None: no word is corrected.

    Raises:
        ValueError: Another mode, flags of the wrong number, a threshold out of range, or either with "argmax".
        TypeError: No vocabulary, or ``kept`` is not of bools.

    Example:
        >>> vocabulary = LabelVocabulary.from_names(["dog", "hot dog", "clog"], synonyms={"dog": ["puppy"]})
        >>> mapping = LabelMapper(vocabulary).map(["the dogs", "big hot dogs", "puppies", "cloth"])
        >>> mapping.ids.tolist(), [Rule(rule).name for rule in mapping.rules]
        ([0, 1, 0, -1], ['LEMMA', 'SUB_PHRASE', 'SYNONYM', 'ABSTAIN'])
        >>> LabelMapper(vocabulary, mode="argmax").map(["the dog", "big hot dogs", "cloth"]).ids.tolist()
        [0, 1, 2]
    """

    def __init__(
        self,
        vocabulary: LabelVocabulary,
        *,
        mode: str = "canonical",
        kept: ArrayLike | None = None,
        fuzzy_threshold: float | None = None,
    ) -> None:
        if not isinstance(vocabulary, LabelVocabulary):
            raise TypeError(
                f"expected a LabelVocabulary, such as LabelVocabulary.coco() or .from_names(names); got {vocabulary!r}"
            )
        if mode not in ("canonical", "argmax"):
            raise ValueError(f'expected mode "canonical" or "argmax"; got {mode!r}')
        if mode == "argmax" and not (kept is None and fuzzy_threshold is None):
            raise ValueError('kept and fuzzy_threshold are of mode="canonical"; "argmax" compares with every label')
        if fuzzy_threshold is not None and not 0.0 < fuzzy_threshold <= 1.0:
            raise ValueError(f"expected fuzzy_threshold in (0, 1], or None; got {fuzzy_threshold}")
        self.kept: NDArray[np.bool_] | None = None
        self._nearest_kept: NDArray[np.int32] | None = None
        if kept is not None:
            self.kept = np.ascontiguousarray(kept)
            if self.kept.dtype != np.bool_ and self.kept.size:
                raise TypeError(f"expected kept to be of bools, one for each label; got {self.kept.dtype}")
            if self.kept.shape != (len(vocabulary),):
                raise ValueError(f"expected kept of shape ({len(vocabulary)},), the labels; got {self.kept.shape}")
            self._nearest_kept = vocabulary._native.nearest_kept(self.kept.astype(np.bool_))
        self.fuzzy_threshold = fuzzy_threshold
        self.vocabulary = vocabulary
        self.mode = mode

    @property
    def _known_words(self) -> _native.PosTagger | None:
        return None if self.fuzzy_threshold is None else english_tagger()._native

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
        ids, scores, rules = self.vocabulary._native.map(phrases, threads, self)
        return LabelMapping(ids=ids, scores=scores, rules=rules)
