"""The label encoder: a linear layer over multi-hot labels, computed as a sum of label embeddings."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unicl.labels import LabelSetsLike
from unicl.models.checks import check_at_least, check_choice

LabelPooling: TypeAlias = Literal["sum", "mean"]


class LabelEncoder(nn.Module):
    """A linear layer without bias over multi-hot labels: the sum or the mean of a row's label embeddings.

    With "sum" it equals ``torch.nn.Linear(num_labels, embed_dim, bias=False)`` on a dense matrix. That matrix holds the
    weight of label k of row i at (i, k). The encoder does not make it, so the cost is O(labels present) and not
    O(rows x num_labels). "mean" divides by the sum of the row's weights. This changes nothing once the features are
    normalised. A row without labels gives zero.

    Args:
        num_labels: The number of labels, >= 1.
        embed_dim: The width of the features.
        pooling: "sum" or "mean".

    Raises:
        ValueError: The pooling is unknown, or there is no label.

    Example:
        >>> from unicl.labels import LabelSets
        >>> encoder = LabelEncoder(5, embed_dim=16)
        >>> encoder(LabelSets.from_lists([[0, 4], [2]])).shape
        torch.Size([2, 16])
    """

    def __init__(self, num_labels: int, *, embed_dim: int = 512, pooling: LabelPooling = "sum") -> None:
        super().__init__()
        check_at_least("num_labels", num_labels, 1)
        check_choice("pooling", pooling, get_args(LabelPooling))
        self.pooling = pooling
        self.embedding = nn.EmbeddingBag(num_labels, embed_dim, mode="sum", include_last_offset=True)
        nn.init.normal_(self.embedding.weight, std=embed_dim**-0.5)  # a label's embedding has a norm of about 1

    def forward(self, label_sets: LabelSetsLike) -> Float[Tensor, "n d"]:
        """Encodes sets of labels.

        Args:
            label_sets: One set a row, on any device. Sets on the CPU are checked.

        Returns:
            One row a set, not normalised.

        Raises:
            ValueError: A label is outside [0, num_labels), the offsets do not fit the indices, or the weights have
                another length.
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

    def _check(
        self,
        indices: Int[Tensor, " labels"],
        offsets: Int[Tensor, " bounds"],
        weights: Tensor | None,
    ) -> None:
        """Refuses sets for which the lookup would give a wrong row or a device-side assertion."""
        if weights is not None and len(weights) != len(indices):
            raise ValueError(f"expected one weight a label; got {len(weights)} weights and {len(indices)} labels")
        if offsets.device.type != "cpu" or indices.device.type != "cpu":
            return  # reading them here would make the host wait
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(indices) or (offsets.diff() < 0).any():
            raise ValueError(
                f"expected offsets that never fall, from 0 to {len(indices)}, the number of indices; "
                f"got {offsets.tolist()[:8]}"
            )
        num_labels = self.embedding.num_embeddings
        outside = indices[(indices < 0) | (indices >= num_labels)]
        if len(outside):
            raise ValueError(f"expected labels in [0, {num_labels}); got {int(outside[0])}")
