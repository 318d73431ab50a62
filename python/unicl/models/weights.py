"""The weights of our own towers on disk: ``model.safetensors`` beside ``config.json``, never pickle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor

from unicl.files import write_bytes, write_text
from unicl.models.dual_tower import DualTower
from unicl.models.image.small_cnn import SmallCNN, scale_pixels
from unicl.models.text.clip_transformer import TextTransformer

if TYPE_CHECKING:
    from PIL import Image

WEIGHTS_FILE, CONFIG_FILE = "model.safetensors", "config.json"
ARCHITECTURE = "small_dual_tower"
"""The name of our towers in ``config.json``."""
_CONFIG = "config"
"""The name of the configuration in the header of the weights."""


@dataclass(frozen=True, kw_only=True)
class SmallDualTowerConfig:
    """The sizes of a :class:`SmallCNN` and a :class:`TextTransformer` that train from scratch on a CPU.

    Attributes:
        vocab_size: The number of token ids.
        context_length: The longest text, in tokens.
        embed_dim: The width of the features.
        image_channels: The channels of each stage of the image tower.
        image_blocks: The residual blocks of each stage.
        text_width: The width of the text tower; a multiple of 32, the width of a head.
        text_layers: The number of layers of the text tower.
        image_size: The width and height in pixels of the images it is trained on.
    """

    vocab_size: int
    context_length: int
    embed_dim: int = 128
    image_channels: tuple[int, ...] = (24, 48, 96, 192)
    image_blocks: tuple[int, ...] = (1, 1, 1, 1)
    text_width: int = 128
    text_layers: int = 1
    image_size: int = 32

    def pixels(self, image: Image.Image) -> Float[Tensor, "3 h w"]:
        """Gives the middle of an image as the image tower takes it: ``image_size`` pixels both ways, in [-2, 2]."""
        import numpy as np
        import torch
        from PIL import Image, ImageOps

        size = (self.image_size, self.image_size)
        fitted = ImageOps.fit(image.convert("RGB"), size, Image.Resampling.BICUBIC)
        return scale_pixels(torch.from_numpy(np.array(fitted)).permute(2, 0, 1))

    def build(self) -> DualTower:
        """Makes the towers with fresh weights from torch's random generator."""
        import torch

        image = SmallCNN(embed_dim=self.embed_dim, channels=self.image_channels, blocks=self.image_blocks)
        text = TextTransformer(
            vocab_size=self.vocab_size,
            context_length=self.context_length,
            embed_dim=self.embed_dim,
            width=self.text_width,
            layers=self.text_layers,
            heads=max(1, self.text_width // 32),
        )
        return DualTower(image.to(memory_format=torch.channels_last), text)


def save_dual_tower(model: DualTower, config: SmallDualTowerConfig, folder: str | Path) -> None:
    """Writes ``model.safetensors`` and ``config.json`` into a folder. Each file appears only once it is complete.

    The weights hold the configuration too, in their header. So they are a whole model, even where the process is killed
    before it has written ``config.json``; and the loader notices a ``config.json`` of another model.

    Args:
        model: The trained model that ``config.build()`` made.
        config: The configuration of the model.
        folder: The folder; it is made if it is missing.

    Raises:
        TypeError: The model is wrapped, so that its weights have other names. Or ``config.json`` cannot hold a field.
        ValueError: A weight has another name or shape than in ``config.build()``, so the files could not be loaded.
    """
    import torch
    from safetensors.torch import save

    if not isinstance(model, DualTower):
        raise TypeError(
            f"expected a DualTower; got {type(model).__name__}: of DistributedDataParallel pass its .module"
        )
    with torch.device("meta"):
        wanted = {name: tuple(tensor.shape) for name, tensor in config.build().state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if unlike := sorted(name for name in wanted | given if wanted.get(name) != given.get(name)):
        name = unlike[0]
        raise ValueError(
            f"expected the model that config.build() makes; {name} has shape {given.get(name, 'none')} in the model "
            f"and {wanted.get(name, 'none')} by the configuration ({len(unlike)} such weights): "
            "pass the model's own config"
        )
    content = json.dumps({"architecture": ARCHITECTURE, **asdict(config)}, indent=2)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Not save_file: it makes a file that only its owner can read.
    weights = save({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, {_CONFIG: content})
    write_bytes(folder / WEIGHTS_FILE, weights)
    write_text(folder / CONFIG_FILE, f"{content}\n")


def load_dual_tower(folder: str | Path) -> tuple[DualTower, SmallDualTowerConfig]:
    """Reads the files of :func:`save_dual_tower`. Every weight must be there and must fit.

    Args:
        folder: The folder with ``model.safetensors`` and ``config.json``. Without ``config.json``, the configuration in
            the header of the weights is taken.

    Returns:
        The model in evaluation mode, and its configuration.

    Raises:
        FileNotFoundError: A file is missing; the message names it.
        ValueError: ``config.json`` names another architecture or an unknown field, or it is that of another model.
    """
    from safetensors import safe_open

    folder = Path(folder)
    missing = [name for name in (CONFIG_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
    own, weights = None, {}
    if WEIGHTS_FILE not in missing:
        with safe_open(folder / WEIGHTS_FILE, framework="pt") as file:
            own = (file.metadata() or {}).get(_CONFIG)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no mapping
    if missing and own is None:
        raise FileNotFoundError(
            f"expected a folder with {CONFIG_FILE} and {WEIGHTS_FILE}; {folder / missing[0]} is missing"
        )
    content = own if own is not None and missing else (folder / CONFIG_FILE).read_text(encoding="utf-8")
    config = _read_config(content, folder)
    if own is not None and json.loads(own) != json.loads(content):
        raise ValueError(
            f"expected files of one model in {folder}; got {CONFIG_FILE} of another model than {WEIGHTS_FILE}, as a "
            f"save that was cut short leaves them: delete {CONFIG_FILE} to load the model of the weights, and save it"
        )
    model = config.build()
    model.load_state_dict(weights, strict=True)
    return model.eval(), config


def _read_config(content: str, folder: Path) -> SmallDualTowerConfig:
    fields: dict[str, Any] = json.loads(content)
    architecture = fields.pop("architecture", None)
    if architecture != ARCHITECTURE:
        raise ValueError(f"{folder / CONFIG_FILE}: expected the architecture {ARCHITECTURE!r}; got {architecture!r}")
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    try:
        return SmallDualTowerConfig(**fields)
    except TypeError as error:
        raise ValueError(f"{folder / CONFIG_FILE}: {error}") from error
