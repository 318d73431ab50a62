"""Sets of labels keep their rules and their rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unicl.labels import LabelSets

rows = st.lists(st.sets(st.integers(0, 9), max_size=5).map(sorted), max_size=8)


@given(rows)
@settings(deadline=None)
def test_lists_go_in_and_come_out(rows):
    sets = LabelSets.from_lists(rows)
    assert sets.to_list() == rows
    assert [sets[row].tolist() for row in range(len(sets))] == rows
    assert sets.indices.dtype == np.int32 and sets.offsets.dtype == np.int64  # noqa: PT018


@given(rows.filter(bool), st.data())
@settings(deadline=None)
def test_take_gives_the_rows_in_the_order_asked_for(rows, data):
    order = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9))
    weights = [[label / 10 for label in row] for row in rows]
    taken = LabelSets.from_lists(rows, weights=weights).take(order)
    assert taken.to_list() == [rows[row] for row in order]
    np.testing.assert_allclose(taken.weights, taken.indices / 10, rtol=1e-6)


@given(rows, st.lists(st.booleans(), min_size=10, max_size=10))
@settings(deadline=None)
def test_keep_leaves_out_labels_and_no_row(rows, is_kept):
    kept = LabelSets.from_lists(rows).keep(np.array(is_kept))
    assert kept.to_list() == [[label for label in row if is_kept[label]] for row in rows]


@given(st.lists(st.tuples(rows, st.booleans()), max_size=4))
def test_batches_one_after_another_keep_their_rows_and_weights(batches):
    parts = [
        LabelSets.from_lists(rows, weights=[[label / 4 for label in row] for row in rows] if weighted else None)
        for rows, weighted in batches
    ]
    whole = LabelSets.concatenate(parts)
    assert whole.to_list() == [row for rows, _ in batches for row in rows]
    if any(weighted for _, weighted in batches):
        of_parts = [np.ones(len(part.indices)) if part.weights is None else part.weights for part in parts]
        np.testing.assert_array_equal(whole.weights, np.concatenate(of_parts))
    else:
        assert whole.weights is None


@given(rows, st.booleans())
def test_every_weight_is_multiplied_by_that_of_its_label(rows, weighted):
    weights = [[label + 1 for label in row] for row in rows] if weighted else None
    sets = LabelSets.from_lists(rows, weights=weights).weighted(np.arange(10))
    assert sets.to_list() == rows
    assert sets.weights.tolist() == [label * (label + 1 if weighted else 1) for row in rows for label in row]


@given(rows)
@settings(deadline=None)
def test_document_frequency_counts_rows(rows):
    counts = LabelSets.from_lists(rows).document_frequency(10)
    assert counts.tolist() == [sum(label in row for row in rows) for label in range(10)]


def test_weights_follow_their_labels_when_rows_are_sorted():
    sets = LabelSets.from_lists([[5, 2]], weights=[[0.5, 0.25]])
    assert (sets.indices.tolist(), sets.weights.tolist()) == ([2, 5], [0.25, 0.5])


def arrays(indices=(1, 2), offsets=(0, 1, 2), weights=None):
    return {
        "indices": np.array(indices, np.int32),
        "offsets": np.array(offsets, np.int64),
        "weights": None if weights is None else np.array(weights, np.float32),
    }


@pytest.mark.parametrize(
    ("broken", "error", "message"),
    [
        ({"indices": np.array([1, 2], np.uint64)}, TypeError, "expected indices as .* int32 or int64; got uint64"),
        ({"indices": [1, 2]}, TypeError, "expected indices as a numpy array of int32 or int64; got list"),
        ({"indices": np.zeros((2, 1), np.int32)}, ValueError, r"expected indices in one dimension; got shape \(2, 1\)"),
        (arrays(offsets=[]), ValueError, r"to the number of indices \(2\); got \[\]"),
        (arrays(offsets=[0, 1]), ValueError, r"to the number of indices \(2\); got \[0 1\]"),
        (arrays(offsets=[1, 2]), ValueError, "expected offsets from 0"),
        (arrays(offsets=[0, 2, 1, 2]), ValueError, "never falling"),
        (arrays(indices=[1, -1]), ValueError, "expected label ids >= 0; got -1 at 1"),
        (arrays(indices=[3, 3], offsets=[0, 2]), ValueError, "row 0 has the label 3 twice"),
        (arrays(indices=[9, 3, 1, 3], offsets=[0, 1, 4]), ValueError, "row 1 has the label 3 twice"),
        (arrays(weights=[1]), ValueError, "expected one weight for each of the 2 indices; got 1"),
        (arrays(weights=[1, np.nan]), ValueError, "expected finite weights >= 0; got nan at 1"),
        (arrays(weights=[-1, 0]), ValueError, "expected finite weights >= 0; got -1.0 at 0"),
    ],
)
def test_what_is_no_set_of_labels_is_refused_with_its_place(broken, error, message):
    with pytest.raises(error, match=message):
        LabelSets(**{**arrays(), **broken})


def test_rows_and_weights_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="as many rows of weights as rows of labels"):
        LabelSets.from_lists([[1, 2]], weights=[[0.5]])


def test_the_order_within_a_row_is_free():
    assert LabelSets(**arrays(indices=[5, 2], offsets=[0, 2])).to_list() == [[5, 2]]


def test_a_row_out_of_range_is_refused():
    with pytest.raises(IndexError, match="there are 1 rows; got row 1"):
        LabelSets.from_lists([[1]])[1]


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([1, 2], TypeError, "expected a list of label ids in row 0; got 1"),
        ([[0], None], TypeError, "expected a list of label ids in row 1; got None"),
        ([[0], ["dog"]], TypeError, r"integers in row 1; got \['dog'\] \(LabelVocabulary.id gives"),
        (["dog"], TypeError, r"expected integers in row 0; got \['dog'\]"),
        ([[1.5]], TypeError, r"expected integers in row 0; got \[1.5\]"),
        ([[1], [2**63]], ValueError, r"expected label ids below 2\*\*63; got 9223372036854775808 in row 1: shift"),
    ],
)
def test_a_row_that_is_no_list_of_ids_is_refused_and_named(rows, error, message):
    with pytest.raises(error, match=message):
        LabelSets.from_lists(rows)


@pytest.mark.parametrize("mask", [[True, False], np.array([0.0, 1.0])])
def test_what_numbers_no_rows_is_not_taken_for_rows(mask):
    with pytest.raises(TypeError, match=r"expected row numbers; got (bool|float64) \(numpy.flatnonzero gives"):
        LabelSets.from_lists([[0], [1]]).take(mask)


def test_several_rows_are_taken_and_not_indexed():
    with pytest.raises(TypeError, match=r"expected the number of one row; got slice: take\(rows\) gives"):
        LabelSets.from_lists([[0], [1]])[0:1]


def test_a_weight_for_every_label_is_asked_for():
    with pytest.raises(ValueError, match="expected a weight for each label id, up to 4; got 3"):
        LabelSets.from_lists([[0], [4]]).weighted([1.0, 1.0, 1.0])


def test_ids_of_64_bits_stay_as_they_are():
    wide = LabelSets.from_lists([[2**62, 3], [2**40]])
    assert wide.indices.dtype == np.int64
    assert LabelSets.concatenate([wide, LabelSets.from_lists([[1]])]).to_list() == [[3, 2**62], [2**40], [1]]
    by = LabelSets.from_lists([[2**62], [2**62 + 1, 2**62]])
    assert LabelSets.from_lists([[0, 1], [0], []]).replaced(by).to_list() == [[2**62, 2**62 + 1], [2**62], []]
    with pytest.raises(ValueError, match="expected label ids below num_labels, 5; got"):
        wide.document_frequency(5)


def test_multi_hot_rows_become_sets():
    assert LabelSets.from_multi_hot(np.eye(2, 3, dtype=bool)).to_list() == [[0], [1]]
    soft = LabelSets.from_multi_hot([[0, 0.5], [1, 1]])
    assert (soft.to_list(), soft.weights.tolist()) == ([[1], [0, 1]], [0.5, 1.0, 1.0])
    assert len(LabelSets.from_multi_hot(np.zeros((0, 4)))) == 0
    with pytest.raises(ValueError, match=r"expected a matrix \(rows, labels\); got shape \(2,\)"):
        LabelSets.from_multi_hot([0, 1])
    with pytest.raises(ValueError, match=r"expected finite weights >= 0; got -1.0"):
        LabelSets.from_multi_hot([[0, -1]])
    with pytest.raises(TypeError, match="expected bools or numbers in a multi-hot matrix; got <U3"):
        LabelSets.from_multi_hot([["dog", "cat"]])
