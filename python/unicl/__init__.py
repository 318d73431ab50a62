"""Unified contrastive learning in image-text-label space (UniCL, Yang et al., CVPR 2022, arXiv 2204.03610).

The public names are loaded when first used: ``import unicl`` imports neither torch nor triton.
"""

from importlib import import_module
from typing import Any

from unicl.face import attach

_load, __dir__, __all__ = attach(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("unicl-rs")
    return _load(name)
