"""Any encoder of transformers as a text tower, BERT-base first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from torch import nn
from transformers import AutoConfig, AutoModel

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig


class TransformersTextEncoder(nn.Module):
    """A text model of transformers, read at one token or at all, and a linear projection: tokens in, features out.

    Args:
        model: A configuration (random weights), a folder with ``config.json`` and ``model.safetensors``, or a name on
            the hub, which is downloaded if the hub's cache on this machine does not have it. Weights in pickle are
            refused.
        embed_dim: The width d of the features.
        pooling: "first" reads the state at the first token, as BERT is read at [CLS] (Devlin et al. 2019, section 3.1);
            "mean" averages the states of all tokens that are not padding.
        pad_id: The id of the padding; None: the configuration's ``pad_token_id``.

    Raises:
        ValueError: An unknown pooling, or no padding id anywhere.
        FileNotFoundError: ``model`` looks like a path, and there is no folder.
        OSError: The folder or the hub has no such model, or there is no connection.

    Example:
        >>> import torch
        >>> from transformers import BertConfig
        >>> config = BertConfig(vocab_size=9, hidden_size=32, num_hidden_layers=1, num_attention_heads=2)
        >>> encoder = TransformersTextEncoder(config, embed_dim=16)
        >>> encoder(torch.tensor([[7, 3, 8, 0], [7, 2, 5, 8]])).shape
        torch.Size([2, 16])
    """

    def __init__(
        self,
        model: str | Path | PretrainedConfig,
        *,
        embed_dim: int = 512,
        pooling: Literal["first", "mean"] = "first",
        pad_id: int | None = None,
    ) -> None:
        super().__init__()
        if pooling not in ("first", "mean"):
            raise ValueError(f"pooling must be 'first' or 'mean', got {pooling!r}")
        self.trunk: Any = _load(model) if isinstance(model, (str, Path)) else AutoModel.from_config(model)  # type: ignore[no-untyped-call]
        # BERT's own pooler serves its next-sentence task; unused, it would be a parameter without a gradient.
        if getattr(self.trunk, "pooler", None) is not None:
            self.trunk.pooler = None
        self.pooling = pooling
        pad_id = self.trunk.config.pad_token_id if pad_id is None else pad_id
        if pad_id is None:
            raise ValueError(f"the configuration of {type(self.trunk).__name__} has no pad_token_id: pass pad_id")
        self.pad_id: int = pad_id
        self.projection = nn.Linear(self.trunk.config.hidden_size, embed_dim, bias=False)
        nn.init.normal_(self.projection.weight, std=self.trunk.config.hidden_size**-0.5)

    def forward(self, tokens: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Encodes texts.

        Args:
            tokens: (n, length) ids, each row a start token, the text, an end token, padding.
            attention_mask: (n, length), nonzero where a token counts. None: up to the last token that is not padding,
                so that an id that both pads and occurs in texts (0, "!", in CLIP's vocabulary) is seen where it
                occurs. Pass it for tokenizers that pad with the end token itself.

        Returns:
            (n, embed_dim), not normalised.

        Raises:
            ValueError: The rows are longer than the model's positions.
        """
        length, limit = tokens.shape[1], getattr(self.trunk.config, "max_position_embeddings", None)
        if limit is not None and length > limit:
            raise ValueError(
                f"got rows of {length} tokens, the text model has {limit} positions: tokenize with a shorter context"
            )
        if attention_mask is None:
            # A position counts where anything but padding stands at it or behind it.
            attention_mask = (tokens != self.pad_id).flip(1).cummax(dim=1).values.flip(1)
        states = self.trunk(input_ids=tokens, attention_mask=attention_mask.long()).last_hidden_state
        if self.pooling == "first":
            pooled = states[:, 0]
        else:
            weight = attention_mask.to(states.dtype).unsqueeze(2)
            pooled = (states * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
        return cast("Tensor", self.projection(pooled))


def _load(name: str | Path) -> Any:
    """Loads a folder, or a name on the hub."""
    if not Path(name).is_dir() and (isinstance(name, Path) or name.startswith((".", "/", "~")) or name.count("/") > 1):
        raise FileNotFoundError(
            f"no folder with a text model at {str(name)!r}: want config.json and model.safetensors in it"
        )
    try:
        config = AutoConfig.from_pretrained(name)
        # In float32 whatever the file holds, as the projection is: autocast decides what is computed lower.
        return AutoModel.from_pretrained(name, config=config, use_safetensors=True).float()
    except OSError as error:
        where = (
            "in that folder" if Path(name).is_dir() else "on the hub or in its cache on this machine (is it connected?)"
        )
        raise OSError(
            f"the text model {str(name)!r} could not be loaded: config.json and model.safetensors were wanted {where}. "
            "Pass a folder, or a configuration for random weights"
        ) from error
