"""Evaluation of trained towers: zero-shot classification, retrieval, false negatives, the report page."""

from unicl.face import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
