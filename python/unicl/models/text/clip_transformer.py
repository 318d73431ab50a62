"""The text tower of CLIP at any size: a causal transformer read at its end token."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unicl.models.checks import check_length


class TextTransformer(nn.Module):
    """A causal transformer over token and position embeddings, read at the end token (Radford et al. 2021, 2.4).

    Its layers normalise before each block. A linear projection follows the state at the end token. The end token is the
    last token that is not padding. It is never found by its value, because some vocabularies pad with it.

    Args:
        vocab_size: The number of token ids.
        context_length: The longest sequence, in tokens.
        embed_dim: The width of the features.
        width: The width of the transformer.
        layers: The number of its layers.
        heads: The number of its attention heads; divides ``width``.
        pad_id: The id of the padding.

    Raises:
        ValueError: ``heads`` does not divide ``width``.

    Example:
        >>> tower = TextTransformer(vocab_size=100, context_length=8, embed_dim=16, width=32, layers=1, heads=2)
        >>> tower(torch.tensor([[98, 5, 99, 0, 0, 0, 0, 0]])).shape
        torch.Size([1, 16])
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        context_length: int,
        embed_dim: int,
        width: int = 512,
        layers: int = 12,
        heads: int = 8,
        pad_id: int = 0,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"expected heads that divide width; got heads={heads} and width={width}")
        self.context_length, self.pad_id = context_length, pad_id
        self.token_embedding = nn.Embedding(vocab_size, width)
        self.position_embedding = nn.Parameter(torch.empty(context_length, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.final_norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, embed_dim, bias=False)
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.position_embedding, std=0.01)
        nn.init.normal_(self.projection.weight, std=width**-0.5)

    def forward(self, tokens: Int[Tensor, "m length"]) -> Float[Tensor, "m d"]:
        """Encodes texts.

        Args:
            tokens: Ids. A row is the start token, the text, the end token, then padding. It has at most
                ``context_length`` ids.

        Returns:
            One row a text, not normalised.

        Raises:
            TypeError: The texts are not tokenized, or the ids are an array.
            ValueError: The rows are longer than the context.
        """
        if not isinstance(tokens, Tensor):
            raise TypeError(
                f"expected token ids (m, length) as a tensor; got {type(tokens).__name__}: "
                "use torch.from_numpy(tokenizer(texts))"
            )
        check_length(tokens, self.context_length)
        length = tokens.shape[1]
        x = self.token_embedding(tokens) + self.position_embedding[:length]
        mask = nn.Transformer.generate_square_subsequent_mask(length, device=x.device, dtype=x.dtype)
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=True)
        positions = torch.arange(length, device=tokens.device)
        last = torch.where(tokens != self.pad_id, positions, 0).amax(dim=1)
        return cast("Tensor", self.projection(self.final_norm(x[torch.arange(len(x), device=x.device), last])))
