"""The demo: emoji as an embedded data set, four objectives trained on it, and a report."""

from unicl.face import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
