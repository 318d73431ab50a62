"""The rules by which a phrase gets its label."""

from __future__ import annotations

from enum import IntEnum


class Rule(IntEnum):
    """The rule by which a phrase got its label. The rules are tried in this order."""

    ABSTAIN = 0
    """No rule applied: the phrase has no label."""
    EXACT = 1
    """The phrase is the label's name."""
    LEMMA = 2
    """The phrase is the name except for the number of its head noun: "the dogs" and "dog"."""
    SYNONYM = 3
    """The phrase is a synonym of the label, in singular or plural."""
    SUB_PHRASE = 4
    """Its last words, two or more, are a name or synonym: "big hot dogs" and "hot dog"."""
    HEAD_NOUN = 5
    """Its last word is a name or synonym: "a brown dog" and "dog"."""
    PARENT = 6
    """The phrase means a label that is not kept. This label is its nearest ancestor that is."""
    FUZZY = 7
    """The phrase means the label after a slip of the pen is corrected: "a girafe" and "giraffe"."""
    ARGMAX = 8
    """Of all labels, this name is the most similar. The mode "argmax" has only this rule."""


WHOLE = (Rule.EXACT, Rule.LEMMA, Rule.SYNONYM)
"""The rules by which a phrase as a whole, and not only its last words, means a label."""
