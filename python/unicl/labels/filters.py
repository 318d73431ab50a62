"""Which labels of captions are kept: by how many captions have them, how often the caption says them, the image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unicl.labels.frequency import DocumentFrequency, as_counts, is_share
from unicl.labels.label_sets import LabelSets
from unicl.labels.mentions import Mentions

if TYPE_CHECKING:
    from unicl.labels.relevance import RelevanceFilter


class Verdict(IntEnum):
    """What became of a label of a caption: kept, or left out by which filter. They are asked in this order."""

    KEPT = 0
    FREQUENCY = 1
    BALANCE = 2
    COUNT = 3
    RELEVANCE = 4


class Judged(NamedTuple):
    """The labels that captions say, and what became of each.

    Attributes:
        sets: The labels before the filters, those that rolled up under the name of their ancestor.
        verdicts: uint8 (number of labels in the sets,), a :class:`Verdict` each.
        scores: float64 (likewise,), the relevance to the image, NaN where none was asked for.
        rolled_up: int64 (rows,), how many labels of each caption gave way to an ancestor.
    """

    sets: LabelSets
    verdicts: NDArray[np.uint8]
    scores: NDArray[np.float64]
    rolled_up: NDArray[np.int64]

    def of_rows(self, is_wanted: NDArray[np.bool_]) -> Judged:
        """The same, with nothing in the rows that are not wanted: bool (rows,)."""
        entries = is_wanted[self.sets.rows()]
        sets, rolled_up = self.sets.keep_entries(entries), np.where(is_wanted, self.rolled_up, 0)
        return Judged(sets, self.verdicts[entries], self.scores[entries], rolled_up)

    def kept(self, *, weigh: bool = False) -> LabelSets:
        """The labels that the filters left, with their scores as weights or without weights."""
        is_kept = self.verdicts == Verdict.KEPT
        sets = self.sets if bool(is_kept.all()) else self.sets.keep_entries(is_kept)
        return replace(sets, weights=self.scores[is_kept].astype(np.float32)) if weigh else sets


@dataclass(frozen=True, kw_only=True)
class LabelFilters:
    """The filters of :class:`unicl.labels.DenseLabeler`, where they are described.

    Attributes:
        min_document_frequency: An int is a number of captions, a float a share of them.
        max_document_frequency: Likewise; 1.0 sets no limit.
        balance: At least 1; None: draw none.
        seed: Of the draws for ``balance``.
        min_count_in_caption: At least 1.
        relevance: None: not asked.
    """

    min_document_frequency: float = 0
    max_document_frequency: float = 1.0
    balance: int | None = None
    seed: int = 0
    min_count_in_caption: int = 1
    relevance: RelevanceFilter | None = None

    def __post_init__(self) -> None:
        self.limits(1)
        for name, value, least in (
            ("balance", self.balance, 1),
            ("min_count_in_caption", self.min_count_in_caption, 1),
            ("seed", self.seed, None),
        ):
            if value is not None and not isinstance(value, Integral):
                raise TypeError(f"expected {name} as an int; got {value!r}")
            if value is not None and least is not None and value < least:
                raise ValueError(f"expected {name} >= {least}; got {value}")
        if self.relevance is not None and not hasattr(self.relevance, "scorer"):
            raise TypeError(f"expected relevance as a RelevanceFilter(scorer=...); got {self.relevance!r}")

    @property
    def need_frequency(self) -> bool:
        """Whether the document frequency of labels matters."""
        is_limited = not is_share(self.max_document_frequency) or self.max_document_frequency < 1.0
        return self.balance is not None or self.min_document_frequency != 0 or is_limited

    @property
    def need_mentions(self) -> bool:
        """Whether the phrases matter, and not the labels alone."""
        return self.relevance is not None or self.min_count_in_caption > 1

    @property
    def weigh(self) -> bool:
        """Whether the relevance of a label is its weight."""
        return self.relevance is not None and self.relevance.weigh

    def limits(self, num_captions: int) -> tuple[int, int]:
        """The least and the greatest document frequency, as numbers of that many captions."""
        return as_counts(
            num_captions,
            min_document_frequency=self.min_document_frequency,
            max_document_frequency=self.max_document_frequency,
        )

    def by_frequency(
        self, sets: LabelSets, frequency: DocumentFrequency, row_ids: NDArray[np.int64] | None
    ) -> NDArray[np.uint8]:
        """uint8 (number of labels in the sets,): a :class:`Verdict` each; without row ids nothing is drawn."""
        counts = frequency.counts
        least, most = self.limits(frequency.num_captions)
        is_within = (counts >= least) & (counts <= most)
        verdicts = np.where(is_within[sets.indices], Verdict.KEPT, Verdict.FREQUENCY).astype(np.uint8)
        if self.balance is not None and row_ids is not None:
            rows = row_ids[sets.rows()]
            drawn = drawn_to_balance(sets.indices, rows, counts, balance=self.balance, seed=self.seed)
            verdicts[~drawn & (verdicts == Verdict.KEPT)] = Verdict.BALANCE
        return verdicts

    def by_mentions(
        self, mentions: Mentions, verdicts: NDArray[np.uint8], images: Any
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """The verdicts after the filters that look at phrases; and relevance scores, NaN where none was asked for.

        Without images relevance is not asked.
        """
        verdicts = verdicts.copy()
        verdicts[(mentions.counts < self.min_count_in_caption) & (verdicts == Verdict.KEPT)] = Verdict.COUNT
        scores = np.full(len(verdicts), np.nan)
        if self.relevance is not None and images is not None:
            left = np.flatnonzero(verdicts == Verdict.KEPT)  # only these cost the scorer's time
            of_left = mentions.keep(verdicts == Verdict.KEPT)
            scores[left] = self.relevance.scores(images, of_left)
            verdicts[left[~self.relevance.is_kept(of_left.counts, scores[left])]] = Verdict.RELEVANCE
        return verdicts, scores


def drawn_to_balance(
    labels: NDArray[np.int32], row_ids: NDArray[np.int64], counts: NDArray[np.int64], *, balance: int, seed: int
) -> NDArray[np.bool_]:
    """Which labels are drawn when each is kept with the probability min(1, balance / its document frequency).

    After it no label has many more captions than ``balance``, and rarer labels keep all of theirs. The curation of
    MetaCLIP (Xu et al., Demystifying CLIP Data, ICLR 2024, arXiv 2309.16671, section 3.3), which draws so for each
    pair of a text and an entry, and keeps the texts that an entry was drawn for.

    A draw depends on the seed, the row's id and the label alone: not on the order of rows, batches or processes.

    Args:
        labels: int32 (entries,), label ids.
        row_ids: int64 (entries,), what tells the rows of a data set apart.
        counts: int64 (number of labels,), the document frequency of every label in the data set.
        balance: t in the paper, at least 1.
        seed: An int of any size; another one gives other draws.

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
    """Row ids as int64 (rows,); 0, 1, ... where none are given.

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
