import pytest

from unicl.data import BadRow, SkippedRows


def skipped_of(total, max_bad_fraction):
    skipped = SkippedRows("captions.tsv", max_bad_fraction=max_bad_fraction)
    skipped.total = total
    return skipped


def test_rows_are_counted_by_reason_and_the_first_of_each_is_named():
    skipped = skipped_of(10, 1.0)
    skipped.record([BadRow(2, "missing image", "a.jpg"), BadRow(4, "undecodable", "b.jpg: cut off")])
    skipped.record([BadRow(7, "undecodable", "c.jpg: cut off")])
    assert skipped.counts == {"undecodable": 2, "missing image": 1}
    assert str(skipped) == (
        "3 of the 10 rows of captions.tsv cannot be used: 2 undecodable (first: row 4, b.jpg: cut off); "
        "1 missing image (first: row 2, a.jpg)"
    )


def test_a_row_that_is_met_in_every_epoch_counts_once():
    skipped = skipped_of(10, 0.1)
    for _ in range(3):
        skipped.record([BadRow(2, "undecodable", "a.jpg")])
    assert len(skipped) == 1


def test_the_limit_is_a_share_of_the_rows_and_may_be_reached():
    skipped = skipped_of(4, 0.5)
    skipped.record([BadRow(1, "missing image", "a.jpg"), BadRow(2, "missing image", "b.jpg")])
    with pytest.raises(
        ValueError,
        match=r"^expected at most max_bad_fraction=0\.5 of the rows to be bad: 3 of the 4 rows .*row 1, a\.jpg\)$",
    ):
        skipped.record([BadRow(3, "missing image", "c.jpg")])


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_a_share_outside_the_unit_interval_is_refused(fraction):
    with pytest.raises(ValueError, match=r"expected max_bad_fraction in \[0, 1\]; got"):
        skipped_of(4, fraction)


def test_nothing_skipped_reads_as_nothing():
    assert str(skipped_of(4, 0.5)) == "0 of the 4 rows of captions.tsv cannot be used"
