"""Tokenizers, tagging and noun phrases: captions in, numpy or Arrow out, no torch."""

from unicl.text.clip import ClipTokenizer
from unicl.text.columns import Strings
from unicl.text.noun_phrases import DEFAULT_GRAMMAR, NounPhrases, find_noun_phrases
from unicl.text.tagging import PosTagger, TaggedWords

__all__ = [
    "DEFAULT_GRAMMAR",
    "ClipTokenizer",
    "NounPhrases",
    "PosTagger",
    "Strings",
    "TaggedWords",
    "find_noun_phrases",
]
