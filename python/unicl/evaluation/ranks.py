"""The rank of a query's best positive among all candidates: what top-k accuracy and recall at k count.

``n`` queries, ``m`` candidates, ``d`` width of the features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

SCORES_PER_BLOCK = 1 << 22  # 16 MiB in float32; the mask and the masked copy beside them take as much again


def positive_ranks(
    queries: Tensor,
    candidates: Tensor,
    query_ids: Tensor,
    candidate_ids: Tensor,
    *,
    scores_per_block: int = SCORES_PER_BLOCK,
) -> Tensor:
    """For each query, how many candidates that are not positives score at least as high as its best positive.

    A candidate is a positive of a query where their ids are equal; there may be several. The query is a hit at k
    exactly if its rank is below k. Ties count against the query, so features that have collapsed into one point score
    0, not 100 %. Scores are dot products in float32 (float64 for float64 features), taken block by block of queries:
    no n x m matrix is held.

    Args:
        queries: (n, d).
        candidates: (m, d).
        query_ids: (n,) integers.
        candidate_ids: (m,) integers.
        scores_per_block: The most scores held at once, unless one query alone needs more.

    Returns:
        (n,) int64, in [0, m); -1 where a query has no positive.

    Raises:
        ValueError: Shapes that do not fit one another, no candidates, or a non-finite feature; names the argument and
            the row.
        TypeError: Ids that are not integers.

    Example:
        >>> words = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
        >>> positive_ranks(words[2:], words, torch.tensor([0]), torch.arange(3))
        tensor([2])
    """
    check_features("queries", queries)
    check_features("candidates", candidates)
    if len(candidates) == 0 or queries.shape[1] != candidates.shape[1]:
        raise ValueError(
            "queries (n, d) and candidates (m, d) must share d, with m >= 1: "
            f"got {tuple(queries.shape)} and {tuple(candidates.shape)}"
        )
    check_ids("query_ids", query_ids, len(queries))
    check_ids("candidate_ids", candidate_ids, len(candidates))
    query_ids, candidate_ids = query_ids.to(queries.device), candidate_ids.to(queries.device)
    dtype = torch.promote_types(torch.promote_types(queries.dtype, candidates.dtype), torch.float32)
    columns = candidates.to(dtype).T
    ranks = torch.empty(len(queries), dtype=torch.int64, device=queries.device)
    rows = max(1, scores_per_block // len(candidates))
    with torch.no_grad():
        for start in range(0, len(queries), rows):
            block = slice(start, start + rows)
            scores = queries[block].to(dtype) @ columns
            positive = query_ids[block, None] == candidate_ids
            best = scores.masked_fill(~positive, -torch.inf).amax(dim=1, keepdim=True)
            ahead = (scores >= best).logical_and_(~positive).sum(dim=1)
            ranks[block] = ahead.masked_fill_(~positive.any(dim=1), -1)
    return ranks


def hit_shares(ranks: Tensor, at: Sequence[int]) -> dict[int, float]:
    """The share of queries with a rank below each k; queries without a positive (rank -1) are left out.

    Args:
        ranks: (n,) int64, from :func:`positive_ranks`.
        at: The values of k, each >= 1; a k above the number of candidates always gives 1.

    Returns:
        k -> share in [0, 1], in the order of ``at``.

    Raises:
        ValueError: A k below 1, or no query with a positive.

    Example:
        >>> hit_shares(torch.tensor([0, 4, -1]), (1, 5))
        {1: 0.5, 5: 1.0}
    """
    if not at or min(at) < 1:
        raise ValueError(f"at must name values of k >= 1, got {tuple(at)}")
    counted = ranks[ranks >= 0]
    if len(counted) == 0:
        raise ValueError(
            f"none of the {len(ranks)} queries has a positive among the candidates: there is nothing to count"
        )
    return {k: (counted < k).double().mean().item() for k in at}


def check_features(name: str, features: Tensor) -> None:
    """Refuses features that are not a finite floating-point matrix, naming the argument and the first bad row."""
    _check_tensor(name, features)
    if features.ndim != 2 or not features.is_floating_point():
        raise ValueError(
            f"{name} must be a floating-point matrix (rows, d), got {features.dtype} of shape {tuple(features.shape)}"
        )
    finite = features.isfinite().all(dim=1)
    if not finite.all():
        raise ValueError(f"{name} has a value that is not finite in row {int((~finite).nonzero()[0])}")


def check_ids(name: str, ids: Tensor, count: int) -> None:
    """Refuses ids that are not ``count`` integers."""
    _check_tensor(name, ids)
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise TypeError(f"{name} must be integers, got {ids.dtype}")
    if ids.shape != (count,):
        raise ValueError(f"{name} must have shape ({count},), one id a row, got {tuple(ids.shape)}")


def _check_tensor(name: str, value: object) -> None:
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
