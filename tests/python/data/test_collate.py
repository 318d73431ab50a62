"""Samples become batches whose label sets the loss takes as they are."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torch.utils.data._utils.pin_memory import pin_memory

from unicl import ClipTokenizer, UniCLLoss
from unicl.data import Batch, CollateLabelSets, TokenTransform
from unicl.labels import DenseLabeler, LabelSets, LabelVocabulary
from unicl.models import SmallDualTowerConfig


def sample(labels, weights=None, **other):
    return {"image": torch.zeros(3, 2, 2), "input_ids": [1, 2], "labels": labels, "label_weights": weights, **other}


@pytest.mark.parametrize("make", [list, np.array, torch.tensor])
def test_labels_of_every_kind_become_one_batch_of_sets(make):
    batch = CollateLabelSets()([sample(make([5, 2])), sample(make([])), sample(4), sample(-1), sample(None)])
    assert batch.image_labels.to_list() == [[2, 5], [], [4], [], []]
    assert batch.image_labels.weights is None
    assert batch.text_labels is batch.image_labels
    assert (batch.images.shape, batch.tokens.shape) == ((5, 3, 2, 2), (5, 2))


def test_weights_follow_their_labels_and_are_one_where_there_are_none():
    batch = CollateLabelSets()([sample([5, 2], [0.5, 0.25]), sample([7]), sample([])])
    assert (batch.image_labels.indices.tolist(), batch.image_labels.weights.tolist()) == ([2, 5, 7], [0.25, 0.5, 1.0])


def test_keys_can_be_named():
    named = CollateLabelSets(image="pixels", tokens="ids", labels="tags", label_weights="w")
    batch = named([{"pixels": torch.zeros(3, 1, 1), "ids": [1], "tags": [3], "w": [2.0]}])
    assert (batch.image_labels.to_list(), batch.image_labels.weights.tolist()) == ([[3]], [2.0])


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        ([], ValueError, "expected at least one sample"),
        ([{"image": 0, "input_ids": []}], KeyError, "expected 'labels' in sample 0; got 'image', 'input_ids'"),
        (
            [sample([1]), sample([1], input_ids=[1])],
            ValueError,
            r"'input_ids' of one shape.*\(2,\) in sample 0, \(1,\) in sample 1",
        ),
        (
            [sample([1]), sample([1, 2], [0.5])],
            ValueError,
            "expected one weight a label in sample 1; got 2 labels and 1 weights",
        ),
        ([sample([1, 1])], ValueError, "row 0 has the label 1 twice"),
        ([sample([-2, 1])], ValueError, "expected label ids >= 0; got -2"),
        ([sample([]), sample("dog")], TypeError, r"label ids in sample 1; got 'dog': LabelVocabulary\.id gives its id"),
        ([sample([1.5])], TypeError, r"expected integers in row 0; got \[1\.5\]"),
        ([sample([], image=b"\xff\xd8")], TypeError, "expected 'image' of sample 0 as a tensor; got bytes: decode it"),
        ([sample([], image=object())], TypeError, "expected 'image' of sample 0 as a tensor; got object"),
        ([sample([], input_ids="a dog")], TypeError, "expected 'input_ids' of sample 0 as a tensor; got str"),
    ],
)
def test_samples_that_make_no_batch_are_refused(samples, error, message):
    with pytest.raises(error, match=message):
        CollateLabelSets()(samples)


def test_pinning_and_moving_reach_every_tensor_and_leave_the_sets(monkeypatch):
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: pinned.append(tensor) or tensor)
    batch = CollateLabelSets()([sample([1])])
    assert pin_memory(batch).image_labels is batch.image_labels  # what DataLoader does with a batch
    assert [tensor is own for tensor, own in zip(pinned, (batch.images, batch.tokens), strict=True)] == [True, True]
    moved = batch.to("meta")
    assert (moved.images.device.type, moved.tokens.device.type, moved.image_labels) == (
        "meta",
        "meta",
        batch.image_labels,
    )
    label = torch.zeros(1, dtype=torch.int64)
    integers = Batch(images=batch.images, tokens=batch.tokens, image_labels=label, text_labels=label)
    assert integers.to("meta").text_labels.device.type == "meta"


@pytest.fixture(scope="module")
def data():
    """Twelve rows of an HF data set with captions, tokens, images, and labels from the captions."""
    datasets = pytest.importorskip("datasets")
    captions = ["a dog", "two dogs and a ball", "rain", "a ball on grass"] * 3
    images = np.random.default_rng(0).normal(size=(12, 3, 16, 16)).astype(np.float32)
    labeler = DenseLabeler(LabelVocabulary.from_names(["dog", "ball", "grass"]))
    rows = datasets.Dataset.from_dict({"caption": captions, "image": list(images)})
    for function in (labeler.on_column(), TokenTransform(ClipTokenizer(context_length=8)).on_column()):
        rows = rows.map(function, batched=True)
    return rows.with_format("torch")


@pytest.mark.parametrize("workers", [0, 2])
def test_rows_of_a_data_set_train_a_dual_tower_on_the_sets_of_their_labels(data, workers):
    torch.manual_seed(0)
    model = SmallDualTowerConfig(
        vocab_size=49408, context_length=8, embed_dim=8, image_channels=(4,), image_blocks=(1,), text_width=16,
        text_layers=1,
    ).build().eval()  # fmt: skip
    [batch] = DataLoader(data, batch_size=12, collate_fn=CollateLabelSets(), num_workers=workers)
    features = model(batch.images, batch.tokens)
    loss = UniCLLoss()(*features, image_labels=batch.image_labels)
    loss.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())
    assert max(parameter.grad.abs().max() for parameter in model.parameters()) > 0
    sets = LabelSets.from_lists([[0], [0, 1], [], [1, 2]] * 3)
    assert loss == UniCLLoss()(*features, image_labels=sets)
    assert loss != UniCLLoss()(*features)  # the labels matter
