"""Data for training: batches, collation, the order of samples, augmentation, data sets on disk."""

from unicl.face import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
