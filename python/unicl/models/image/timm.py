"""Any image model of timm as an image tower; ResNet-50 is the default."""

from __future__ import annotations

import difflib
from typing import Any, cast

import timm
from jaxtyping import Float
from timm.data.config import resolve_model_data_config
from torch import Tensor, nn


class TimmImageEncoder(nn.Module):
    """An image model of timm without its classifier, and a linear projection to features.

    Args:
        name: A name of ``timm.list_models()``, with or without the tag of its weights (``resnet50.a1_in1k``).
        pretrained: Whether to start from timm's weights. They come from the hub, or from its cache on this machine.
            Nothing is downloaded in any other case.
        embed_dim: The width of the features.

    Attributes:
        image_size: The (height, width) in pixels at which timm trains the model. Convolutional models take any size.
        mean: The mean to subtract from each channel (red, green, blue), where channels are in [0, 1].
        std: The deviation to divide each channel by, after the subtraction.

    Raises:
        ValueError: timm has no such model, or no such weights for it.
        OSError: The weights could not be downloaded.

    Example:
        >>> import torch
        >>> encoder = TimmImageEncoder(name="resnet10t", embed_dim=64)
        >>> encoder(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 64])
    """

    def __init__(self, *, name: str = "resnet50", pretrained: bool = False, embed_dim: int = 512) -> None:
        super().__init__()
        if not timm.is_model(name):
            close = difflib.get_close_matches(name, timm.list_models(), n=3)
            hint = f"did you mean {' or '.join(close)}?" if close else "timm.list_models() lists them"
            raise ValueError(f"expected the name of an image model of timm; got {name!r}: {hint}")
        try:
            # The classifier goes, the pooling stays: the trunk gives one vector an image.
            trunk: Any = timm.create_model(name, pretrained=pretrained, num_classes=0)
        except RuntimeError as error:  # timm raises it for an unknown tag, and for a model without weights
            raise ValueError(f"timm could not make {name!r} with pretrained={pretrained}: {error}") from error
        except OSError as error:
            raise OSError(
                f"the weights of {name!r} could not be downloaded and are not in the hub's cache on this machine: "
                "connect it, or pass pretrained=False for random weights"
            ) from error
        data_config = resolve_model_data_config(trunk)  # type: ignore[no-untyped-call]
        self.image_size: tuple[int, int] = tuple(data_config["input_size"][1:])
        self.mean: tuple[float, ...] = tuple(data_config["mean"])
        self.std: tuple[float, ...] = tuple(data_config["std"])
        self.trunk = trunk
        # Not num_features: some models (MobileNetV3) widen once more after the pooling.
        self.projection = nn.Linear(trunk.head_hidden_size, embed_dim, bias=False)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Encodes images.

        Args:
            images: Channels in [0, 1], minus ``mean``, divided by ``std``.

        Returns:
            One row an image, not normalised.

        Raises:
            TypeError: The images are integers, so bytes that were not scaled.
        """
        if not images.is_floating_point():
            kind = str(images.dtype).removeprefix("torch.")
            raise TypeError(
                f"expected images in floating point; got {kind}: divide bytes by 255, subtract mean {self.mean} and "
                f"divide by std {self.std} of the channels"
            )
        return cast("Tensor", self.projection(self.trunk(images)))
