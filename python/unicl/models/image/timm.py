"""Any image model of timm as an image tower, ResNet-50 first."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, cast

import timm
from timm.data.config import resolve_model_data_config
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class TimmImageEncoder(nn.Module):
    """An image model of timm without its classifier, and a linear projection: pictures in, features out.

    Args:
        name: A name of ``timm.list_models()``, with or without the tag of its weights (``resnet50.a1_in1k``).
        pretrained: Whether to start from timm's weights. They come from the hub, or from its cache on this machine:
            this is the only case in which anything is downloaded.
        embed_dim: The width d of the features.

    Attributes:
        image_size: The (height, width) in pixels that timm trains the model at. Convolutional models take any size.
        mean: What to subtract from a channel in [0, 1], red, green, blue.
        std: What to divide it by then.

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
            raise ValueError(f"timm has no image model named {name!r}: {hint}")
        try:
            # The classifier goes, the pooling stays: the trunk gives one vector a picture.
            trunk: Any = timm.create_model(name, pretrained=pretrained, num_classes=0)
        except RuntimeError as error:  # timm's word for an unknown tag, and for a model without weights
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
        # Not num_features: some models (MobileNetV3) widen once more behind the pooling.
        self.projection = nn.Linear(trunk.head_hidden_size, embed_dim, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Encodes pictures.

        Args:
            images: (n, 3, h, w), channels in [0, 1] less ``mean``, over ``std``.

        Returns:
            (n, embed_dim), not normalised.
        """
        return cast("Tensor", self.projection(self.trunk(images)))
