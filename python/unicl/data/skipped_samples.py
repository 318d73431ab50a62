"""Bad samples of a stream: counted by reason, logged at a limited rate, and an error when there are too many."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG = logging.getLogger(__name__)
NAMED = 3
"""How many samples of each reason are named one by one; then a line every :data:`LOG_SECONDS` has the counts."""
LOG_SECONDS = 30.0


class BadSampleError(ValueError):
    """A sample that cannot be used. It is counted, and the run goes on.

    ``unicl.files.BadImageError`` has the same attributes, for images.

    Attributes:
        reason: Names the kind of fault, to count it, such as "missing caption".
        detail: The values that led to it.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class BadSample:
    """A sample that was skipped. A worker process sends it to the process that counts, beside its batch.

    Attributes:
        key: Names the sample and its source in messages.
        reason: The reason it is counted under.
        detail: The values that explain the reason.
    """

    key: str
    reason: str
    detail: str


def good_caption(caption: str | bytes | None) -> str:
    r"""Checks the caption of a sample, and gives it as text without outer whitespace.

    Args:
        caption: Text, or the bytes of a file; None if the sample has none.

    Raises:
        BadSampleError: There is no caption, it is blank, or it is not UTF-8.

    Example:
        >>> good_caption(b" a black dog\n")
        'a black dog'
        >>> good_caption(b"caf\xe9")
        Traceback (most recent call last):
        unicl.data.skipped_samples.BadSampleError: not UTF-8: byte 3 of b'caf\xe9'
    """
    if caption is None:
        raise BadSampleError("missing caption", "the sample has none")
    try:
        text = caption.decode() if isinstance(caption, bytes) else caption
        text.encode()  # a str may hold half of a surrogate pair, which no tokenizer takes
    except UnicodeError as error:
        raise BadSampleError("not UTF-8", f"byte {error.start} of {caption[:60]!r}") from None  # type: ignore[attr-defined]
    text = text.strip()
    if not text:
        raise BadSampleError("missing caption", f"it is blank: {caption[:60]!r}")
    return text


class SkippedSamples:
    """Counts the bad samples of a run. The process that takes the batches has one; workers send what they met.

    A bad sample is left out of its batch, and nothing takes its place: the batch is smaller by it. So a batch depends
    on its positions alone, not on workers or on other batches, and no sample is seen twice.

    Args:
        max_bad_fraction: The largest share of the samples that may be bad, in [0, 1].
        bad_in_a_row: As many bad samples in a row are an error.
        judged_from: The share is judged from this number of samples on. Among fewer, chance decides too much.

    Attributes:
        samples: How many samples were met, good and bad.
        counts: The bad samples by reason.

    Raises:
        ValueError: An argument is outside its range.

    Example:
        >>> skipped = SkippedSamples()
        >>> skipped.record(256, {7: BadSample("shard 3, 000012", "undecodable", "image file is truncated")})
        >>> print(skipped)
        1 of 256 samples skipped: 1 undecodable (first: shard 3, 000012: image file is truncated)
    """

    def __init__(self, *, max_bad_fraction: float = 0.01, bad_in_a_row: int = 100, judged_from: int = 5_000) -> None:
        if not 0 <= max_bad_fraction <= 1:
            raise ValueError(f"expected max_bad_fraction in [0, 1]; got {max_bad_fraction}")
        if bad_in_a_row < 1 or judged_from < 1:
            raise ValueError(f"expected bad_in_a_row and judged_from >= 1; got {bad_in_a_row} and {judged_from}")
        self.max_bad_fraction, self.bad_in_a_row, self.judged_from = max_bad_fraction, bad_in_a_row, judged_from
        self.samples = 0
        self.counts: Counter[str] = Counter()
        self._first: dict[str, BadSample] = {}
        self._in_a_row = 0
        self._logged = float("-inf")

    def record(self, samples: int, bad: Mapping[int, BadSample]) -> None:
        """Counts the samples of a batch, and raises an error if there are too many bad ones.

        Args:
            samples: How many samples the batch should have had.
            bad: The bad ones by their place among these, from 0.

        Raises:
            ValueError: ``bad_in_a_row`` bad samples followed each other, or more than ``max_bad_fraction`` of all
                samples are bad. The message has the counts, and the first sample of each reason.
        """
        longest = self._longest_run(samples, bad)
        self.samples += samples
        for place in sorted(bad):
            self._count(bad[place])
        if longest >= self.bad_in_a_row:
            raise ValueError(
                f"expected fewer than bad_in_a_row={self.bad_in_a_row} bad samples in a row; got {longest}, and {self}"
            )
        if bad and self.samples >= self.judged_from and self.counts.total() > self.max_bad_fraction * self.samples:
            raise ValueError(
                f"expected at most max_bad_fraction={self.max_bad_fraction:g} of the samples to be bad; got {self}"
            )

    def merge(self, other: SkippedSamples) -> None:
        """Adds the counts of another rank, for the summary of a run."""
        self.samples += other.samples
        self.counts += other.counts
        self._first = other._first | self._first

    def _longest_run(self, samples: int, bad: Mapping[int, BadSample]) -> int:
        """Follows the bad samples in a row over the batch, and gives the longest run that ends in it."""
        longest, before = 0, -1
        for place in sorted(bad):
            self._in_a_row = self._in_a_row + 1 if place == before + 1 else 1
            longest, before = max(longest, self._in_a_row), place
        if before < samples - 1:
            self._in_a_row = 0
        return longest

    def _count(self, sample: BadSample) -> None:
        self.counts[sample.reason] += 1
        self._first.setdefault(sample.reason, sample)
        now = time.monotonic()
        if self.counts[sample.reason] <= NAMED:
            LOG.warning("skipped %s: %s: %s", sample.key, sample.reason, sample.detail)
        elif now - self._logged >= LOG_SECONDS:
            self._logged = now
            LOG.warning("%s", str(self))  # now: a handler may format it later

    def __str__(self) -> str:
        reasons = "; ".join(
            f"{count:,} {reason} (first: {self._first[reason].key}: {self._first[reason].detail})"
            for reason, count in self.counts.most_common()
        )
        return f"{self.counts.total():,} of {self.samples:,} samples skipped" + (f": {reasons}" if reasons else "")
