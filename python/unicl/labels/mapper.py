"""Maps phrases to labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from unicl import _native
from unicl.labels.vocabulary import LabelVocabulary
from unicl.phrases import english_tagger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from unicl.text import Captions

Mode: TypeAlias = Literal["canonical", "argmax"]
"""How phrases become labels: "canonical" by their meaning, or not at all; "argmax" by their spelling, always."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelMapping:
    """The labels of phrases.

    Attributes:
        ids: int32 (n,), the id of each phrase's label; -1 for none.
        scores: float32 (n,), the score of each phrase's label; 0 for none. The score is the share of the phrase's
            words that the label accounts for; determiners are not counted. With ``Rule.FUZZY`` it is that share times
            the similarity of the least similar corrected word. With ``Rule.ARGMAX`` it is the sum by which the label
            was chosen, in [0, 2].
        rules: uint8 (n,), the :class:`Rule` that gave each phrase its label.
    """

    ids: NDArray[np.int32]
    scores: NDArray[np.float32]
    rules: NDArray[np.uint8]

    def __len__(self) -> int:
        """The number of phrases."""
        return len(self.ids)


class LabelMapper:
    """Maps phrases to the labels of a vocabulary.

    ``mode="canonical"`` finds the meaning of a phrase. A phrase that means no label gets none. Determiners, case and
    marks at the edges of words do not count, and an underscore is a space. The mapper tries the whole phrase as a name,
    then by the singular of its last word, then as a synonym. Then it takes words away from the left and tries what
    remains, the longest first. The head noun, the last word, always stays: "dog house" is never "dog". A phrase that
    ends in a blocked text of the vocabulary has no label. If nothing is found and the last word is a verb that a tagger
    took for a noun, the mapper tries the phrase without it: "a dog trots" is "dog".

    ``mode="argmax"`` compares spellings, and always gives a label: the one whose name has the highest
    ``string_similarity + word_overlap``; of equals the one with the smallest id. Both strings are lower-cased and
    otherwise compared as they are; synonyms are not used. ``string_similarity`` is rapidfuzz's
    ``Indel.normalized_similarity``: for strings of m and n characters,
    ``1 - (m + n - 2 * longest common subsequence) / (m + n)``. ``word_overlap`` is the Jaccard index of their sets of
    words, as ``str.split()`` gives them, and 0 if both are empty. Scores are compared in double precision, and the
    answer always equals that of a loop over all labels. Of a phrase of more than 1,000 characters the last 1,000 count.
    This mode knows no meanings: "men" can become "menu".

    Args:
        vocabulary: The labels.
        mode: "canonical" or "argmax".
        kept: bool (number of labels,), the labels that may be given. A phrase that means another label gets the nearest
            ancestor of it that may be given (``Rule.PARENT``), or no label. None: all may be given. Ids do not change.
        fuzzy_threshold: In (0, 1], the least similarity for a correction; None: no word is corrected. It applies to
            phrases that mean nothing. A word is corrected if it has five letters or more and is neither a word of the
            labels nor known to the package's tagger. Corrections are: two neighbouring letters swapped (not the first),
            a letter doubled, or a double letter single. The result must be a word of the labels of five letters or
            more; of several, the longest, then the first in the alphabet. The similarity is 1 - 1 / (letters of the
            longer word); 0.8 accepts all corrections.

    Raises:
        ValueError: The mode is unknown, there are not as many flags as labels, or the threshold is out of range.
            Or ``kept`` or ``fuzzy_threshold`` is given with "argmax".
        TypeError: ``vocabulary`` is not a vocabulary, or ``kept`` has no bools.

    Example:
        >>> from unicl.labels import Rule
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
        mode: Mode = "canonical",
        kept: ArrayLike | None = None,
        fuzzy_threshold: float | None = None,
    ) -> None:
        if not isinstance(vocabulary, LabelVocabulary):
            raise TypeError(
                f"expected a LabelVocabulary, such as LabelVocabulary.coco() or .from_names(names); got {vocabulary!r}"
            )
        if mode not in get_args(Mode):
            raise ValueError(f'expected mode "canonical" or "argmax"; got {mode!r}')
        if mode == "argmax" and not (kept is None and fuzzy_threshold is None):
            raise ValueError(
                'expected neither kept nor fuzzy_threshold with mode="argmax", which compares with every label; got one'
            )
        if fuzzy_threshold is not None and not 0.0 < fuzzy_threshold <= 1.0:
            raise ValueError(f"expected fuzzy_threshold in (0, 1], or None; got {fuzzy_threshold}")
        self.vocabulary = vocabulary
        self.mode: Mode = mode
        self.kept = None if kept is None else _as_flags(kept, len(vocabulary))
        self.fuzzy_threshold = fuzzy_threshold
        self._native = _native.LabelMapper(
            vocabulary._native,
            mode=mode,
            nearest_kept=None if self.kept is None else vocabulary._native.nearest_kept(self.kept),
            fuzzy_threshold=fuzzy_threshold,
            known_words=None if fuzzy_threshold is None else english_tagger()._native,
        )

    def map(self, phrases: Captions | Sequence[str], *, threads: int | None = None) -> LabelMapping:
        """Maps every phrase to its label.

        Args:
            phrases: A batch of phrases, or an Arrow column.
            threads: How many threads to use; None for all cores.

        Raises:
            TypeError: ``phrases`` is one str, or has a row that is not a string.
        """
        if isinstance(phrases, str):
            raise TypeError("expected a batch of phrases; got one str")
        ids, scores, rules = self._native.map(phrases, threads=threads)
        return LabelMapping(ids=ids, scores=scores, rules=rules)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary,
            "mode": self.mode,
            "kept": self.kept,
            "fuzzy_threshold": self.fuzzy_threshold,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def _as_flags(kept: ArrayLike, num_labels: int) -> NDArray[np.bool_]:
    flags = np.ascontiguousarray(kept)
    if flags.dtype != np.bool_ and flags.size:
        raise TypeError(f"expected kept to be of bools, one for each label; got {flags.dtype}")
    if flags.shape != (num_labels,):
        raise ValueError(f"expected kept of shape ({num_labels},), the labels; got {flags.shape}")
    return flags.astype(np.bool_)
