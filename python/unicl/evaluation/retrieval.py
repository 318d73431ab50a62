"""Retrieval between images and texts: recall at k in both directions.

``n`` images, ``m`` texts, ``d`` width of the features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from unicl.evaluation.checks import check_unit_rows
from unicl.evaluation.ranks import SCORES_PER_BLOCK, hit_shares, positive_ranks


@dataclass(frozen=True, kw_only=True)
class RetrievalRecall:
    """Recall at k: a share of the queries in [0, 1], by k.

    Attributes:
        image_to_text: The images that find one of their texts among the k texts of highest cosine.
        text_to_image: The texts that find one of their images among the k images of highest cosine.
    """

    image_to_text: Mapping[int, float]
    text_to_image: Mapping[int, float]


def retrieval_recall(
    image_features: Float[Tensor, "n d"],
    text_features: Float[Tensor, "m d"],
    image_ids: Integer[Tensor, " n"] | None = None,
    text_ids: Integer[Tensor, " m"] | None = None,
    *,
    at: Sequence[int] = (1, 5, 10),
    scores_per_block: int = SCORES_PER_BLOCK,
) -> RetrievalRecall:
    """Computes R@k as the CLIP papers count it: a query is a hit if at least one positive is among the first k.

    Where a query has several positives, this is the hit rate and not the share of positives found. Ties count against
    the query. It is a hit at k if fewer than k candidates that are no positives score at least as high as its best
    positive. A query without a positive does not count. No n x m matrix is held.

    Args:
        image_features: Rows of norm 1.
        text_features: Rows of norm 1.
        image_ids: Image i and text j belong together if their ids are equal. Five captions may have the id of their
            image, for example, or equal captions one id. Give both ids or neither. Without ids, image i belongs to text
            i, and n == m.
        text_ids: The id of each text.
        at: The values of k.
        scores_per_block: The most scores held at once, unless one query alone needs more.

    Returns:
        The recalls of both directions.

    Raises:
        ValueError: Only one of the ids is given, or n != m without ids. Or a row is not finite or not of norm 1, or
            there is no pair at all. The message names the argument and the row.
        TypeError: The ids are not integers, or the features are not floating-point tensors.

    Example:
        >>> images = torch.eye(3)
        >>> retrieval_recall(images, images[[1, 0, 2]], at=(1, 2)).image_to_text
        {1: 0.3333333333333333, 2: 0.3333333333333333}
    """
    check_unit_rows("image_features", image_features)
    check_unit_rows("text_features", text_features)
    if (image_ids is None) != (text_ids is None):
        given = "text_ids" if image_ids is None else "image_ids"
        raise ValueError(f"expected both image_ids and text_ids, or neither; got {given} alone")
    if image_ids is None or text_ids is None:
        if len(image_features) != len(text_features):
            raise ValueError(
                "expected as many images as texts without ids, where image i belongs to text i; "
                f"got {len(image_features)} images and {len(text_features)} texts: pass image_ids and text_ids"
            )
        image_ids = text_ids = torch.arange(len(image_features))
    forward = positive_ranks(image_features, text_features, image_ids, text_ids, scores_per_block=scores_per_block)
    backward = positive_ranks(text_features, image_features, text_ids, image_ids, scores_per_block=scores_per_block)
    return RetrievalRecall(image_to_text=hit_shares(forward, at), text_to_image=hit_shares(backward, at))
