"""Counts the false negatives of a batch: pairs that share a label or a caption, which plain CLIP pushes apart."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unicl.labels import LabelSets

MAX_SUBSETS = 1 << 23
"""The most subsets that are counted, about 700 MB. Of data with more, only a sample is counted."""
MAX_LABELS = 12
"""The most labels of a row whose subsets are counted. Of data with more, the partners of a sample are looked up."""
SAMPLED_ROWS, LOOKED_UP_ROWS = 100_000, 5_000


@dataclass(frozen=True, kw_only=True)
class SharedPairs:
    """The pairs of different rows of a random batch that have something in common.

    Attributes:
        share_of_pairs: Their share of all pairs, in [0, 1]. It does not depend on the batch size.
        standard_error: The standard error of that share; 0 where the share is exact.
        per_row: How many other rows of the batch a row shares something with, on average.
        rows_with_any: The share of the batch's rows that share something with another row, in [0, 1].
    """

    share_of_pairs: float
    standard_error: float
    per_row: float
    rows_with_any: float


@dataclass(frozen=True, kw_only=True)
class FalseNegatives:
    """The pairs of a random batch that a loss without labels takes for negatives although they are none.

    Attributes:
        rows: The rows of the data set.
        batch_size: The rows of a batch.
        caption: The pairs of the same caption.
        label: The pairs with a label in common.
        either: The pairs with a caption or a label in common.
    """

    rows: int
    batch_size: int
    caption: SharedPairs
    label: SharedPairs
    either: SharedPairs


def expected_false_negatives(
    labels: LabelSets,
    captions: ArrayLike,
    *,
    batch_size: int,
    rows: int | None = None,
    max_subsets: int = MAX_SUBSETS,
    seed: int = 0,
) -> FalseNegatives:
    """Computes expected values over all batches of ``batch_size`` rows, drawn without replacement.

    All pairs of rows are equally likely to be in a batch. So the expected share of a batch's pairs is the share of all
    pairs of the data set. The rest follows from the number k of partners of every row. Beside a row,
    (batch_size - 1) k / (n - 1) partners are expected. The probability of none is hypergeometric.

    Partners are counted exactly, by inclusion and exclusion. A row has a set S of labels, and n_T rows have all labels
    of T. The number of partners is the sum of (-1)^(|T| + 1) (n_T - 1) over the non-empty subsets T of S. If there are
    more than ``max_subsets`` subsets in all, a uniform sample of the rows is counted. If a row has more than 12 labels,
    a sample of 100,000 rows is taken, and the partners of 5,000 of them are looked up.

    Args:
        labels: The labels of n rows.
        captions: n integers, one a row; equal captions have equal integers.
        batch_size: The rows of a batch, from 2 to the rows of the data set.
        rows: The rows of the data set, if the n rows are a sample of it; None: n.
        max_subsets: The most subsets to count.
        seed: The seed of the samples.

    Raises:
        ValueError: There are not as many captions as rows, or the batch size is out of range.

    Example:
        >>> sets = LabelSets.from_lists([[0], [0, 1], [1], []])
        >>> found = expected_false_negatives(sets, [0, 1, 2, 2], batch_size=3)
        >>> round(found.label.share_of_pairs, 3), round(found.caption.per_row, 3), found.either.share_of_pairs
        (0.333, 0.333, 0.5)
    """
    keys = np.asarray(captions)
    if keys.shape != (len(labels),):
        raise ValueError(f"expected one caption for each of the {len(labels)} rows; got shape {keys.shape}")
    total = len(labels) if rows is None else rows
    if not 2 <= batch_size <= total:
        raise ValueError(f"expected a batch size from 2 to the number of rows, {total}; got {batch_size}")

    labels = _without_gaps(labels)
    kept = _sample(_joined(labels, _caption_sets(keys)), max_subsets, seed)
    if len(kept) < len(labels):
        labels, keys = labels.take(kept), keys[kept]
    repeated = _caption_sets(keys)
    caption, label, either = (
        _shared_pairs(sets, total, batch_size, seed) for sets in (repeated, labels, _joined(labels, repeated))
    )
    return FalseNegatives(rows=total, batch_size=batch_size, caption=caption, label=label, either=either)


def count_partners(sets: LabelSets) -> NDArray[np.int64]:
    """Counts for every row the other rows that share a label with it, by inclusion and exclusion.

    Subsets are identified by 64-bit sums of random numbers. Two of m subsets are confused with a probability of about
    m^2 / 2^65, which is 1 in 100,000 for 16 million subsets.

    Example:
        >>> count_partners(LabelSets.from_lists([[0, 1], [0, 1, 2], [2], [], [3]])).tolist()
        [1, 2, 1, 0, 0]
    """
    lengths, labels = np.diff(sets.offsets), _without_gaps(sets).indices
    numbers = np.random.default_rng(0).integers(2**64, size=int(labels.max(initial=-1)) + 1, dtype=np.uint64)
    sums, rows, signs = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for length in np.unique(lengths[lengths > 0]).tolist():
        members = np.flatnonzero(lengths == length)
        values = numbers[labels[sets.offsets[members][:, None] + np.arange(length)]]
        subsets, sign = np.zeros((len(members), 1), np.uint64), np.full(1, -1)
        for column in range(length):  # every subset of the earlier labels, without this label and with it
            subsets = np.concatenate([subsets, subsets + values[:, column : column + 1]], axis=1)
            sign = np.concatenate([sign, -sign])
        sums.append(subsets[:, 1:].ravel())
        rows.append(np.repeat(members, len(sign) - 1))
        signs.append(np.tile(sign[1:], len(members)))
    _, which, counts = np.unique(np.concatenate(sums), return_inverse=True, return_counts=True)
    others = np.concatenate(signs) * (counts[which] - 1)
    return np.bincount(np.concatenate(rows), weights=others, minlength=len(sets)).astype(np.int64)


def look_up_partners(sets: LabelSets, rows: ArrayLike) -> NDArray[np.int64]:
    """Counts the same for some rows, by going through the rows of each of their labels.

    Example:
        >>> look_up_partners(LabelSets.from_lists([[0, 1], [0, 1, 2], [2], [], [3]]), [1, 3]).tolist()
        [2, 0]
    """
    sets = _without_gaps(sets)
    order = np.argsort(sets.indices, kind="stable")
    holders = sets.rows()[order]
    bounds = np.searchsorted(sets.indices[order], np.arange(int(sets.indices.max(initial=-1)) + 2))
    is_met = np.zeros(len(sets), np.bool_)
    partners = []
    for row in np.asarray(rows).tolist():
        is_met[row] = True
        met = [np.array([row])]
        for label in sets[row].tolist():
            of_label = holders[bounds[label] : bounds[label + 1]]
            met.append(of_label[~is_met[of_label]])
            is_met[met[-1]] = True
        partners.append(sum(map(len, met)) - 1)
        is_met[np.concatenate(met)] = False
    return np.array(partners, np.int64)


def _sample(sets: LabelSets, max_subsets: int, seed: int) -> NDArray[np.int64]:
    """Chooses the rows to count, ascending: all of them, or a uniform sample."""
    lengths = np.diff(sets.offsets)
    size = len(sets)
    if int(lengths.max(initial=0)) > MAX_LABELS:
        size = min(size, SAMPLED_ROWS)
    elif (subsets := float(np.exp2(lengths).sum())) > max_subsets:
        size = max(2, int(size * max_subsets / subsets))
    return np.sort(np.random.default_rng(seed).permutation(len(sets))[:size]) if size < len(sets) else np.arange(size)


def _shared_pairs(sets: LabelSets, total: int, batch_size: int, seed: int) -> SharedPairs:
    """Computes the expected values of one kind of pairs."""
    num_rows = len(sets)
    if int(np.diff(sets.offsets).max(initial=0)) <= MAX_LABELS:
        partners = count_partners(sets)
    else:
        partners = look_up_partners(sets, np.random.default_rng(seed).permutation(num_rows)[:LOOKED_UP_ROWS])
    spread = float(partners.std()) / (num_rows - 1)
    of_looking_up = spread * math.sqrt((1 - len(partners) / num_rows) / len(partners))
    of_sampling = (
        2 * spread * math.sqrt((1 - num_rows / total) / num_rows)
    )  # a row is in n - 1 pairs, and a pair has two rows
    share = float(partners.mean()) / (num_rows - 1)
    values, counts = np.unique(partners, return_counts=True)
    scaled = values * ((total - 1) / (num_rows - 1))
    alone = np.array([_none_drawn(float(value), total, batch_size) for value in scaled])
    return SharedPairs(
        share_of_pairs=share,
        standard_error=math.hypot(of_looking_up, of_sampling),
        per_row=(batch_size - 1) * share,
        rows_with_any=float(1 - (alone * counts).sum() / counts.sum()),
    )


def _none_drawn(partners: float, total: int, batch_size: int) -> float:
    """Computes the probability that no partner of a row is among the ``batch_size`` - 1 rows drawn with it."""
    others, drawn = total - 1, batch_size - 1
    if others - partners < drawn:
        return 0.0
    strangers = others - partners
    return math.exp(
        math.lgamma(strangers + 1)
        - math.lgamma(strangers - drawn + 1)
        - math.lgamma(others + 1)
        + math.lgamma(others - drawn + 1)
    )


def _without_gaps(sets: LabelSets) -> LabelSets:
    """Renumbers the labels from 0 in their order, so that memory depends on their number and not on the largest id."""
    known, labels = np.unique(sets.indices, return_inverse=True)
    return sets if len(known) == int(sets.indices.max(initial=-1)) + 1 else replace(sets, indices=labels)


def _caption_sets(keys: NDArray[np.generic]) -> LabelSets:
    """Turns captions into labels. A row has one label if another row has its caption, and none otherwise."""
    _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    is_repeated = counts[which] > 1
    names = np.cumsum(counts > 1) - 1
    return LabelSets.from_lengths(names[which[is_repeated]].astype(np.int32), is_repeated)


def _joined(first: LabelSets, second: LabelSets) -> LabelSets:
    """Gives every row the labels of both sets, which count as different labels. Their ids are small numbers."""
    shift = int(first.indices.max(initial=-1)) + 1
    rows = np.concatenate([first.rows(), second.rows()])
    order = np.argsort(rows, kind="stable")
    return LabelSets(
        indices=np.concatenate([first.indices, second.indices + shift])[order],
        offsets=first.offsets + second.offsets,
    )
