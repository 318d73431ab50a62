"""Opens a folder with a model as a scorer of relevance: our own models, open_clip's, zero-shot detectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

import torch

from unicl.models.scorers.detector import DETECTORS, ZeroShotDetectorScorer
from unicl.models.scorers.dual_tower import DualTowerScorer
from unicl.models.weights import ARCHITECTURE, CONFIG_FILE, load_dual_tower
from unicl.text import ClipTokenizer

OPEN_CLIP, OPEN_CLIP_CONFIG_FILE = "open_clip", "open_clip_config.json"
_WEIGHTS = (".safetensors", ".bin", ".pth")


class _Options(TypedDict, total=False):
    template: str


def open_scorer(
    folder: str | Path, *, template: str | None = None, device: str | torch.device | None = None
) -> DualTowerScorer | ZeroShotDetectorScorer:
    """Makes a scorer of relevance from the model in a folder. It takes PIL images. Nothing is downloaded.

    The folder holds the files of one of these:

    - :func:`unicl.models.save_dual_tower`, which ``unicl demo`` uses: gives a :class:`DualTowerScorer`.
    - open_clip for a hub, so ``open_clip_config.json`` and the weights: gives a :class:`DualTowerScorer`.
    - ``save_pretrained`` of a zero-shot detector of transformers and its processor: gives a
      :class:`ZeroShotDetectorScorer`.

    Args:
        folder: The folder.
        template: The prompt; the phrase replaces ``{}``. None: the scorer's own.
        device: The device of the model. None: a GPU if there is one.

    Raises:
        FileNotFoundError: There is no such folder, or it lacks a file.
        ValueError: The folder holds another model, or one that cannot be loaded.
        ModuleNotFoundError: The package of the model is not installed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"expected a folder with a model; got {folder}, which is no folder: nothing is downloaded"
        )
    options: _Options = {} if template is None else {"template": template}
    kind = _kind(folder)
    try:
        target = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if kind == OPEN_CLIP:
            return _open_open_clip(folder, target, options)
        if kind == ARCHITECTURE:
            return _open_dual_tower(folder, target, options)
        scorer = ZeroShotDetectorScorer.from_pretrained(folder, **options)
        scorer.model.to(target)
    except (ValueError, OSError, ImportError):
        raise
    except Exception as error:  # safetensors, pickle and torch have their own for weights and devices that do not fit
        reason = next(iter(str(error).splitlines()), "")
        raise ValueError(f"{folder}: the model cannot be loaded: {type(error).__name__}: {reason}") from error
    return scorer


def _kind(folder: Path) -> str:
    """Reads from the configuration in a folder which kind of model it holds."""
    if (folder / OPEN_CLIP_CONFIG_FILE).is_file():
        return OPEN_CLIP
    path = folder / CONFIG_FILE
    if not path.is_file():
        wanted = f"{CONFIG_FILE} (unicl, transformers) or {OPEN_CLIP_CONFIG_FILE} (open_clip)"
        raise FileNotFoundError(f"expected a model in {folder}, with {wanted}; got neither")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    fields = config if isinstance(config, dict) else {}
    kind = fields.get("architecture") or fields.get("model_type")
    if kind not in (ARCHITECTURE, *DETECTORS):
        raise ValueError(f"{path}: expected a model of the kind {', '.join((ARCHITECTURE, *DETECTORS))}; got {kind!r}")
    return str(kind)


def _open_dual_tower(folder: Path, device: torch.device, options: _Options) -> DualTowerScorer:
    model, config = load_dual_tower(folder)
    tokenizer = ClipTokenizer(context_length=config.context_length)
    if config.vocab_size < tokenizer.vocab_size:
        raise ValueError(
            f"{folder}: expected a text tower with the {tokenizer.vocab_size} token ids of CLIP's tokenizer; "
            f"got {config.vocab_size}: make a DualTowerScorer with the tokenizer of this model"
        )
    return DualTowerScorer(model.to(device), tokenizer, transform=config.pixels, **options)


def _open_open_clip(folder: Path, device: torch.device, options: _Options) -> DualTowerScorer:
    import open_clip

    config = json.loads((folder / OPEN_CLIP_CONFIG_FILE).read_text(encoding="utf-8"))
    hub_name = config.get("model_cfg", {}).get("text_cfg", {}).get("hf_model_name")
    if hub_name:
        raise ValueError(
            f"{folder}: expected a text tower of open_clip itself; got {hub_name!r}, whose configuration open_clip "
            "would fetch from the hub"
        )
    if not any(path.suffix in _WEIGHTS for path in folder.iterdir()):
        raise FileNotFoundError(f"expected weights in {folder}, a file that ends in {', '.join(_WEIGHTS)}; got none")
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}", device=device)
    return DualTowerScorer(model, open_clip.get_tokenizer(f"local-dir:{folder}"), transform=transform, **options)
