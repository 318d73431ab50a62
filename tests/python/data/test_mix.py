"""The mix of sources: exact shares in every window, and formulas that agree with counting."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unicl.data import budget_weights
from unicl.data.mix import MAX_POSITION, Mix

WEIGHTS = st.lists(st.one_of(st.integers(1, 50), st.floats(0.1, 1e3), st.integers(1, 10**10)), min_size=1, max_size=9)


@given(weights=WEIGHTS, start=st.integers(0, MAX_POSITION - 3000))
def test_draws_are_counted_without_a_gap(weights: list[float], start: int) -> None:
    mix = Mix(weights)
    sources, draws = mix.split(np.arange(start, start + 3000))
    for source in range(len(weights)):
        before = mix.count(source, start)
        of_source = draws[sources == source]
        assert np.array_equal(of_source, before + np.arange(len(of_source)))
        assert mix.count(source, start + 3000) == before + len(of_source)


@given(weights=WEIGHTS, draw=st.integers(0, 10**9), data=st.data())
def test_the_position_of_a_draw_is_the_inverse(weights: list[float], draw: int, data: st.DataObject) -> None:
    mix = Mix(weights)
    source = data.draw(st.integers(0, len(weights) - 1))
    position = mix.position(source, draw)
    assert mix.count(source, position) == draw
    assert mix.count(source, position + 1) == draw + 1
    if position < MAX_POSITION:
        assert [int(each[0]) for each in mix.split(np.array([position]))] == [source, draw]


@given(weights=WEIGHTS, start=st.integers(0, 10**12))
def test_every_window_of_1000_has_the_weights_within_a_few(weights: list[float], start: int) -> None:
    sources, _ = Mix(weights).split(np.arange(start, start + 1000))
    shares = np.array(weights) / np.sum(weights)
    counts = np.bincount(sources, minlength=len(weights))
    assert np.abs(counts - 1000 * shares).max() <= 4


@pytest.mark.parametrize(
    "weights", [[1.0], [0.5, 0.5], [0.7, 0.2, 0.1], [1, 2, 3, 4, 5], [0.9, 0.05, 0.03, 0.02], [1] * 33]
)
def test_weights_are_within_1_percent_over_100000_draws(weights: list[float]) -> None:
    sources, _ = Mix(weights).split(np.arange(100_000))
    shares = np.bincount(sources) / 100_000
    assert np.abs(shares / (np.array(weights) / sum(weights)) - 1).max() < 0.01


@given(weights=st.lists(st.integers(1, 400), min_size=1, max_size=12), period=st.integers(0, 10**6))
def test_each_period_has_each_source_exactly_as_often_as_its_weight(weights: list[int], period: int) -> None:
    mix = Mix(weights)
    total = sum(mix.weights)
    sources, _ = mix.split(np.arange(period * total, (period + 1) * total))
    assert np.bincount(sources, minlength=len(weights)).tolist() == mix.weights


def test_a_tiny_source_beside_a_huge_one_is_drawn_exactly_as_often() -> None:
    mix = Mix([10**11, 3])
    assert [mix.count(source, 10**11 + 3) for source in (0, 1)] == [10**11, 3]
    places = np.array([mix.position(1, draw) for draw in range(3)])
    assert mix.split(places)[0].tolist() == [1, 1, 1]
    assert mix.split(places + 1)[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], "expected at least one source; got none"),
        ([1, 0], "expected every weight finite and > 0; got 0 for 1: leave the source out"),
        ([-1.0], "expected every weight finite and > 0; got -1.0 for 0"),
        ([1, float("nan")], "expected every weight finite and > 0; got nan for 1"),
        ([float("inf"), 1], "expected every weight finite and > 0; got inf for 0"),
        ([10**400, 1], "source 1 has 1: leave the source out"),
        (
            [1.0, 1e-15],
            r"expected weights that differ by a factor of 10\^12 at most; source 1 has 1e-15: leave the source out",
        ),
    ],
)
def test_weights_that_give_no_mix_are_refused(weights: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mix(weights)


def test_budgets_are_divided_by_rows_and_exact() -> None:
    weights = budget_weights([7, 100, 300], ["labels", "texts", "texts"], {"labels": 0.5, "texts": 0.5})
    assert weights == [Fraction(1, 2), Fraction(1, 8), Fraction(3, 8)]
    assert Mix(weights).weights == [4, 1, 3]


@pytest.mark.parametrize(
    ("lengths", "kinds", "budgets", "message"),
    [
        ([1], ["a", "b"], {"a": 1, "b": 1}, "expected one kind a source; got 1 sources and 2 kinds"),
        ([1, 1], ["a", "b"], {"a": 1}, r"expected a budget for each kind.*kinds \['a', 'b'\] and budgets for \['a'\]"),
        ([1], ["a"], {"a": 1, "b": 1}, r"kinds \['a'\] and budgets for \['a', 'b'\]"),
        ([1], ["a"], {"a": 0}, "expected every budget finite and > 0; got 0 for 'a'"),
        ([0], ["a"], {"a": 1}, "expected every length finite and > 0; got 0 for 0"),
    ],
)
def test_budgets_that_fit_no_sources_are_refused(lengths, kinds, budgets, message) -> None:
    with pytest.raises(ValueError, match=message):
        budget_weights(lengths, kinds, budgets)
