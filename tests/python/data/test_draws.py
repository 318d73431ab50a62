"""Draws are a function of their key, uniform, and unlike those of any other key."""

import numpy as np
import pytest
from scipy.stats import kstest

from unicl.data.draws import Draws


def test_the_stream_is_that_of_splitmix64():
    """The constants and shifts: the first outputs for the state 0, as its authors and Java print them."""
    draws = Draws()
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]
    assert [draws.uniform() for _ in expected] == [(word >> 11) * 2.0**-53 for word in expected]


@pytest.mark.parametrize("part", [0, 1, 2])
def test_neighbouring_keys_have_independent_first_draws(part):
    keys = [[5, 5, 5] for _ in range(10_000)]
    for at, key in enumerate(keys):
        key[part] = at
    first = np.array([Draws(*key).uniform() for key in keys])
    assert kstest(first, "uniform").statistic < 0.03
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.05


def test_the_parts_of_a_key_do_not_change_places():
    assert len({Draws(*key).uniform() for key in [(), (0,), (0, 0), (1, 2), (2, 1), (1, 2, 0), (0, 1, 2), (3,)]}) == 8


@pytest.mark.parametrize("key", [(-1,), (2**64 + 7, 10**30)])
def test_any_integer_is_a_key(key):
    assert 0 <= Draws(*key).uniform() < 1


def test_draws_below_a_count_are_uniform():
    draws = Draws(4)
    counts = np.bincount([draws.below(7) for _ in range(14_000)], minlength=7)
    assert len(counts) == 7
    assert (abs(counts - 2_000) < 250).all()
