"""Training: objectives, the schedule of the learning rate, the loop, cached gradients."""

from unicl.face import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
