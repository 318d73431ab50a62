"""Tokenizers: captions in, numpy arrays of token ids out. No torch."""

from unicl.face import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
