"""Ranks and recall at k, tied to a naive twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from unicl.evaluation import hit_shares, positive_ranks, retrieval_recall

if TYPE_CHECKING:
    from random import Random

SIGNS = torch.tensor([[-0.5, 0.5][(row >> bit) & 1] for row in range(16) for bit in range(4)]).view(16, 4)
"""Sixteen unit vectors whose dot products are exact in float32, so that ties are ties in every order of summing."""


@st.composite
def features_and_ids(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    rows = draw(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 4)), min_size=1, max_size=12))
    return SIGNS[[vector for vector, _ in rows]], torch.tensor([number for _, number in rows])


def naive_rank(query: Tensor, query_id: int, candidates: Tensor, candidate_ids: Tensor) -> int:
    """Sorts all candidates, the positives last among equals, and looks for the first positive."""
    listed = [
        (-float(query @ one), int(number) == query_id) for one, number in zip(candidates, candidate_ids, strict=True)
    ]
    for rank, (_, positive) in enumerate(sorted(listed)):
        if positive:
            return rank
    return -1


@given(features_and_ids(), features_and_ids(), st.integers(1, 200))
def test_ranks_are_those_of_a_full_sort(
    queries: tuple[Tensor, Tensor], candidates: tuple[Tensor, Tensor], scores_per_block: int
) -> None:
    naive = [naive_rank(one, int(number), *candidates) for one, number in zip(*queries, strict=True)]
    fast = positive_ranks(queries[0], candidates[0], queries[1], candidates[1], scores_per_block=scores_per_block)
    assert fast.tolist() == naive


@given(features_and_ids(), features_and_ids(), st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_has_no_influence(
    queries: tuple[Tensor, Tensor], candidates: tuple[Tensor, Tensor], random: Random
) -> None:
    order = list(range(len(candidates[0])))
    random.shuffle(order)
    straight = positive_ranks(queries[0], candidates[0], queries[1], candidates[1])
    assert torch.equal(straight, positive_ranks(queries[0], candidates[0][order], queries[1], candidates[1][order]))


@given(features_and_ids(), features_and_ids())
def test_swapping_the_sides_swaps_the_directions(images: tuple[Tensor, Tensor], texts: tuple[Tensor, Tensor]) -> None:
    if not set(images[1].tolist()) & set(texts[1].tolist()):
        return
    straight = retrieval_recall(images[0], texts[0], images[1], texts[1], at=(1, 3))
    swapped = retrieval_recall(texts[0], images[0], texts[1], images[1], at=(1, 3))
    assert (straight.image_to_text, straight.text_to_image) == (swapped.text_to_image, swapped.image_to_text)


def test_one_of_several_positives_is_enough() -> None:
    texts, ids = torch.eye(4), torch.tensor([0, 0, 0, 1])  # image 0 has three texts and is near one of them
    recall = retrieval_recall(torch.eye(4)[[2, 3]], texts, torch.tensor([0, 1]), ids, at=(1,))
    assert recall.image_to_text == {1: 1.0}
    assert recall.text_to_image == {1: 0.5}  # texts 0 and 1 are as far from image 0 as from image 1: ties are misses


def test_without_ids_image_i_belongs_to_text_i() -> None:
    recall = retrieval_recall(torch.eye(3), torch.eye(3)[[0, 2, 1]], at=(1,))
    assert recall.image_to_text == recall.text_to_image == {1: pytest.approx(1 / 3)}


def test_collapsed_features_find_nothing() -> None:
    same = torch.tensor([[1.0, 0.0]]).expand(20, 2)
    assert retrieval_recall(same, same).image_to_text == {1: 0.0, 5: 0.0, 10: 0.0}


def test_queries_without_a_positive_leave_the_mean() -> None:
    recall = retrieval_recall(torch.eye(3), torch.eye(3), torch.tensor([0, 1, 7]), torch.tensor([0, 1, 2]), at=(1,))
    assert recall.image_to_text == recall.text_to_image == {1: 1.0}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_features_of_every_precision_are_taken(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    features = torch.nn.functional.normalize(torch.randn(30, 8), dim=1).to(dtype)
    assert retrieval_recall(features, features, at=(1,)).image_to_text == {1: 1.0}


def test_features_of_unequal_precision_meet_in_the_higher() -> None:
    assert positive_ranks(torch.eye(2), torch.eye(2).double(), torch.arange(2), torch.arange(2)).tolist() == [0, 0]


def test_no_matrix_of_all_scores_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    matmul = Tensor.__matmul__

    def watched(left: Tensor, right: Tensor) -> Tensor:
        product: Tensor = matmul(left, right)
        sizes.append(product.numel())
        return product

    monkeypatch.setattr(Tensor, "__matmul__", watched)
    features = torch.nn.functional.normalize(torch.randn(101, 4), dim=1)
    retrieval_recall(features, features, scores_per_block=1000)
    assert max(sizes) <= 1000
    assert sum(sizes) == 2 * 101 * 101


def test_rows_that_are_not_of_unit_norm_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected text_features with rows of norm 1; row 1 has norm 2: normalise"):
        retrieval_recall(torch.eye(2), torch.tensor([[1.0, 0.0], [0.0, 2.0]]))


def test_a_feature_that_is_not_finite_is_refused_with_its_row() -> None:
    features = torch.eye(3)
    features[2, 1] = torch.nan
    with pytest.raises(ValueError, match="expected finite image_features; row 2 has nan in column 1"):
        retrieval_recall(features, torch.eye(3))


def test_one_sided_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="expected both image_ids and text_ids, or neither; got image_ids alone"):
        retrieval_recall(torch.eye(2), torch.eye(2), torch.arange(2))


def test_unequal_numbers_without_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="got 2 images and 3 texts: pass image_ids and text_ids"):
        retrieval_recall(torch.eye(3)[:2], torch.eye(3))


@pytest.mark.usefixtures("own_checks")
def test_ids_of_the_wrong_length_or_type_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected query_ids of shape \(3,\), one id a row; got \(2,\)"):
        positive_ranks(torch.eye(3), torch.eye(3), torch.arange(2), torch.arange(3))
    with pytest.raises(TypeError, match=r"expected integers in candidate_ids; got torch\.float32"):
        positive_ranks(torch.eye(3), torch.eye(3), torch.arange(3), torch.zeros(3))


@pytest.mark.usefixtures("own_checks")
def test_unequal_widths_and_no_candidates_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"expected candidates with at least one row and one column; got shape \(0, 3\)"
    ):
        positive_ranks(torch.eye(3), torch.empty(0, 3), torch.arange(3), torch.arange(0))
    with pytest.raises(ValueError, match=r"of one width d; got \(3, 3\) and \(2, 2\)"):
        positive_ranks(torch.eye(3), torch.eye(2), torch.arange(3), torch.arange(2))


@pytest.mark.usefixtures("own_checks")
def test_no_rows_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"expected image_features with at least one row and one column; got shape \(0, 2\)"
    ):
        retrieval_recall(torch.empty(0, 2), torch.eye(2))


@pytest.mark.usefixtures("own_checks")
def test_integer_features_are_refused() -> None:
    with pytest.raises(TypeError, match="expected floating-point queries; got int64"):
        positive_ranks(torch.arange(2), torch.eye(2), torch.arange(2), torch.arange(2))


def test_no_pair_at_all_is_refused() -> None:
    with pytest.raises(
        ValueError, match="expected a query with a positive among the candidates; none of the 2 queries has one"
    ):
        retrieval_recall(torch.eye(2), torch.eye(2), torch.tensor([0, 1]), torch.tensor([2, 3]))


def test_k_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected values of k >= 1; got \(0, 1\)"):
        hit_shares(torch.tensor([0]), (0, 1))
