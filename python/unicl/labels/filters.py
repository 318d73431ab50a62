"""Decides which labels of captions stay: by their document frequency, their count in the caption, and the image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from unicl.labels.frequency import DocumentFrequency, FrequencyLimits
from unicl.labels.relevance import RelevanceFilter

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unicl.labels.found_labels import FoundLabels, PhraseDetail
    from unicl.labels.label_sets import LabelSets


class Verdict(IntEnum):
    """Whether a label of a caption stays, or which filter removed it. The filters run in this order."""

    KEPT = 0
    FREQUENCY = 1
    BALANCE = 2
    COUNT = 3
    RELEVANCE = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class FilteredLabels:
    """The labels of a batch of captions, with the verdict of the filters; made by :meth:`DenseLabeler.apply_filters`.

    Attributes:
        sets: The labels before the filters. A label that rolled up stands under the name of its ancestor.
        verdicts: uint8 (number of labels in the sets,), a :class:`Verdict` for each.
        scores: float64 (number of labels in the sets,), the relevance to the image; NaN where it was not scored.
        rolled_up: int64 (n,), how many labels of each caption were replaced by an ancestor.
        weigh: Whether the scores are the weights of the labels.
    """

    sets: LabelSets
    verdicts: NDArray[np.uint8]
    scores: NDArray[np.float64]
    rolled_up: NDArray[np.int64]
    weigh: bool

    def only_rows(self, is_wanted: NDArray[np.bool_]) -> FilteredLabels:
        """The same with empty rows where ``is_wanted``, bool (n,), is False."""
        entries = is_wanted[self.sets.rows()]
        return replace(
            self,
            sets=self.sets.keep_entries(entries),
            verdicts=self.verdicts[entries],
            scores=self.scores[entries],
            rolled_up=np.where(is_wanted, self.rolled_up, 0),
        )

    def label_sets(self) -> LabelSets:
        """The labels that stay, with their scores as weights if ``weigh`` is set."""
        stays = self.verdicts == Verdict.KEPT
        sets = self.sets if bool(stays.all()) else self.sets.keep_entries(stays)
        return replace(sets, weights=self.scores[stays].astype(np.float32)) if self.weigh else sets


@dataclass(frozen=True, kw_only=True)
class CaptionFilters:
    """The filters that look at one caption and its row, and not at the image.

    Raises:
        TypeError: A number is not an int.
        ValueError: A number is out of range.
    """

    balance: int | None = None
    """Keep a label of a caption with the probability min(1, balance / its number of captions), as MetaCLIP does."""
    seed: int = 0
    """The seed of the draws for balance."""
    min_count_in_caption: int = 1
    """Remove labels that fewer noun phrases of the caption mean."""

    def __post_init__(self) -> None:
        for name, value, least in (
            ("balance", self.balance, 1),
            ("min_count_in_caption", self.min_count_in_caption, 1),
            ("seed", self.seed, None),
        ):
            if value is not None and not isinstance(value, Integral):
                raise TypeError(f"expected {name} as an int; got {value!r}")
            if value is not None and least is not None and value < least:
                raise ValueError(f"expected {name} >= {least}; got {value}")


@dataclass(frozen=True, kw_only=True)
class LabelFilters(FrequencyLimits, CaptionFilters):
    """The filters of :class:`DenseLabeler`. A label of a caption stays if every filter lets it stay.

    The filters run in the order of :class:`Verdict`: first the limits on the document frequency, then ``balance``,
    then ``min_count_in_caption``, then ``relevance``.

    Raises:
        TypeError: An option has the wrong type.
        ValueError: An option is out of range, or the minimum exceeds the maximum.

    Example:
        >>> from unicl.labels import DenseLabeler, LabelVocabulary
        >>> vocabulary = LabelVocabulary.from_names(["dog", "ball"])
        >>> labeler = DenseLabeler(vocabulary, filters=LabelFilters(min_document_frequency=2))
        >>> labeler(["a dog", "a dog with a ball"]).to_list()
        [[0], [0]]
    """

    relevance: RelevanceFilter | None = None
    """Remove labels that the image does not show."""

    def __post_init__(self) -> None:
        FrequencyLimits.__post_init__(self)
        CaptionFilters.__post_init__(self)
        if self.relevance is not None and not isinstance(self.relevance, RelevanceFilter):
            raise TypeError(f"expected relevance as a RelevanceFilter(scorer=...); got {self.relevance!r}")

    @property
    def need_frequency(self) -> bool:
        """Whether the filters need the document frequency of labels."""
        return self.balance is not None or self.has_limit

    @property
    def phrases(self) -> PhraseDetail:
        """How much the filters need to know of the noun phrases."""
        if self.relevance is not None:
            return "text"
        return "label" if self.min_count_in_caption > 1 else "count"

    @property
    def weigh(self) -> bool:
        """Whether the relevance of a label is its weight."""
        return self.relevance is not None and self.relevance.weigh

    def by_frequency(
        self, sets: LabelSets, frequency: DocumentFrequency, row_ids: NDArray[np.int64] | None
    ) -> NDArray[np.uint8]:
        """uint8 (number of labels in the sets,): a :class:`Verdict` each. Without row ids nothing is drawn."""
        counts = frequency.counts
        least, most = self.as_counts(frequency.num_captions)
        is_within = (counts >= least) & (counts <= most)
        verdicts = np.where(is_within[sets.indices], Verdict.KEPT, Verdict.FREQUENCY).astype(np.uint8)
        if self.balance is not None and row_ids is not None:
            rows = row_ids[sets.rows()]
            drawn = drawn_to_balance(sets.indices, rows, counts, balance=self.balance, seed=self.seed)
            verdicts[~drawn & (verdicts == Verdict.KEPT)] = Verdict.BALANCE
        return verdicts

    def by_phrases(
        self, found: FoundLabels, verdicts: NDArray[np.uint8], images: Any
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """The verdicts after the filters that need phrases, and the relevance scores; NaN where nothing was scored.

        Without images the relevance filter does not run.
        """
        verdicts = verdicts.copy()
        verdicts[(found.counts < self.min_count_in_caption) & (verdicts == Verdict.KEPT)] = Verdict.COUNT
        scores = np.full(len(verdicts), np.nan)
        if self.relevance is not None and images is not None:
            stays = verdicts == Verdict.KEPT
            scores = self.relevance.scores(images, found, wanted=stays)  # the others would only cost its time
            verdicts[stays & ~self.relevance.passes(found.counts, scores)] = Verdict.RELEVANCE
        return verdicts, scores


NO_FILTERS = LabelFilters()
"""Filters that let every label stay."""


def drawn_to_balance(
    labels: NDArray[np.int32], row_ids: NDArray[np.int64], counts: NDArray[np.int64], *, balance: int, seed: int
) -> NDArray[np.bool_]:
    """Draws labels: each is kept with the probability min(1, balance / its document frequency).

    Afterwards no label has many more captions than ``balance``, and rarer labels keep all of theirs. This is the
    curation of MetaCLIP (Xu et al., Demystifying CLIP Data, ICLR 2024, arXiv 2309.16671, section 3.3). MetaCLIP draws
    so for each pair of a text and an entry, and keeps the texts that an entry was drawn for.

    A draw depends on the seed, the id of the row and the label alone. The order of rows, batches or processes does not
    matter.

    Args:
        labels: int32 (entries,), label ids.
        row_ids: int64 (entries,), numbers that tell the rows of a data set apart.
        counts: int64 (number of labels,), the document frequency of every label in the data set.
        balance: t in the paper, at least 1.
        seed: An int of any size. Another seed gives other draws.

    Example:
        >>> labels, rows = np.zeros(10_000, np.int32), np.arange(10_000)
        >>> int(drawn_to_balance(labels, rows, np.array([10_000]), balance=2_500, seed=0).sum())
        2483
    """
    mixed = _mix(_mix(np.full(1, int(seed) % 2**64, np.uint64)) + row_ids.astype(np.uint64))
    mixed = _mix(mixed + labels.astype(np.uint64))
    uniform = (mixed >> np.uint64(11)) * 2.0**-53  # in [0, 1)
    return uniform * counts[labels] < balance


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele et al. 2014), a bijection of 64-bit integers whose values pass for random."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def as_row_ids(row_ids: ArrayLike | None, rows: int) -> NDArray[np.int64]:
    """Row ids as int64 (rows,); 0, 1, ... if none are given.

    Raises:
        TypeError: They are not integers.
        ValueError: There are not as many as rows.
    """
    if row_ids is None:
        return np.arange(rows)
    ids = np.asarray(row_ids)
    if ids.dtype.kind not in "iu" and ids.size:
        raise TypeError(f"expected integer row_ids; got {ids.dtype}")
    if ids.shape != (rows,):
        raise ValueError(f"expected one row id for each of the {rows} captions; got shape {ids.shape}")
    return ids.astype(np.int64)
