"""The text tower of CLIP at any size: a causal transformer read at its end token (Radford et al. 2021, section 2.4)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


class TextTransformer(nn.Module):
    """Token and position embeddings, pre-norm transformer layers, the state at the end token, a linear projection.

    The end token is found as the last token that is not padding, never by its value: some vocabularies pad with it.

    Args:
        vocab_size: The number of token ids.
        context_length: The longest sequence, in tokens.
        embed_dim: The width d of the features.
        width: The width of the transformer.
        layers: Its depth.
        heads: Its attention heads; divide ``width``.
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
            raise ValueError(f"heads must divide width, got heads={heads} and width={width}")
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

    def forward(self, tokens: Tensor) -> Tensor:
        """Encodes texts.

        Args:
            tokens: (n, length <= context_length) ids, each row start token, text, end token, padding.

        Returns:
            (n, embed_dim), not normalised.

        Raises:
            TypeError: Texts that are not tokenized, or an array.
            ValueError: The rows are longer than the context.
        """
        if not isinstance(tokens, Tensor):
            raise TypeError(
                f"expected token ids (n, length) as a tensor; got {type(tokens).__name__}: "
                "torch.from_numpy(tokenizer(texts)) gives them"
            )
        length = tokens.shape[1]
        if length > self.context_length:
            raise ValueError(
                f"got rows of {length} tokens, the context holds {self.context_length}: "
                f"tokenize with context_length={self.context_length}"
            )
        # Columns that hold only padding change nothing below the causal mask: leave them out.
        x = self.token_embedding(tokens) + self.position_embedding[:length]
        mask = nn.Transformer.generate_square_subsequent_mask(length, device=x.device, dtype=x.dtype)
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=True)
        positions = torch.arange(length, device=tokens.device)
        last = torch.where(tokens != self.pad_id, positions, 0).amax(dim=1)
        return cast("Tensor", self.projection(self.final_norm(x[torch.arange(len(x), device=x.device), last])))
