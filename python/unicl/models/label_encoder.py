"""The label encoder: one linear layer over multi-hot labels, computed as a sum of label embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from unicl.labels import LabelSetsLike


class LabelEncoder(nn.Module):
    """A linear layer without bias over multi-hot labels: the sum, or the mean, of the embeddings of a row's labels.

    With "sum" it equals ``torch.nn.Linear(num_labels, embed_dim, bias=False)`` on the dense matrix that holds the
    weight of label k of row i at (i, k), without that matrix: it costs O(labels present), not O(rows x num_labels).
    "mean" divides by the sum of the row's weights, which changes nothing once the features are normalised. A row
    without labels gives zero.

    Args:
        num_labels: The number of labels.
        embed_dim: The width d of the features.
        pooling: "sum" or "mean".

    Raises:
        ValueError: An unknown pooling, or not one label.

    Example:
        >>> from types import SimpleNamespace
        >>> encoder = LabelEncoder(5, embed_dim=16)
        >>> encoder(SimpleNamespace(indices=[0, 4, 2], offsets=[0, 2, 3], weights=None)).shape
        torch.Size([2, 16])
    """

    def __init__(self, num_labels: int, *, embed_dim: int = 512, pooling: Literal["sum", "mean"] = "sum") -> None:
        super().__init__()
        if num_labels < 1:
            raise ValueError(f"a label encoder needs at least one label, got num_labels={num_labels}")
        if pooling not in ("sum", "mean"):
            raise ValueError(f"pooling must be 'sum' or 'mean', got {pooling!r}")
        self.pooling = pooling
        self.embedding = nn.EmbeddingBag(num_labels, embed_dim, mode="sum", include_last_offset=True)
        nn.init.normal_(self.embedding.weight, std=embed_dim**-0.5)  # a label's embedding has a norm of about 1

    def forward(self, label_sets: LabelSetsLike) -> Tensor:
        """Encodes sets of labels.

        Args:
            label_sets: n sets, on any device. Where they are on the CPU, they are checked.

        Returns:
            (n, embed_dim), not normalised.

        Raises:
            ValueError: A label outside [0, num_labels), offsets that do not fit the indices, or weights of another
                length.
        """
        indices, offsets = torch.as_tensor(label_sets.indices).long(), torch.as_tensor(label_sets.offsets).long()
        weights = None if label_sets.weights is None else torch.as_tensor(label_sets.weights)
        self._check(indices, offsets, weights)
        table = self.embedding.weight
        indices, offsets = indices.to(table.device), offsets.to(table.device)
        weights = table.new_ones(len(indices)) if weights is None else weights.to(table)
        if self.pooling == "mean":
            counts = offsets.diff()
            rows = torch.arange(len(counts), device=table.device).repeat_interleave(counts)
            total = table.new_zeros(len(counts)).index_add(0, rows, weights)
            weights = weights / total[rows].clamp(min=torch.finfo(table.dtype).tiny)
        return cast("Tensor", self.embedding(indices, offsets, per_sample_weights=weights))

    def _check(self, indices: Tensor, offsets: Tensor, weights: Tensor | None) -> None:
        """Refuses what the lookup would answer with a wrong row or a device-side assertion."""
        if weights is not None and len(weights) != len(indices):
            raise ValueError(
                f"weights must have one entry a label, got {len(weights)} weights and {len(indices)} indices"
            )
        if offsets.device.type != "cpu" or indices.device.type != "cpu":
            return  # reading them here would make the host wait
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(indices) or (offsets.diff() < 0).any():
            raise ValueError(
                f"offsets must not fall, from 0 to the number of indices ({len(indices)}), got {offsets.tolist()[:8]}"
            )
        num_labels = self.embedding.num_embeddings
        outside = indices[(indices < 0) | (indices >= num_labels)]
        if len(outside):
            raise ValueError(f"labels must be in [0, {num_labels}), got {int(outside[0])}")
