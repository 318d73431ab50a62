"""The rank of a query's best positive among all candidates, from which accuracy and recall at k are counted.

``n`` queries, ``m`` candidates, ``d`` width of the features.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64, Integer
from torch import Tensor

from unicl.evaluation.checks import check_finite_rows, check_ids

SCORES_PER_BLOCK = 1 << 22  # 16 MiB in float32; the mask and the masked copy beside them take as much again


def positive_ranks(
    queries: Float[Tensor, "n d"],
    candidates: Float[Tensor, "m d"],
    query_ids: Integer[Tensor, " n"],
    candidate_ids: Integer[Tensor, " m"],
    *,
    scores_per_block: int = SCORES_PER_BLOCK,
) -> Int64[Tensor, " n"]:
    """Counts for each query the candidates that are not positives and score at least as high as its best positive.

    A candidate is a positive of a query if their ids are equal. There may be several. The query is a hit at k if and
    only if its rank is below k. Ties count against the query, so features that have collapsed into one point score 0,
    not 100 %. Scores are dot products in float32 (float64 for float64 features). They are computed for one block of
    queries at a time, so no n x m matrix is held.

    Args:
        queries: The features of the queries.
        candidates: The features of the candidates.
        query_ids: The id of each query.
        candidate_ids: The id of each candidate.
        scores_per_block: The most scores held at once, unless one query alone needs more.

    Returns:
        Ranks in [0, m); -1 where a query has no positive.

    Raises:
        ValueError: Shapes do not fit one another, there are no candidates, or a feature is not finite. The message
            names the argument and the row.
        TypeError: The ids are not integers, or the features are not floating-point tensors.

    Example:
        >>> words = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
        >>> positive_ranks(words[2:], words, torch.tensor([0]), torch.arange(3))
        tensor([2])
    """
    check_finite_rows("queries", queries, may_be_empty=True)
    check_finite_rows("candidates", candidates)
    if queries.shape[1] != candidates.shape[1]:
        raise ValueError(
            "expected queries (n, d) and candidates (m, d) of one width d; "
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


def hit_shares(ranks: Int64[Tensor, " n"], at: Sequence[int]) -> dict[int, float]:
    """Gives the share of queries with a rank below each k. Queries without a positive (rank -1) do not count.

    Args:
        ranks: The ranks from :func:`positive_ranks`.
        at: The values of k, each >= 1. A k above the number of candidates always gives 1.

    Returns:
        The share in [0, 1] by k, in the order of ``at``.

    Raises:
        ValueError: A k is below 1, or no query has a positive.

    Example:
        >>> hit_shares(torch.tensor([0, 4, -1]), (1, 5))
        {1: 0.5, 5: 1.0}
    """
    if not at or min(at) < 1:
        raise ValueError(f"expected values of k >= 1; got {tuple(at)}")
    counted = ranks[ranks >= 0]
    if len(counted) == 0:
        raise ValueError(
            f"expected a query with a positive among the candidates; none of the {len(ranks)} queries has one"
        )
    return {k: (counted < k).double().mean().item() for k in at}
