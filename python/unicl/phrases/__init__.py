"""Part-of-speech tags and noun phrases of captions. No torch."""

from unicl.face import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
