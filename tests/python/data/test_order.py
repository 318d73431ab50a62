"""The order of samples is a pure function of (seed, position), for any ranks, workers and batch sizes."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unicl.data import LabelBlocks, SampleOrder, rank_positions

MIXES = {
    "one source": SampleOrder([997], seed=1),
    "half and half": SampleOrder([300, 200], weights=[0.5, 0.5], seed=2),
    "three sources": SampleOrder([50, 400, 173], weights=[1, 6, 3], seed=3),
}


def pairs(order: SampleOrder, positions: np.ndarray) -> list[tuple[int, int]]:
    sources, rows = order.take(positions)
    return list(zip(sources.tolist(), rows.tolist(), strict=True))


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    seed=st.integers(0, 2**65),
    epoch=st.integers(0, 3),
    data=st.data(),
)
def test_an_epoch_of_any_source_has_each_of_its_rows_once(lengths, seed, epoch, data) -> None:
    weights = data.draw(st.none() | st.lists(st.floats(0.1, 9), min_size=len(lengths), max_size=len(lengths)))
    order = SampleOrder(lengths, weights=weights, seed=seed)
    for source, length in enumerate(lengths):
        start = order.epoch_end(epoch - 1, source=source) if epoch else 0
        sources, rows = order.take(np.arange(start, order.epoch_end(epoch, source=source)))
        assert sorted(rows[sources == source].tolist()) == list(range(length))


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5), epoch=st.integers(0, 3))
def test_without_weights_an_epoch_has_every_row_of_every_source_once(lengths: list[int], epoch: int) -> None:
    order, total = SampleOrder(lengths), sum(lengths)
    assert order.epoch_end(epoch) == (epoch + 1) * total
    seen = pairs(order, np.arange(epoch * total, (epoch + 1) * total))
    assert sorted(seen) == [(source, row) for source, length in enumerate(lengths) for row in range(length)]


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("world_size", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("workers", [0, 1, 2, 4])
def test_ranks_and_workers_share_each_global_batch(mix: str, world_size: int, workers: int) -> None:
    """Worker w of a rank makes its batches w, w + workers, ...: together they make each sample of the order once."""
    order, batch_size, steps = MIXES[mix], 64, 24
    made: dict[int, list[tuple[int, int]]] = {}
    for rank in range(world_size):
        for worker in range(max(workers, 1)):
            for step in range(worker, steps, max(workers, 1)):
                own = rank_positions(step * batch_size, batch_size=batch_size, rank=rank, world_size=world_size)
                assert abs(len(own) - batch_size / world_size) < 1
                made.setdefault(step, []).extend(pairs(order, own))
    expected = pairs(order, np.arange(steps * batch_size))
    assert [pair for step in range(steps) for pair in made[step]] == expected
    for source, length in enumerate(order.lengths):
        end = order.epoch_end(0, source=source)
        assert end <= len(expected)
        assert sorted(row for of, row in expected[:end] if of == source) == list(range(length))


@pytest.mark.parametrize("mix", MIXES)
def test_1000_positions_to_go_on_from_give_the_same_samples(mix: str) -> None:
    order = MIXES[mix]
    whole = pairs(order, np.arange(6_000))
    again = SampleOrder(order.lengths, weights=order._mix.weights, seed=order.seed)
    random = np.random.default_rng(0)
    for position in random.integers(0, 5_900, 1000).tolist():
        start = again.position(json.loads(json.dumps(order.state(position))))
        assert start == position
        size, world_size = int(random.integers(1, 100)), int(random.integers(1, 9))
        ranks = [rank_positions(start, batch_size=size, rank=r, world_size=world_size) for r in range(world_size)]
        assert pairs(again, np.concatenate(ranks)) == whole[start : start + size]


@given(positions=st.lists(st.integers(0, 2**50 - 1), max_size=50))
def test_a_position_is_the_same_alone_and_among_others(positions: list[int]) -> None:
    order = MIXES["three sources"]
    assert pairs(order, np.array(positions, dtype=np.int64)) == [pairs(order, np.array([p]))[0] for p in positions]


def test_seeds_sources_and_epochs_have_orders_of_their_own() -> None:
    order = SampleOrder([500, 500], seed=0)
    sources, rows = order.take(np.arange(2000))
    first, second = rows[sources == 0], rows[sources == 1]
    other = SampleOrder([500, 500], seed=1).take(np.arange(2000))[1]
    for one, two in ((first[:500], second[:500]), (first[:500], first[500:]), (rows, other)):
        assert (one == two).mean() < 0.02


def test_the_order_is_frozen() -> None:
    """A change of the formula would give another order to the state of a running training."""
    order = SampleOrder([10, 10**9], weights=[1, 2], seed=3)
    assert pairs(order, np.array([0, 1, 2, 3, 40, 10**12])) == [
        (1, 37065494),
        (0, 7),
        (1, 899263098),
        (1, 187156855),
        (0, 3),
        (0, 0),
    ]

    assert order.state(5) == {"seed": 3, "position": 5, "data": "c7d767e9b5fe7dc1"}


def test_a_billion_rows_need_no_table() -> None:
    tracemalloc.start()
    order = SampleOrder([10**9, 10**9, 10**6], weights=[2, 1, 1])
    order.take(np.arange(10**8, 10**8 + 4096))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_counts_and_epochs_agree_with_the_samples() -> None:
    order = MIXES["three sources"]
    sources, _ = order.take(np.arange(3000))
    assert order.counts(3000) == np.bincount(sources).tolist()
    for source in (None, 0, 1, 2):
        ends = [order.epoch_end(epoch, source=source) for epoch in range(4)]
        assert ends == sorted(set(ends))
        assert [order.epoch_at(end, source=source) for end in ends] == [1, 2, 3, 4]
        assert [order.epoch_at(end - 1, source=source) for end in ends] == [0, 1, 2, 3]


@given(labels=st.lists(st.integers(-1, 6), min_size=1, max_size=80), size=st.integers(1, 6), epoch=st.integers(0, 2))
def test_blocks_share_a_label_and_miss_no_row(labels: list[int], size: int, epoch: int) -> None:
    given_labels, length = np.array(labels), len(labels)
    order = SampleOrder([length], blocks={0: LabelBlocks.from_labels(labels, size=size)}, seed=4)
    _, rows = order.take(np.arange(epoch * length, (epoch + 1) * length))
    assert sorted(rows.tolist()) == list(range(length))
    blocks = given_labels[rows[: length // size * size]].reshape(-1, size)
    alike = ((blocks == blocks[:, :1]) & (blocks >= 0)).all(axis=1)
    counts = np.bincount(given_labels[given_labels >= 0], minlength=1)
    assert alike.sum() >= (counts // size).sum()


def test_blocks_are_new_in_each_epoch_and_of_a_random_order() -> None:
    labels = np.repeat(np.arange(50), 21)
    order = SampleOrder([len(labels)], blocks={0: LabelBlocks.from_labels(labels, size=4)})
    rows = order.take(np.arange(2 * len(labels)))[1].reshape(2, -1)
    first, second = ({frozenset(block) for block in epoch[:1048].reshape(-1, 4).tolist()} for epoch in rows)
    assert len(first & second) < 5
    of_blocks = labels[rows[0][:1048:4]]
    assert (np.diff(of_blocks) == 0).mean() < 0.08


def test_blocks_work_in_a_mix_beside_a_plain_source() -> None:
    labels = np.arange(40) % 10
    order = SampleOrder([40, 60], blocks={0: LabelBlocks.from_labels(labels, size=2)})
    sources, rows = order.take(np.arange(100))
    own = labels[rows[sources == 0]].reshape(-1, 2)
    assert (own[:, 0] == own[:, 1]).all()
    assert sorted(rows[sources == 1].tolist()) == list(range(60))


def test_blocks_take_rows_that_are_grouped_already() -> None:
    blocks = LabelBlocks([0, 0, 2, 2, 4], [3, 1, 0, 2], size=2)
    _, rows = SampleOrder([4], blocks={0: blocks}).take(range(4))
    assert {frozenset(rows[:2].tolist()), frozenset(rows[2:].tolist())} == {frozenset({3, 1}), frozenset({0, 2})}


@pytest.mark.parametrize(
    ("offsets", "rows", "size", "message"),
    [
        ([0, 2], [0, 1], 0, "expected blocks of 1 draw or more; got size=0"),
        ([0, 3], [0, 1], 2, "expected ascending offsets from 0 to the number of rows, 2"),
        ([0, 2, 1, 2], [0, 1], 2, "expected ascending offsets"),
        ([], [], 2, "expected ascending offsets"),
        ([0, 2], [0, 2], 2, "expected row numbers from 0 to 1; got 2"),
        ([0, 2], [1, 1], 2, "expected each row once; row 0 is missing, and another is there twice"),
    ],
)
def test_groups_that_are_no_division_of_the_rows_are_refused(offsets, rows, size, message) -> None:
    with pytest.raises(ValueError, match=message):
        LabelBlocks(offsets, rows, size=size)


def test_labels_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected one integer label a row; got float64 of shape \(2,\)"):
        LabelBlocks.from_labels([0.5, 1.0], size=2)


@pytest.mark.parametrize(
    ("lengths", "options", "message"),
    [
        ([], {}, "expected at least one source; got none"),
        ([5, 0], {}, r"expected 1 to 2\^50 rows in every source; source 1 has 0"),
        ([5, 5], {"weights": [1]}, "expected one weight a source; got 2 sources and 1 weights"),
        ([5, 5], {"weights": [1, 0]}, "expected every weight finite and > 0; got 0 for 1: leave the source out"),
        ([5], {"seed": -1}, "expected a seed >= 0; got -1"),
        ([5], {"blocks": {1: LabelBlocks.from_labels([0] * 5, size=2)}}, "expected blocks of a source from 0 to 0"),
        ([6], {"blocks": {0: LabelBlocks.from_labels([0] * 5, size=2)}}, "got 5 rows for source 0"),
    ],
)
def test_sources_that_give_no_order_are_refused(lengths, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        SampleOrder(lengths, **options)


@pytest.mark.parametrize("positions", [[-1], [2**50], [0.5], [[1]], np.array([2**63], dtype=np.uint64)])
def test_positions_out_of_range_are_refused(positions) -> None:
    with pytest.raises(ValueError, match=r"expected (positions from 0 to 2\^50 - 1|one-dimensional integer positions)"):
        MIXES["one source"].take(positions)


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a source from 0 to 0; got 1"):
        MIXES["one source"].epoch_end(0, source=1)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (SampleOrder([11], seed=0), "lengths, weights or label blocks of the sources have changed"),
        (SampleOrder([10], seed=0, blocks={0: LabelBlocks.from_labels([0] * 10, size=2)}), "have changed"),
        (SampleOrder([5, 5], seed=0), "have changed"),
        (SampleOrder([10], seed=1), "expected a state with seed 0; got 1: use its seed to go on"),
    ],
)
def test_a_state_of_other_data_or_another_seed_is_refused(other: SampleOrder, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SampleOrder([10], seed=0).position(other.state(7))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"position": -1}, "expected a position from 0"), ({"position": "5"}, "got '5'"), ({"position": 0.5}, "got 0.5")],
)
def test_a_damaged_state_is_refused(change: dict, message: str) -> None:
    order = MIXES["one source"]
    with pytest.raises(ValueError, match=message):
        order.position(order.state(0) | change)
    with pytest.raises(ValueError, match="expected a state with seed, position and data; got none of data, seed"):
        order.position({"position": 0})
