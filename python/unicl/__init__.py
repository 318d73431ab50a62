"""Unified contrastive learning in image-text-label space (UniCL, Yang et al., CVPR 2022, arXiv 2204.03610).

The public names are loaded when first used: ``import unicl`` imports neither torch nor triton.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unicl.labels import DenseLabeler, LabelMapper, LabelSets, LabelVocabulary
    from unicl.loss import UniCLLoss, fused_loss
    from unicl.text import ClipTokenizer, PosTagger, WordPieceTokenizer, find_noun_phrases

_HOMES = {
    "ClipTokenizer": "unicl.text",
    "DenseLabeler": "unicl.labels",
    "LabelMapper": "unicl.labels",
    "LabelSets": "unicl.labels",
    "LabelVocabulary": "unicl.labels",
    "PosTagger": "unicl.text",
    "UniCLLoss": "unicl.loss",
    "WordPieceTokenizer": "unicl.text",
    "find_noun_phrases": "unicl.text",
    "fused_loss": "unicl.loss",
}

__all__ = [
    "ClipTokenizer",
    "DenseLabeler",
    "LabelMapper",
    "LabelSets",
    "LabelVocabulary",
    "PosTagger",
    "UniCLLoss",
    "WordPieceTokenizer",
    "find_noun_phrases",
    "fused_loss",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("unicl-rs")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'unicl' has no attribute {name!r}; it has {', '.join(sorted(_HOMES))}")


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
