"""Tokenizers, tagging and noun phrases: captions in, numpy or Arrow out, no torch."""

from unicl.text.clip import ClipTokenizer
from unicl.text.columns import Strings
from unicl.text.noun_phrases import DEFAULT_GRAMMAR, NounPhrases, find_noun_phrases
from unicl.text.tagging import PosTagger, TaggedWords
from unicl.text.wordpiece import WordPieceTokenizer

__all__ = [
    "DEFAULT_GRAMMAR",
    "ClipTokenizer",
    "NounPhrases",
    "PosTagger",
    "Strings",
    "TaggedWords",
    "WordPieceTokenizer",
    "find_noun_phrases",
]
