"""Shares and their intervals, as the benches of labels print them."""

import math


def share(hits: int, of: int) -> str:
    """A share and its 95 % interval by Wilson's score (Wilson 1927)."""
    if not of:
        return f"{hits}/{of}"
    z, p = 1.96, hits / of
    middle, spread = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    low, high = ((middle + sign * spread) / (1 + z * z / of) for sign in (-1, 1))
    return f"{hits}/{of} {p:.3f} [{low:.3f}, {high:.3f}]"
