"""Label vocabularies, phrases to labels, captions to sets of labels. No torch."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
