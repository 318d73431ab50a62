"""Jobs over files of captions: label, tokenize, mine, meter. No torch."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
