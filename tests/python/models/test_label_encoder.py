from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from unicl.models import LabelEncoder


def csr(rows, weights=None):
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    flat = None if weights is None else np.array([w for row in weights for w in row], dtype=np.float32)
    return SimpleNamespace(
        indices=np.array([k for row in rows for k in row], dtype=np.int32), offsets=offsets, weights=flat
    )


def dense(rows, num_labels, weights=None):
    matrix = torch.zeros(len(rows), num_labels)
    for i, row in enumerate(rows):
        for position, label in enumerate(row):
            matrix[i, label] += 1.0 if weights is None else weights[i][position]
    return matrix


label_rows = st.lists(st.lists(st.integers(0, 6), max_size=5, unique=True), min_size=1, max_size=6)


@given(label_rows, st.sampled_from(["sum", "mean"]), st.booleans(), st.integers(0, 2**31))
def test_it_equals_a_linear_layer_over_the_dense_multi_hot_matrix(rows, pooling, weighted, seed):
    torch.manual_seed(seed)
    weights = [torch.rand(len(row)).add(0.1).tolist() for row in rows] if weighted else None
    encoder, linear = LabelEncoder(7, embed_dim=4, pooling=pooling), nn.Linear(7, 4, bias=False)
    with torch.no_grad():
        linear.weight.copy_(encoder.embedding.weight.T)
    multi_hot = dense(rows, 7, weights)
    if pooling == "mean":
        multi_hot = multi_hot / multi_hot.sum(dim=1, keepdim=True).clamp(min=1e-9)
    got, wanted = encoder(csr(rows, weights)), linear(multi_hot)
    torch.testing.assert_close(got, wanted)

    cotangent = torch.randn_like(got)
    got.backward(cotangent)
    wanted.backward(cotangent)
    torch.testing.assert_close(encoder.embedding.weight.grad, linear.weight.grad.T)


def test_a_row_without_labels_gives_zero():
    assert LabelEncoder(3, embed_dim=4)(csr([[], [1], []]))[[0, 2]].abs().sum() == 0
    assert LabelEncoder(3, embed_dim=4, pooling="mean")(csr([[], []])).tolist() == [[0.0] * 4] * 2


def test_no_rows_give_no_features():
    assert LabelEncoder(3, embed_dim=4)(csr([])).shape == (0, 4)


def test_tensors_and_arrays_are_taken_alike():
    encoder, sets = LabelEncoder(5, embed_dim=4), csr([[0, 4], [2]])
    tensors = SimpleNamespace(indices=torch.tensor([0, 4, 2]), offsets=torch.tensor([0, 2, 3]), weights=None)
    assert torch.equal(encoder(sets), encoder(tensors))


@pytest.mark.parametrize("label", [-1, 5])
def test_a_label_outside_the_vocabulary_is_refused(label):
    with pytest.raises(ValueError, match=rf"expected labels in \[0, 5\); got {label}"):
        LabelEncoder(5)(csr([[0], [label]]))


@pytest.mark.parametrize("offsets", [[], [0, 2], [1, 3], [0, 2, 1, 3]])
def test_offsets_that_do_not_fit_are_refused(offsets):
    sets = SimpleNamespace(indices=[0, 1, 2], offsets=offsets, weights=None)
    with pytest.raises(
        ValueError, match=r"expected offsets that never fall, from 0 to 3, the number of indices; got \["
    ):
        LabelEncoder(5)(sets)


def test_weights_of_another_length_are_refused():
    sets = SimpleNamespace(indices=[0, 1, 2], offsets=[0, 3], weights=[1.0])
    with pytest.raises(ValueError, match="expected one weight a label; got 1 weights and 3 labels"):
        LabelEncoder(5)(sets)


@pytest.mark.usefixtures("own_checks")
def test_no_labels_and_an_unknown_pooling_are_refused():
    with pytest.raises(ValueError, match="expected num_labels >= 1; got 0"):
        LabelEncoder(0)
    with pytest.raises(ValueError, match="expected pooling to be one of 'sum', 'mean'; got 'max'"):
        LabelEncoder(3, pooling="max")
