"""How many captions each label occurs in, and the limits on these counts."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unicl.labels.label_sets import LabelSets

FrequencySource: TypeAlias = Literal["captions", "vocabulary"]
"""The captions in which labels are counted: those of the call, or those that the vocabulary was mined from."""


@dataclass(frozen=True, kw_only=True)
class FrequencyLimits:
    """In how many captions a label must be, and in how many it may be.

    Raises:
        TypeError: A limit is not a number.
        ValueError: A limit is out of range, or the minimum exceeds the maximum.

    Example:
        >>> FrequencyLimits(min_document_frequency=3, max_document_frequency=0.25).as_counts(1_000)
        (3, 250)
    """

    min_document_frequency: int | float = 0
    """In how many captions a label must be: a number such as 5, or a share such as 0.001."""
    max_document_frequency: int | float = 1.0
    """In how many captions a label may be: a number such as 5000, or a share such as 0.1; 1.0 sets no limit."""

    def __post_init__(self) -> None:
        least, most = self.min_document_frequency, self.max_document_frequency
        _check_limit("min_document_frequency", least)
        _check_limit("max_document_frequency", most)
        # A share and a number are not compared: a few captions can be fewer than the minimum; then no label is left.
        if is_share(least) == is_share(most) and least > most:
            raise ValueError(
                f"expected min_document_frequency <= max_document_frequency; got {least} and {most}: "
                "lower the first or raise the second"
            )

    @property
    def has_limit(self) -> bool:
        """Whether there is a count of captions that a label could violate."""
        most = self.max_document_frequency
        return self.min_document_frequency != 0 or not is_share(most) or most < 1.0

    def as_counts(self, num_captions: int) -> tuple[int, int]:
        """The minimum and the maximum as numbers of captions, of that many in all."""
        least, most = (
            round(float(limit) * num_captions) if is_share(limit) else int(limit)
            for limit in (self.min_document_frequency, self.max_document_frequency)
        )
        return least, most


@dataclass(frozen=True, kw_only=True)
class MiningLimits(FrequencyLimits):
    """Which names a vocabulary is mined with.

    Raises:
        TypeError: A limit is not a number.
        ValueError: A limit is out of range, or the minimum exceeds the maximum.
    """

    min_document_frequency: int | float = 2
    """In how many captions a name must be: a number such as 5, or a share such as 0.001."""
    top_k: int | None = None
    """Mine only that many labels, the most frequent."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"expected top_k >= 1, or None for all; got {self.top_k}")


def is_share(limit: float) -> bool:
    """Whether a limit is a share of the captions, and not a number of them: 1 is one caption, and 1.0 is all."""
    return not isinstance(limit, Integral)


def _check_limit(name: str, limit: float) -> None:
    if not isinstance(limit, Real):
        raise TypeError(f"expected {name} as an int or as a share in [0, 1]; got {limit!r}")
    if not is_share(limit):
        if limit < 0:
            raise ValueError(f"expected {name} >= 0; got {limit}")
    elif not 0.0 <= limit <= 1.0:
        raise ValueError(f"expected {name} as an int or as a share in [0, 1]; got {limit}")


@dataclass(frozen=True, kw_only=True, eq=False)
class DocumentFrequency:
    """The number of captions of a data set that have each label. The counts of parts of a data set can be added.

    Raises:
        TypeError: The counts are not an array of integers.
        ValueError: A count is negative or exceeds the number of captions, or counts of different vocabularies are
            added.

    Example:
        >>> from unicl.labels import LabelSets
        >>> first = DocumentFrequency.of(LabelSets.from_lists([[0], [0, 1]]), num_labels=3)
        >>> both = first + DocumentFrequency.of(LabelSets.from_lists([[1], []]), num_labels=3)
        >>> both.counts.tolist(), both.num_captions
        ([2, 2, 0], 4)
    """

    counts: NDArray[np.int64]
    """int64 (number of labels,)."""
    num_captions: int
    """The number of captions, including those without labels."""

    def __post_init__(self) -> None:
        if not isinstance(self.counts, np.ndarray) or self.counts.dtype.kind not in "iu" or self.counts.ndim != 1:
            got = f"{self.counts.dtype} {self.counts.shape}" if isinstance(self.counts, np.ndarray) else self.counts
            raise TypeError(f"expected counts as a numpy array of integers (number of labels,); got {got}")
        least, most = int(self.counts.min(initial=0)), int(self.counts.max(initial=0))
        if least < 0 or most > self.num_captions:
            wrong = least if least < 0 else most
            raise ValueError(f"expected counts from 0 to the number of captions, {self.num_captions}; got {wrong}")

    @classmethod
    def zeros(cls, num_labels: int) -> DocumentFrequency:
        """The counts before the first caption, to add others to."""
        return cls(counts=np.zeros(num_labels, np.int64), num_captions=0)

    @classmethod
    def of(cls, sets: LabelSets, *, num_labels: int) -> DocumentFrequency:
        """The counts of captions whose labels are known."""
        return cls(counts=sets.document_frequency(num_labels), num_captions=len(sets))

    def __add__(self, other: DocumentFrequency) -> DocumentFrequency:
        """The counts of both data sets together."""
        if len(self.counts) != len(other.counts):
            raise ValueError(
                f"expected counts of one vocabulary; got {len(self.counts)} and {len(other.counts)} labels"
            )
        return DocumentFrequency(counts=self.counts + other.counts, num_captions=self.num_captions + other.num_captions)

    def rarity(self) -> NDArray[np.float64]:
        """float64 (number of labels,): the inverse document frequency, log(captions / captions with the label).

        A label that every caption has gets 0, because it does not tell captions apart. A label that no caption has
        gets the value of a label of one caption. Pass the result to ``LabelSets.weighted``.

        Example:
            >>> DocumentFrequency(counts=np.array([8, 1, 0]), num_captions=8).rarity().round(2).tolist()
            [0.0, 2.08, 2.08]
        """
        rarity: NDArray[np.float64] = np.log(max(self.num_captions, 1) / self.counts.clip(1))
        return rarity
