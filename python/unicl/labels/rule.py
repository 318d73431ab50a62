"""The rules by which a phrase gets its label, or loses it."""

from __future__ import annotations

from enum import IntEnum


class Rule(IntEnum):
    """The rule by which a phrase got its label, or lost it.

    LEMMA to FUZZY are tried in this order. The rules of context are ABSENT and those after it. They take labels away,
    in the order of the table in ``docs/labels.md``; only :class:`DenseLabeler` has them.
    """

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
    CAPTION = 9
    """The caption has the name or synonym, in words that are no noun phrase for the tagger: "a knife and fork"."""
    NAMED_HEAD = 10
    """The noun before a proper name is a name or synonym: "director Ruben Fleischer" is a person."""
    ABSENT = 11
    """No label: the caption tells that the thing is not there: "no dogs", "without a hat or gloves"."""
    POSSESSOR = 12
    """No label: the phrase only tells whose a thing is: "women's shoes". "A man's hand" does show a person."""
    MEASURE = 13
    """No label: the phrase tells how many there are: "a couple of zebras"."""
    LIKENESS = 14
    """No label: it is a likeness of the thing: "a statue of a horse", "a toy car"."""
    PURPOSE = 15
    """No label: the phrase tells for whom or what goods are: "shoes for women"."""
    ACCESSORY = 16
    """No label: the phrase tells which thing an accessory fits: "iPhone 5 case"."""
    PROPER_NAME = 17
    """No label: the phrase is a proper name: "Jeanette Baker", "the Bulldogs"."""
    CREDIT = 18
    """No label: the phrase tells who made what is shown: "by Various Artists"."""
    QUOTED = 19
    """No label: the phrase stands between quotation marks, as a title does."""
    TITLE = 20
    """No label: a person in a title, of whom nothing more is told: "Autodesk Certified Instructor"."""
    COLOUR = 21
    """No label: a colour: "a man in orange"."""


WHOLE = (Rule.EXACT, Rule.LEMMA, Rule.SYNONYM)
"""The rules by which a phrase as a whole, and not only its last words, means a label."""
