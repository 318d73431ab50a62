"""Jobs over files of captions: label, tokenize, mine, sample. They load no torch."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
