"""Scorers of relevance from folders of models: ours, open_clip's, transformers' zero-shot detectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from unicl.models.scorers.detector import DETECTORS, ZeroShotDetectorScorer
from unicl.models.scorers.dual_tower import DualTowerScorer
from unicl.models.weights import CONFIG_FILE, load_dual_tower
from unicl.text import ClipTokenizer

if TYPE_CHECKING:
    from unicl.labels import RelevanceScorer

__all__ = ["open_scorer"]

OURS, OPEN_CLIP_CONFIG_FILE = "small_dual_tower", "open_clip_config.json"
_WEIGHTS = (".safetensors", ".bin", ".pth")


def open_scorer(
    folder: str | Path, *, template: str | None = None, device: str | torch.device | None = None
) -> RelevanceScorer:
    """The scorer of relevance that the model in a folder makes; its images are PIL images. Nothing is downloaded.

    A folder has what one of these writes:

    - :func:`unicl.models.weights.save_dual_tower`, as ``unicl demo`` does: :class:`DualTowerScorer`;
    - open_clip for a hub: ``open_clip_config.json`` and the weights: :class:`DualTowerScorer`;
    - transformers: ``save_pretrained`` of a zero-shot detector and its processor: :class:`ZeroShotDetectorScorer`.

    Args:
        folder: The folder.
        template: The prompt; ``{}`` is where the phrase goes. None: the scorer's own.
        device: Where the model runs; None: on a GPU if there is one.

    Raises:
        FileNotFoundError: There is no such folder, or it lacks a file.
        ValueError: It holds another model, or one that cannot be loaded.
        ModuleNotFoundError: The package of the model is not installed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}: name one with a model (nothing is downloaded)")
    options: dict[str, Any] = {} if template is None else {"template": template}
    kind = _kind(folder)
    try:
        target = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if kind == "open_clip":
            return _open_clip(folder, target, options)
        if kind == OURS:
            return _ours(folder, target, options)
        scorer = ZeroShotDetectorScorer.from_pretrained(folder, **options)
        scorer.model.to(target)
    except (ValueError, OSError, ImportError):
        raise
    except Exception as error:  # safetensors, pickle and torch have their own for weights and devices that do not fit
        reason = next(iter(str(error).splitlines()), "")
        raise ValueError(f"{folder}: the model cannot be loaded: {type(error).__name__}: {reason}") from error
    return scorer


def _kind(folder: Path) -> str:
    """What the configuration in a folder says: open_clip, small_dual_tower, or a kind of detector."""
    if (folder / OPEN_CLIP_CONFIG_FILE).is_file():
        return "open_clip"
    path = folder / CONFIG_FILE
    if not path.is_file():
        wanted = f"{CONFIG_FILE} (unicl, transformers) or {OPEN_CLIP_CONFIG_FILE} (open_clip)"
        raise FileNotFoundError(f"{folder} has no model: expected {wanted}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    fields = config if isinstance(config, dict) else {}
    kind = fields.get("architecture") or fields.get("model_type")
    if kind not in (OURS, *DETECTORS):
        raise ValueError(f"{path}: expected a model of the kind {', '.join((OURS, *DETECTORS))}; got {kind!r}")
    return str(kind)


def _ours(folder: Path, device: torch.device, options: dict[str, Any]) -> DualTowerScorer:
    model, config = load_dual_tower(folder)
    tokenizer = ClipTokenizer(context_length=config.context_length)
    if config.vocab_size < tokenizer.vocab_size:
        raise ValueError(
            f"{folder}: the text tower has {config.vocab_size} token ids, and CLIP's tokenizer {tokenizer.vocab_size}; "
            "make a DualTowerScorer with its own tokenizer"
        )
    return DualTowerScorer(model.to(device), tokenizer, transform=config.pixels, **options)


def _open_clip(folder: Path, device: torch.device, options: dict[str, Any]) -> DualTowerScorer:
    import open_clip

    config = json.loads((folder / OPEN_CLIP_CONFIG_FILE).read_text(encoding="utf-8"))
    hub_name = config.get("model_cfg", {}).get("text_cfg", {}).get("hf_model_name")
    if hub_name:
        raise ValueError(
            f"{folder}: open_clip would fetch the configuration of its text tower, {hub_name!r}, from the hub"
        )
    if not any(path.suffix in _WEIGHTS for path in folder.iterdir()):
        raise FileNotFoundError(f"{folder} has no weights: expected a file that ends in one of {', '.join(_WEIGHTS)}")
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}", device=device)
    return DualTowerScorer(model, open_clip.get_tokenizer(f"local-dir:{folder}"), transform=transform, **options)
