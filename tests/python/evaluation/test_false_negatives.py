"""The meter against batches counted by hand."""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unicl import LabelSets
from unicl.evaluation import FalseNegatives, expected_false_negatives
from unicl.evaluation.false_negatives import count_partners, look_up_partners
from unicl.jobs import RowSample, sample_rows

ROWS = st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 5), max_size=4)), min_size=2, max_size=9)


def false_negatives_of(sample: RowSample, batch_size: int) -> FalseNegatives:
    captions, labels = sample.drawn()
    return expected_false_negatives(labels, captions, batch_size=batch_size, rows=sample.rows)


def brute_force(rows: list[tuple[int, set[int]]], batch_size: int, kind: str) -> tuple[float, float, float]:
    """Share of pairs, partners a row, share of rows with a partner: the means over every batch there is."""
    shares = {
        "caption": lambda a, b: a[0] == b[0],
        "label": lambda a, b: bool(a[1] & b[1]),
        "either": lambda a, b: a[0] == b[0] or bool(a[1] & b[1]),
    }[kind]
    totals = np.zeros(3)
    batches = list(itertools.combinations(rows, batch_size))
    for batch in batches:
        hit = np.array([[i != j and shares(a, b) for j, b in enumerate(batch)] for i, a in enumerate(batch)])
        totals += hit.sum() / (batch_size * (batch_size - 1)), hit.sum() / batch_size, hit.any(axis=1).mean()
    return tuple((totals / len(batches)).tolist())


