"""Label vocabularies, phrases to labels, captions to sets of labels. No torch."""

from unicl.face import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
