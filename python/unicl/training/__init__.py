"""Training: objectives, the schedule of the learning rate, the loop, cached gradients."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
