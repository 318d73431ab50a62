"""Any encoder of transformers as a text tower, such as BERT-base."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig

from unicl.models.checks import check_choice, check_length

TextPooling: TypeAlias = Literal["first", "mean"]


class TransformersTextEncoder(nn.Module):
    """A text model of transformers, read at its first token or at all tokens, and a linear projection to features.

    Args:
        model: A configuration, a folder or a name on the hub. A configuration gives random weights. A folder holds
            ``config.json`` and ``model.safetensors``. A name is downloaded unless the hub's cache on this machine has
            it. Weights in pickle are refused.
        embed_dim: The width of the features.
        pooling: "first" reads the state at the first token, as BERT is read at [CLS] (Devlin et al. 2019, section 3.1).
            "mean" averages the states of all tokens that are not padding.
        pad_id: The id of the padding; None: the configuration's ``pad_token_id``.

    Raises:
        ValueError: The pooling is unknown, or no padding id is given anywhere.
        FileNotFoundError: ``model`` looks like a path, and there is no such folder.
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
        pooling: TextPooling = "first",
        pad_id: int | None = None,
    ) -> None:
        super().__init__()
        check_choice("pooling", pooling, get_args(TextPooling))
        self.trunk: Any = (
            _load_trunk(model) if isinstance(model, (str, Path)) else AutoModel.from_config(model)  # type: ignore[no-untyped-call]
        )
        # BERT's own pooler serves its next-sentence task; unused, it would be a parameter without a gradient.
        if getattr(self.trunk, "pooler", None) is not None:
            self.trunk.pooler = None
        self.pooling = pooling
        pad_id = self.trunk.config.pad_token_id if pad_id is None else pad_id
        if pad_id is None:
            raise ValueError(
                f"expected a pad_token_id in the configuration of {type(self.trunk).__name__}; got none: pass pad_id"
            )
        self.pad_id: int = pad_id
        self.projection = nn.Linear(self.trunk.config.hidden_size, embed_dim, bias=False)
        nn.init.normal_(self.projection.weight, std=self.trunk.config.hidden_size**-0.5)

    def forward(
        self,
        tokens: Int[Tensor, "m length"],
        attention_mask: Int[Tensor, "m length"] | Bool[Tensor, "m length"] | None = None,
    ) -> Float[Tensor, "m d"]:
        """Encodes texts.

        Args:
            tokens: Ids. A row is a start token, the text, an end token, then padding.
            attention_mask: Nonzero where a token counts. None: every token up to the last that is not padding counts.
                An id that both pads and occurs in texts (0, "!", in CLIP's vocabulary) then counts where it occurs.
                Pass the mask for tokenizers that pad with the end token itself.

        Returns:
            One row a text, not normalised.

        Raises:
            ValueError: The rows are longer than the model's positions.
        """
        limit = getattr(self.trunk.config, "max_position_embeddings", None)
        if limit is not None:
            check_length(tokens, limit)
        if attention_mask is None:
            # A position counts if it, or any later one, holds anything but padding.
            attention_mask = (tokens != self.pad_id).flip(1).cummax(dim=1).values.flip(1)
        states = self.trunk(input_ids=tokens, attention_mask=attention_mask.long()).last_hidden_state
        if self.pooling == "first":
            pooled = states[:, 0]
        else:
            weight = attention_mask.to(states.dtype).unsqueeze(2)
            pooled = (states * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
        return cast("Tensor", self.projection(pooled))


def _load_trunk(name: str | Path) -> Any:
    """Loads a text model from a folder, or by its name on the hub."""
    is_folder = Path(name).is_dir()
    if not is_folder and (isinstance(name, Path) or name.startswith((".", "/", "~")) or name.count("/") > 1):
        raise FileNotFoundError(
            f"expected a folder with config.json and model.safetensors; got {str(name)!r}, which is no folder"
        )
    try:
        config = AutoConfig.from_pretrained(name)
        # In float32 whatever the file holds, as the projection is: autocast decides what is computed lower.
        return AutoModel.from_pretrained(name, config=config, use_safetensors=True).float()
    except OSError as error:
        where = "in that folder" if is_folder else "on the hub or in its cache on this machine (is it connected?)"
        raise OSError(
            f"the text model {str(name)!r} could not be loaded: expected config.json and model.safetensors {where}; "
            "pass a folder, or a configuration for random weights"
        ) from error
