"""Jobs over files of captions: label, tokenize, mine, sample, index. They load no torch."""

from unicl.face import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
