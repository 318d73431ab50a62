"""The keyed permutation of [0, n): one to one for every n, and as uniform as a table of random numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unicl.data.permutation import derive_keys, permute, seed_key

SMALL_LENGTHS = (2, 3, 4, 5, 6)
KEYS = derive_keys(seed_key(3), np.arange(60_000))


def excess(counts: np.ndarray, cells: int) -> float:
    """Chi-square of counts against the uniform distribution over some cells, in standard deviations."""
    expected = counts.sum() / cells
    chi_square = ((counts - expected) ** 2 / expected).sum() + (cells - len(counts)) * expected
    return (chi_square - (cells - 1)) / math.sqrt(2 * (cells - 1))


def test_every_length_up_to_2000_gives_a_bijection() -> None:
    lengths = np.arange(1, 2001)
    indices = np.concatenate([np.arange(length) for length in lengths])
    owners = np.repeat(lengths, lengths)
    permuted = permute(indices, owners, derive_keys(seed_key(0), owners))
    order = np.lexsort((permuted, owners))
    assert np.array_equal(permuted[order], indices)


@given(length=st.integers(1, 5000), seed=st.integers(0, 2**70), epoch=st.integers(0, 2**40))
def test_any_key_gives_a_bijection(length: int, seed: int, epoch: int) -> None:
    permuted = permute(np.arange(length), length, derive_keys(seed_key(seed), epoch))
    assert np.array_equal(np.sort(permuted), np.arange(length))


@pytest.mark.parametrize("power", [8, 9, 10, 16, 17, 20])
@pytest.mark.parametrize("beside", [-1, 0, 1])
def test_lengths_beside_powers_of_two_give_a_bijection(power: int, beside: int) -> None:
    length = 2**power + beside
    assert np.array_equal(np.sort(permute(np.arange(length), length, KEYS[0])), np.arange(length))


@given(
    length=st.sampled_from([2**30, 2**31, 2**32, 2**40, 2**50]).flatmap(
        lambda n: st.integers(n - 3, min(n + 3, 2**50))
    ),
    seed=st.integers(0, 99),
)
def test_samples_of_huge_ranges_stay_inside_and_never_meet(length: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    indices = np.unique(
        np.concatenate([np.arange(2000), length - 1 - np.arange(2000), random.integers(0, length, 4000)])
    )
    permuted = permute(indices, length, seed_key(seed))
    assert permuted.min() >= 0
    assert permuted.max() < length
    assert len(np.unique(permuted)) == len(indices)


def test_an_index_is_permuted_alike_alone_and_among_others() -> None:
    lengths, keys = np.arange(1, 3001) * 7, KEYS[:3000]
    indices = lengths // 3
    together = permute(indices, lengths, keys)
    alone = [int(permute([i], [n], [k])[0]) for i, n, k in zip(indices[::50], lengths[::50], keys[::50], strict=True)]
    assert together[::50].tolist() == alone


@pytest.mark.parametrize("length", SMALL_LENGTHS)
def test_every_permutation_of_few_rows_is_as_frequent(length: int) -> None:
    indices = np.tile(np.arange(length), len(KEYS))
    permuted = permute(indices, length, np.repeat(KEYS, length)).reshape(-1, length)
    codes = permuted @ length ** np.arange(length)
    assert excess(np.unique(codes, return_counts=True)[1], math.factorial(length)) < 5


@pytest.mark.parametrize("length", [7, 9, 12, 16, 30, 100, 121, 144])
def test_every_pair_of_rows_follows_every_pair_of_places(length: int) -> None:
    for first, second in ((0, 1), (0, length // 2), (length - 2, length - 1)):
        one, other = (permute(np.full(len(KEYS), place), length, KEYS) for place in (first, second))
        counts = np.bincount(one * length + other, minlength=length**2).reshape(length, length)
        assert not counts.diagonal().any()
        assert excess(counts[~np.eye(length, dtype=bool)], length * (length - 1)) < 5


@pytest.mark.parametrize("length", [1000, 10**6, 2**20, 10**9, 2**40 + 1])
def test_places_steps_and_epochs_are_uniform(length: int) -> None:
    """Where consecutive indices go, how far from each other, and how far in the next epoch: 64 equal parts each."""
    indices = np.arange(min(length, 60_000)) + length // 3 * (length > 60_000)
    now, later = (permute(indices, length, derive_keys(seed_key(5), epoch)) for epoch in (0, 1))
    values = {
        "step": np.diff(now),
        "second step": now[2:] - now[:-2],
        "next epoch": later - now,
        "shift": now - indices,
    }
    if length > 60_000:
        values["place"] = now
    for name, value in values.items():
        counts = np.bincount((value % length * 64 // length).astype(np.int64), minlength=64)
        assert excess(counts, 64) < 5.5, name


def test_no_row_stays_and_no_epoch_repeats_more_often_than_by_chance() -> None:
    length = 10_000
    epochs = [permute(np.arange(length), length, derive_keys(seed_key(seed), e)) for seed in (0, 1) for e in (0, 1, 2)]
    for number, epoch in enumerate(epochs):
        assert (epoch == np.arange(length)).sum() < 10  # expected: 1
        for other in epochs[:number]:
            assert (epoch == other).sum() < 10
            assert abs(np.corrcoef(epoch, other)[0, 1]) < 0.05


def test_neighbouring_keys_and_numbers_give_unlike_keys() -> None:
    keys = derive_keys(derive_keys(np.arange(300, dtype=np.uint64), 0)[:, None], np.arange(300)[None]).ravel()
    assert len(np.unique(keys)) == 90_000
    ones = np.unpackbits(keys.view(np.uint8)).mean()
    assert abs(ones - 0.5) < 0.001
