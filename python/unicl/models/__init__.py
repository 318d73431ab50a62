"""Image, text and label encoders, their weights, and relevance scorers over them."""

from unicl.face import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
