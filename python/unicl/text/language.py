"""Tells captions that are not English, which labels cannot be found in."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WORD = re.compile(r"[^\W\d_]+")
ENGLISH = frozenset(
    (  # noqa: SIM905
        "a an and are at beside by for from front has his her holding in is it its near next of off on over people "
        "sitting standing that the their there this to two up while who with"
    ).split()
)
"""Words that English captions have, and that are rare in the languages below."""
OTHER = frozenset(
    (  # noqa: SIM905
        "der die das und ein eine einen einem einer mit auf im den dem des von zwei ist sich "
        "le la les un une du deux dans sur avec et est qui aux "
        "el los las una con del por que y dos mujer hombre "
        "il lo gli di che su della uomo donna e um uma com o os as na em não dois "
        "het een van met op twee zijn w na z i jest ve bir av och en ett på som med är og"
    ).split()
)
"""Words that captions in German, French, Spanish, Italian, Portuguese, Dutch, Polish, Turkish and the languages of
Scandinavia have."""


def looks_english(caption: str) -> bool | None:
    """Whether a caption reads as English; None if it has too few words to tell.

    Example:
        >>> looks_english("two dogs on a beach"), looks_english("zwei Hunde auf einem Strand"), looks_english("IMG 12")
        (True, False, None)
        >>> looks_english("海辺の二匹の犬")
        False
    """
    words = WORD.findall(caption.lower())
    letters = "".join(words)
    foreign = sum(not unicodedata.name(each, "LATIN").startswith("LATIN") for each in letters if not each.isascii())
    if 2 * foreign > len(letters):
        return False
    english, other = (sum(word in known for word in words) for known in (ENGLISH, OTHER))
    if english >= max(other, 1):
        return True
    return False if other >= 2 else None


def share_not_english(captions: Sequence[str]) -> float:
    """Gives the share of captions that are not English, among those with words enough to tell; 0 if none has."""
    told = [answer for answer in map(looks_english, captions) if answer is not None]
    return told.count(False) / len(told) if told else 0.0
