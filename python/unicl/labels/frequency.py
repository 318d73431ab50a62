"""Counts in how many captions labels occur, and limits these counts."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unicl.labels.label_sets import LabelSets


def as_counts(
    total: int, *, min_document_frequency: float, max_document_frequency: float, top_k: int | None = None
) -> tuple[int, int]:
    """The least and the greatest document frequency as numbers of captions, after all three limits are checked.

    Args:
        total: How many captions there are.
        min_document_frequency: An int is a number of captions, a float a share of all in [0, 1].
        max_document_frequency: Likewise; 1.0 sets no limit.
        top_k: How many labels there may be; None sets no limit.

    Raises:
        TypeError: A limit is no number.
        ValueError: One is out of range, or the minimum exceeds the maximum.

    Example:
        >>> as_counts(1_000, min_document_frequency=3, max_document_frequency=0.25)
        (3, 250)
    """
    least = _as_count("min_document_frequency", min_document_frequency, total)
    most = _as_count("max_document_frequency", max_document_frequency, total)
    # A share and a number are not compared: a few captions may be fewer than the least number, and have no label.
    if is_share(min_document_frequency) == is_share(max_document_frequency) and (
        min_document_frequency > max_document_frequency
    ):
        raise ValueError(
            f"expected min_document_frequency <= max_document_frequency; got {min_document_frequency} and "
            f"{max_document_frequency}"
        )
    if top_k is not None and top_k < 1:
        raise ValueError(f"expected top_k >= 1, or None for all; got {top_k}")
    return least, most


def is_share(limit: float) -> bool:
    """Whether a limit is a share of the captions and not a number of them: 1 is a caption, and 1.0 all of them."""
    return not isinstance(limit, Integral)


def _as_count(name: str, limit: float, total: int) -> int:
    if not isinstance(limit, Real):
        raise TypeError(f"expected {name} as an int or as a share in [0, 1]; got {limit!r}")
    if not is_share(limit):
        if limit < 0:
            raise ValueError(f"expected {name} >= 0; got {limit}")
        return int(limit)
    if not 0.0 <= limit <= 1.0:
        raise ValueError(f"expected {name} as an int or as a share in [0, 1]; got {limit}")
    return round(float(limit) * total)


@dataclass(frozen=True, kw_only=True, eq=False)
class DocumentFrequency:
    """In how many captions of a data set each label occurs. Those of the parts of a data set add up.

    Attributes:
        counts: int64 (number of labels,).
        num_captions: How many captions there were, those without labels included.

    Raises:
        TypeError: The counts are no array of integers.
        ValueError: A count is negative or exceeds the number of captions, or data sets of other vocabularies are added.

    Example:
        >>> first = DocumentFrequency.of(LabelSets.from_lists([[0], [0, 1]]), num_labels=3)
        >>> both = first + DocumentFrequency.of(LabelSets.from_lists([[1], []]), num_labels=3)
        >>> both.counts.tolist(), both.num_captions
        ([2, 2, 0], 4)
    """

    counts: NDArray[np.int64]
    num_captions: int

    def __post_init__(self) -> None:
        if not isinstance(self.counts, np.ndarray) or self.counts.dtype.kind not in "iu" or self.counts.ndim != 1:
            got = f"{self.counts.dtype} {self.counts.shape}" if isinstance(self.counts, np.ndarray) else self.counts
            raise TypeError(f"expected counts as a numpy array of integers (number of labels,); got {got}")
        least, most = int(self.counts.min(initial=0)), int(self.counts.max(initial=0))
        if least < 0 or most > self.num_captions:
            wrong = least if least < 0 else most
            raise ValueError(f"expected counts from 0 to the number of captions, {self.num_captions}; got {wrong}")

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

        0 for a label of every caption, which says nothing; a label that no caption has counts as if one had it. For
        ``LabelSets.weighted``.

        Example:
            >>> DocumentFrequency(counts=np.array([8, 1, 0]), num_captions=8).rarity().round(2).tolist()
            [0.0, 2.08, 2.08]
        """
        rarity: NDArray[np.float64] = np.log(max(self.num_captions, 1) / self.counts.clip(1))
        return rarity
