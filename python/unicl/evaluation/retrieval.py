"""Retrieval between pictures and texts: recall at k, both ways.

``n`` pictures, ``m`` texts, ``d`` width of the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unicl.evaluation.ranks import SCORES_PER_BLOCK, check_features, hit_shares, positive_ranks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

UNIT_TOLERANCE = 1e-2  # bfloat16 keeps 8 bits: a unit row stored in it is off by at most 4e-3


@dataclass(frozen=True, kw_only=True)
class RetrievalRecall:
    """Recall at k, k -> share in [0, 1] of the queries.

    Attributes:
        image_to_text: Pictures that find one of their texts among the k texts of highest cosine.
        text_to_image: Texts that find one of their pictures.
    """

    image_to_text: Mapping[int, float]
    text_to_image: Mapping[int, float]


def retrieval_recall(
    image_features: Tensor,
    text_features: Tensor,
    image_ids: Tensor | None = None,
    text_ids: Tensor | None = None,
    *,
    at: Sequence[int] = (1, 5, 10),
    scores_per_block: int = SCORES_PER_BLOCK,
) -> RetrievalRecall:
    """R@k as the CLIP papers count it: a query is a hit if at least one of its positives is among the first k.

    Where a query has several positives this is the hit rate, not the share of positives found. Ties count against the
    query: a hit at k has fewer than k texts (or pictures) that are no positive and score at least as high as its best
    positive. A query without a positive is left out of the mean. No n x m matrix is held.

    Args:
        image_features: (n, d), unit rows.
        text_features: (m, d), unit rows.
        image_ids: (n,) integers: picture i and text j belong together where their ids are equal, e.g. five captions
            with the id of their picture, or equal captions under one id. Give both or neither; without them picture i
            belongs to text i (n == m).
        text_ids: (m,) integers.
        at: The values of k.
        scores_per_block: The most scores held at once, unless one query alone needs more.

    Returns:
        The recalls of both directions.

    Raises:
        ValueError: Only one of the ids, n != m without ids, rows that are not of unit norm, non-finite features, or no
            pair at all; names the argument and the row.
        TypeError: Ids that are not integers.

    Example:
        >>> pictures = torch.eye(3)
        >>> retrieval_recall(pictures, pictures[[1, 0, 2]], at=(1, 2)).image_to_text
        {1: 0.3333333333333333, 2: 0.3333333333333333}
    """
    _check_unit_rows("image_features", image_features)
    _check_unit_rows("text_features", text_features)
    if (image_ids is None) != (text_ids is None):
        raise ValueError("give both image_ids and text_ids, or neither: one of them alone pairs nothing")
    if image_ids is None or text_ids is None:
        if len(image_features) != len(text_features):
            raise ValueError(
                "without ids picture i belongs to text i, which needs as many of each: got "
                f"{len(image_features)} pictures and {len(text_features)} texts; pass image_ids and text_ids"
            )
        image_ids = text_ids = torch.arange(len(image_features))
    forward = positive_ranks(image_features, text_features, image_ids, text_ids, scores_per_block=scores_per_block)
    backward = positive_ranks(text_features, image_features, text_ids, image_ids, scores_per_block=scores_per_block)
    return RetrievalRecall(image_to_text=hit_shares(forward, at), text_to_image=hit_shares(backward, at))


def _check_unit_rows(name: str, features: Tensor) -> None:
    check_features(name, features)
    if len(features) == 0:
        raise ValueError(f"{name} has no rows: recall needs at least one")
    norms = features.detach().float().norm(dim=1)
    off = (norms - 1).abs() > UNIT_TOLERANCE
    if off.any():
        row = int(off.nonzero()[0])
        raise ValueError(
            f"{name} must have rows of norm 1, got {norms[row].item():.4g} in row {row}: normalise them first"
        )
