"""The fused label-aware contrastive loss; the public names are in the stub beside this file."""

from unicl.face import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
