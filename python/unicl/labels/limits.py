"""Limits on the number of captions that a label must have and may have."""

from __future__ import annotations

from numbers import Integral, Real


def as_counts(
    total: int, *, min_document_frequency: float, max_document_frequency: float, top_k: int | None = None
) -> tuple[int, int]:
    """The least and the greatest document frequency as numbers of captions, after all three limits are checked.

    Args:
        total: How many captions there are.
        min_document_frequency: An int is a number of captions, a float a share of all in [0, 1].
        max_document_frequency: Likewise; 1.0 sets no limit.
        top_k: How many labels there may be; None sets no limit.

    Raises:
        TypeError: A limit is no number.
        ValueError: One is out of range, or the minimum exceeds the maximum.

    Example:
        >>> as_counts(1_000, min_document_frequency=3, max_document_frequency=0.25)
        (3, 250)
    """
    least = _as_count("min_document_frequency", min_document_frequency, total)
    most = _as_count("max_document_frequency", max_document_frequency, total)
    # A share and a number are not compared: a few captions may be fewer than the least number, and have no label.
    if is_share(min_document_frequency) == is_share(max_document_frequency) and (
        min_document_frequency > max_document_frequency
    ):
        raise ValueError(
            f"expected min_document_frequency <= max_document_frequency; got {min_document_frequency} and "
            f"{max_document_frequency}"
        )
    if top_k is not None and top_k < 1:
        raise ValueError(f"expected top_k >= 1, or None for all; got {top_k}")
    return least, most


def is_share(limit: float) -> bool:
    """Whether a limit is a share of the captions and not a number of them: 1 is a caption, and 1.0 all of them."""
    return not isinstance(limit, Integral)


def _as_count(name: str, limit: float, total: int) -> int:
    if not isinstance(limit, Real):
        raise TypeError(f"expected {name} as an int or as a share in [0, 1]; got {limit!r}")
    if not is_share(limit):
        if limit < 0:
            raise ValueError(f"expected {name} >= 0; got {limit}")
        return int(limit)
    if not 0.0 <= limit <= 1.0:
        raise ValueError(f"expected {name} as an int or as a share in [0, 1]; got {limit}")
    return round(float(limit) * total)
