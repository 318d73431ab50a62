"""Unified contrastive learning in image-text-label space (UniCL, Yang et al., CVPR 2022, arXiv 2204.03610).

The public names are loaded when first used: ``import unicl`` imports neither torch nor triton.
"""

from importlib import import_module
from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("unicl-rs")
    if name not in __all__:
        raise AttributeError(f"module 'unicl' has no attribute {name!r}; it has {', '.join(__all__)}")
    return _load(name)
