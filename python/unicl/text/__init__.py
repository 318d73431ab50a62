"""Tokenizers, tagging and noun phrases: captions in, numpy or Arrow out, no torch."""

from unicl.text.clip import ClipTokenizer

__all__ = ["ClipTokenizer"]