@given(ROWS)
def test_ids_may_be_any_numbers_and_take_no_memory_for_the_others(rows: list[tuple[int, set[int]]]) -> None:
    captions = [caption for caption, _ in rows]
    small, large = (
        LabelSets.from_lists([{factor * label for label in labels} for _, labels in rows])
        for factor in (1, (2**31 - 1) // 5)
    )
    found = [expected_false_negatives(sets, captions, batch_size=2) for sets in (small, large)]
    assert found[0] == found[1]


@given(ROWS, st.data())
def test_expected_values_are_the_means_over_all_batches(rows: list[tuple[int, set[int]]], data: st.DataObject) -> None:
    batch_size = data.draw(st.integers(2, len(rows)))
    sets = LabelSets.from_lists([labels for _, labels in rows])
    found = expected_false_negatives(sets, [caption for caption, _ in rows], batch_size=batch_size)
    for kind in ("caption", "label", "either"):
        pairs = getattr(found, kind)
        expected = brute_force(rows, batch_size, kind)
        assert (pairs.share_of_pairs, pairs.per_row, pairs.rows_with_any) == pytest.approx(expected, abs=1e-9)
        assert pairs.standard_error == 0


@given(st.lists(st.sets(st.integers(0, 12), max_size=9), min_size=1, max_size=30))
def test_partners_counted_by_subsets_are_those_looked_up(rows: list[set[int]]) -> None:
    sets = LabelSets.from_lists(rows)
    by_hand = [sum(bool(a & b) for j, b in enumerate(rows) if i != j) for i, a in enumerate(rows)]
    assert count_partners(sets).tolist() == by_hand
    assert look_up_partners(sets, np.arange(len(rows))).tolist() == by_hand


@pytest.mark.parametrize("labels_of_a_row", [3, 14])
def test_ids_of_any_width_count_as_small_ones_do(labels_of_a_row: int) -> None:
    random = np.random.default_rng(2)
    rows = [random.choice(40, size=labels_of_a_row, replace=False).tolist() for _ in range(200)]
    captions = random.integers(90, size=len(rows))
    small = expected_false_negatives(LabelSets.from_lists(rows), captions, batch_size=16)
    for widen in (lambda label: label * 7 + 2**31 - 1, lambda label: 2**63 - 1 - label, lambda label: label**11):
        wide = LabelSets.from_lists([[widen(label) for label in row] for row in rows])
        assert expected_false_negatives(wide, captions, batch_size=16) == small
        assert count_partners(wide.take([0, 1])).tolist() == look_up_partners(wide.take([0, 1]), [0, 1]).tolist()


@pytest.mark.parametrize("labels_of_a_row", [3, 14])
def test_where_there_are_too_many_subsets_the_estimate_is_within_its_error(
    monkeypatch: pytest.MonkeyPatch, labels_of_a_row: int
) -> None:
    random = np.random.default_rng(0)
    rows = [set(random.integers(600, size=labels_of_a_row).tolist()) for _ in range(20_000)]
    sets, captions = LabelSets.from_lists(rows), random.integers(9_000, size=len(rows))
    truth = look_up_partners(sets, np.arange(len(rows))).mean() / (len(rows) - 1)
    monkeypatch.setattr("unicl.evaluation.false_negatives.SAMPLED_ROWS", 15_000)
    estimate = expected_false_negatives(sets, captions, batch_size=64, max_subsets=100_000)
    assert 0 < estimate.label.standard_error < 0.02 * truth
    assert abs(estimate.label.share_of_pairs - truth) < 4 * estimate.label.standard_error
    assert estimate.caption.share_of_pairs == pytest.approx(1 / 9_000, rel=0.1)
    assert estimate.either.share_of_pairs >= estimate.label.share_of_pairs


def test_a_sample_of_the_rows_estimates_the_whole_within_its_error() -> None:
    random = np.random.default_rng(1)
    sample, whole = RowSample(max_rows=3_000), RowSample()
    for _ in range(40):
        captions = random.integers(2_000, size=1_000)
        labels = LabelSets.from_lists([set(random.integers(30, size=2).tolist()) for _ in range(1_000)])
        sample.add(captions, labels)
        whole.add(captions, labels)
    exact, estimate = false_negatives_of(whole, 256), false_negatives_of(sample, 256)
    assert estimate.rows == exact.rows == 40_000
    for kind in ("caption", "label", "either"):
        truth, guess = getattr(exact, kind), getattr(estimate, kind)
        assert truth.standard_error == 0
        assert abs(guess.share_of_pairs - truth.share_of_pairs) < 4 * guess.standard_error
        assert guess.rows_with_any == pytest.approx(truth.rows_with_any, abs=0.03)


def test_files_are_measured_together_and_null_is_like_nothing(tmp_path: Path) -> None:
    lists = pa.list_(pa.int32())
    for name, captions, labels in (
        ("a", ["a dog", "dogs", None], [[0], [0], None]),
        ("b", ["a dog", None, "rain"], [[0, 1], None, []]),
    ):
        table = pa.table({"caption": pa.array(captions, pa.string()), "labels": pa.array(labels, lists)})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    found = false_negatives_of(sample_rows([tmp_path]), 6)
    assert found.rows == 6
    assert found.caption.share_of_pairs == pytest.approx(1 / 15)
    assert found.label.share_of_pairs == pytest.approx(3 / 15)
    assert found.either.rows_with_any == pytest.approx(3 / 6)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"caption": ["a", "b"]}, "expected a column 'labels' with lists of label ids; got 'caption'"),
        (
            {"caption": ["a", "b"], "labels": [1, 2]},
            "expected lists of label ids in the column 'labels'",
        ),
    ],
)
def test_a_file_without_the_columns_is_refused(tmp_path: Path, columns: dict[str, list[object]], message: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=message):
        sample_rows([tmp_path / "x.parquet"])


def test_a_file_of_labels_without_captions_is_measured_by_its_labels(tmp_path: Path) -> None:
    pq.write_table(pa.table({"labels": [[1], [1], [2]]}), tmp_path / "x.parquet")
    sample = sample_rows([tmp_path / "x.parquet"])
    captions, labels = sample.drawn()
    found = expected_false_negatives(labels, captions, batch_size=2)
    assert found.label.share_of_pairs == pytest.approx(1 / 3)
    assert found.caption.share_of_pairs == 0


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_batch_size_out_of_range_is_refused(batch_size: int) -> None:
    with pytest.raises(ValueError, match=rf"expected a batch size from 2 to the number of rows, 3; got {batch_size}"):
        expected_false_negatives(LabelSets.from_lists([[], [], []]), [0, 1, 2], batch_size=batch_size)


def test_captions_must_be_as_many_as_rows() -> None:
    with pytest.raises(ValueError, match=r"expected one caption for each of the 2 rows; got shape \(3,\)"):
        expected_false_negatives(LabelSets.from_lists([[], []]), [0, 1, 2], batch_size=2)
