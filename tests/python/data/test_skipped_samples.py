"""Bad samples of a stream: counted, logged at a limited rate, and an error past a limit."""

import logging

import pytest

from unicl.data import BadSample, BadSampleError, SkippedSamples, good_caption


def bad(*places: int, reason: str = "undecodable") -> dict[int, BadSample]:
    return {place: BadSample(f"shard 1, {place}", reason, "cut off") for place in places}


def record_all(skipped: SkippedSamples, is_bad: list[bool], batch: int) -> None:
    for start in range(0, len(is_bad), batch):
        part = is_bad[start : start + batch]
        skipped.record(len(part), bad(*[place for place, broken in enumerate(part) if broken]))


def test_samples_are_counted_by_reason_and_the_first_of_each_is_named():
    skipped = SkippedSamples()
    skipped.record(1_000, bad(4, 9))
    skipped.record(1_000, bad(3, reason="empty file") | bad(8))
    assert skipped.counts == {"undecodable": 3, "empty file": 1}
    assert str(skipped) == (
        "4 of 2,000 samples skipped: 3 undecodable (first: shard 1, 4: cut off); "
        "1 empty file (first: shard 1, 3: cut off)"
    )


def test_nothing_skipped_reads_as_nothing():
    skipped = SkippedSamples()
    skipped.record(256, {})
    assert str(skipped) == "0 of 256 samples skipped"


def test_the_share_is_judged_from_a_number_of_samples_on():
    skipped = SkippedSamples(max_bad_fraction=0.1, judged_from=300)
    for _ in range(2):
        skipped.record(100, bad(*range(0, 40, 2)))
    with pytest.raises(
        ValueError, match=r"expected at most max_bad_fraction=0\.1 of the samples to be bad; got 60 of 300"
    ):
        skipped.record(100, bad(*range(0, 40, 2)))


def test_the_share_itself_is_allowed():
    skipped = SkippedSamples(max_bad_fraction=0.1, judged_from=100)
    skipped.record(100, bad(*range(0, 20, 2)))
    with pytest.raises(ValueError, match="11 of 101 samples"):
        skipped.record(1, bad(0))


@pytest.mark.parametrize("batch", [1, 7, 64, 100, 250])
def test_a_hundred_in_a_row_stop_the_run_whatever_the_batch(batch):
    skipped = SkippedSamples()
    with pytest.raises(
        ValueError, match=r"expected fewer than bad_in_a_row=100 bad samples in a row; got [12]\d\d, and"
    ):
        record_all(skipped, [position >= 50 for position in range(1_000)], batch)
    assert 150 <= skipped.samples < 150 + batch


@pytest.mark.parametrize("batch", [1, 7, 64, 100])
def test_a_good_sample_ends_a_row(batch):
    skipped = SkippedSamples(judged_from=10_000)
    record_all(skipped, [position % 100 != 99 for position in range(2_000)], batch)
    assert skipped.counts.total() == 1_980


def test_ranks_are_added_up():
    first, second = SkippedSamples(), SkippedSamples()
    first.record(100, bad(1))
    second.record(100, bad(2) | bad(3, reason="empty file"))
    first.merge(second)
    assert str(first).startswith("3 of 200 samples skipped: 2 undecodable (first: shard 1, 1: cut off); 1 empty file")


def test_the_log_is_limited(caplog, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("unicl.data.skipped_samples.time.monotonic", lambda: now[0])
    skipped = SkippedSamples(judged_from=10**9)
    with caplog.at_level(logging.WARNING):
        for step in range(1_000):
            now[0] = step * 0.1
            skipped.record(10, bad(5))
    named = [record.getMessage() for record in caplog.records[:3]]
    assert named == ["skipped shard 1, 5: undecodable: cut off"] * 3
    assert 3 < len(caplog.records) <= 3 + 4  # 100 seconds, a line every 30
    assert "of 40 samples skipped" in caplog.records[3].getMessage()


@pytest.mark.usefixtures("own_checks")
@pytest.mark.parametrize(
    "options", [{"max_bad_fraction": -0.1}, {"max_bad_fraction": float("nan")}, {"bad_in_a_row": 0}, {"judged_from": 0}]
)
def test_a_limit_outside_its_range_is_refused(options):
    with pytest.raises(
        ValueError, match="expected " + ("max_bad" if "max_bad_fraction" in options else "bad_in_a_row")
    ):
        SkippedSamples(**options)


@pytest.mark.parametrize(
    ("given", "text"),
    [("a dog", "a dog"), (b" a dog\n", "a dog"), ("caf\u00e9", "caf\u00e9"), (b"\xf0\x9f\x90\xb6", "\U0001f436")],
)
def test_a_good_caption_is_text(given, text):
    assert good_caption(given) == text


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "missing caption"),
        ("", "missing caption"),
        (b" \n", "missing caption"),
        (b"caf\xe9", "not UTF-8"),
        (b"\xff\xfea\0", "not UTF-8"),
        ("half a pair \ud83d", "not UTF-8"),
    ],
)
def test_a_bad_caption_has_a_reason(given, reason):
    with pytest.raises(BadSampleError) as caught:
        good_caption(given)
    assert caught.value.reason == reason
    assert str(caught.value).startswith(reason)
