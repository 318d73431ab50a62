"""Data for training: batches, collation, the order of samples, augmentation, data sets on disk."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
