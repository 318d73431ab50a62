"""The order of samples is a pure function of (seed, position)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unicl.data import ShuffledSource


@given(size=st.integers(1, 40), seed=st.integers(0, 2**32), epoch=st.integers(0, 5))
def test_an_epoch_holds_every_index_once(size: int, seed: int, epoch: int) -> None:
    source = ShuffledSource(np.arange(size) * 3, seed=seed)
    assert sorted(source.take(epoch * size, size)) == list(range(0, 3 * size, 3))


@given(size=st.integers(1, 40), position=st.integers(0, 200), counts=st.lists(st.integers(0, 30), max_size=5))
def test_any_cut_of_the_stream_gives_the_same_stream(size: int, position: int, counts: list[int]) -> None:
    source = ShuffledSource(range(size), seed=7)
    whole = source.take(position, sum(counts)).tolist()
    pieces: list[int] = []
    for count in counts:
        pieces += source.take(position + len(pieces), count).tolist()
    assert pieces == whole


def test_epochs_and_seeds_differ() -> None:
    source = ShuffledSource(range(100), seed=0)
    assert source.take(0, 100).tolist() != source.take(100, 100).tolist()
    assert source.take(0, 100).tolist() != ShuffledSource(range(100), seed=1).take(0, 100).tolist()


def test_an_empty_source_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one index in the source; got none"):
        ShuffledSource([], seed=0)
