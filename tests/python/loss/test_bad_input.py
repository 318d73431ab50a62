"""Bad input: one clear error that names the values."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import unicl
from unicl.loss.targets import given


def unit(rows, width=4, dtype=torch.float32):
    return torch.nn.functional.normalize(torch.arange(1.0, rows * width + 1).view(rows, width), dim=1).to(dtype)


def spoiled(row, value, rows=3):
    features = unit(rows)
    features[row] = value
    return features


@pytest.mark.parametrize(
    ("image", "text", "options", "error", "message"),
    [
        (unit(3)[:0], unit(3), {}, ValueError, r"expected image_features with at least one row .*; got shape \(0, 4\)"),
        (
            unit(3),
            unit(3)[:, :0],
            {},
            ValueError,
            r"expected text_features with at least one row .*; got shape \(3, 0\)",
        ),
        (unit(3)[0], unit(3), {}, ValueError, r"expected image_features of two dimensions.*; got shape \(4,\)"),
        ([[1.0]], unit(3), {}, TypeError, r"expected image_features as a torch\.Tensor; got list"),
        (unit(3).long(), unit(3), {}, TypeError, r"expected floating-point image_features; got int64"),
        (
            unit(3),
            unit(3, 5),
            {},
            ValueError,
            r"expected image_features and text_features of the same width; got 4 and 5",
        ),
        (
            unit(3),
            unit(3).double(),
            {},
            TypeError,
            r"expected image_features and text_features of one dtype; got float32 and float64",
        ),
        (
            unit(3),
            unit(3).to("meta"),
            {},
            ValueError,
            r"expected image_features and text_features on one device; got cpu and meta",
        ),
        (unit(3), unit(5), {}, ValueError, r"as many images as texts without labels.*got 3 and 5"),
        (
            unit(3),
            unit(5),
            {"image_labels": [1, 2, 3]},
            ValueError,
            r"as many images as texts without text_labels.*got 3 and 5",
        ),
        (unit(3), unit(3), {"text_labels": [1, 2, 3]}, ValueError, r"expected image_labels with text_labels"),
        (spoiled(1, math.nan), unit(3), {}, ValueError, r"expected finite image_features; row 1 has nan in column 0"),
        (unit(3), spoiled(2, math.inf), {}, ValueError, r"expected finite text_features; row 2 has inf in column 0"),
        (spoiled(1, 0.0), unit(3), {}, ValueError, r"expected image_features .*; row 1 is the zero vector"),
        (
            spoiled(1, 0.0),
            unit(3),
            {"normalize": True},
            ValueError,
            r"expected image_features .*; row 1 is the zero vector",
        ),
        (unit(3), unit(3) * 7, {}, ValueError, r"expected text_features of norm 1.*norm 7: pass normalize=True"),
    ],
)
def test_features_that_cannot_be_used_are_refused_and_say_why(image, text, options, error, message):
    with pytest.raises(error, match=message):
        unicl.fused_loss(image, text, **options)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (torch.ones(3), TypeError, r"expected integers in image_labels; got float32"),
        (torch.ones(3, dtype=torch.bool), TypeError, r"expected integers in image_labels; got bool"),
        (np.ones(3), TypeError, r"expected integers in image_labels; got float64"),
        ("abc", TypeError, r"expected image_labels as a tensor or array of integers; got str"),
        (["dog", "cat", "dog"], TypeError, r"expected integers in image_labels; got <U3"),
        (
            [[0], [], [1, 2]],
            TypeError,
            r"expected one integer .* in image_labels; got lists: use .*LabelSets.from_lists",
        ),
        (14.3, TypeError, r"array of integers; got float: pass the scale by name, logit_scale="),
        (torch.tensor(14.3), TypeError, r"integers in image_labels; got float32: pass the scale by name, logit_scale="),
        (
            torch.arange(4),
            ValueError,
            r"expected image_labels with one label for each row of image_features, shape \(3,\); got \(4,\)",
        ),
        (torch.ones(3, 1).long(), ValueError, r"shape \(3,\); got \(3, 1\)"),
        (
            torch.ones(3, device="meta").long(),
            ValueError,
            r"expected image_labels on the features' device cpu; got meta",
        ),
    ],
)
def test_labels_of_the_wrong_kind_or_length_are_refused(labels, error, message):
    with pytest.raises(error, match=message):
        unicl.fused_loss(unit(3), unit(3), labels)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("kind", [float, torch.tensor])
def test_a_scale_that_is_not_positive_and_finite_is_refused(scale, kind):
    with pytest.raises(ValueError, match=rf"expected logit_scale positive and finite; got {scale}"):
        unicl.fused_loss(unit(3), unit(3), logit_scale=kind(scale))


@pytest.mark.parametrize(
    ("scale", "error", "message"),
    [
        (torch.ones(2), ValueError, r"expected logit_scale of one element; got shape \(2,\)"),
        (torch.tensor(3), TypeError, r"expected floating-point logit_scale; got int64"),
        ("14", TypeError, r"expected logit_scale as a number or a tensor of one element; got str"),
    ],
)
def test_a_scale_of_the_wrong_kind_is_refused(scale, error, message):
    with pytest.raises(error, match=message):
        unicl.fused_loss(unit(3), unit(3), logit_scale=scale)


@pytest.mark.parametrize("name", ["direction", "reduction", "backend", "overlap"])
def test_an_unknown_mode_is_refused_and_the_known_ones_are_named(name):
    with pytest.raises(ValueError, match=rf"expected {name} '.*' or '.*'; got 'sideways'"):
        unicl.fused_loss(unit(3), unit(3), **{name: "sideways"})


def test_a_chunk_size_below_1_is_refused():
    with pytest.raises(ValueError, match="expected chunk_size >= 1, or None to choose; got 0"):
        unicl.fused_loss(unit(3), unit(3), chunk_size=0)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"label_smoothing": 1.0}, ValueError, r"expected label_smoothing in \[0, 1\); got 1.0"),
        ({"label_smoothing": -0.1}, ValueError, r"expected label_smoothing in \[0, 1\); got -0.1"),
        ({"overlap": "dice"}, ValueError, r"expected overlap 'cosine' or 'any'; got 'dice'"),
        ({"image_weight": [1.0, 1.0, 1.0]}, TypeError, r"expected image_weight as a floating-point tensor; got list"),
        (
            {"text_weight": torch.ones(3).long()},
            TypeError,
            r"expected text_weight as a floating-point tensor; got int64",
        ),
        (
            {"image_weight": torch.ones(4)},
            ValueError,
            r"one weight for each row of image_features, shape \(3,\); got \(4,\)",
        ),
        (
            {"text_weight": torch.ones(3, device="meta")},
            ValueError,
            r"expected text_weight on the features' device cpu; got meta",
        ),
        (
            {"image_weight": torch.tensor([1, -2.0, 1])},
            ValueError,
            r"expected image_weight .* at least 0; row 1 has weight -2.0",
        ),
        ({"text_weight": torch.tensor([1, 1, math.nan])}, ValueError, r"expected text_weight .*; row 2 has weight nan"),
        ({"text_weight": torch.tensor([math.inf, 1, 1])}, ValueError, r"expected text_weight .*; row 0 has weight inf"),
        ({"extra_text_labels": [1, 2]}, ValueError, r"expected image_labels with extra_text_labels"),
        (
            {"image_labels": [1, 2, 3], "extra_text_labels": [1]},
            ValueError,
            r"expected extra_text_features with extra_text_labels",
        ),
        (
            {"extra_text_features": unit(2, 5)},
            ValueError,
            r"expected image_features and extra_text_features of the same width",
        ),
        ({"extra_text_features": unit(2) * 3}, ValueError, r"expected extra_text_features of norm 1"),
        ({"group": object()}, ValueError, r"expected torch\.distributed initialised when a group is given"),
    ],
)
def test_options_that_cannot_be_used_are_refused_and_say_why(options, error, message):
    with pytest.raises(error, match=message):
        unicl.fused_loss(unit(3), unit(3), **options)


def test_a_group_on_a_torch_without_distributed_is_refused(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"expected torch\.distributed .* pass group=None"):
        unicl.fused_loss(unit(3), unit(3), group=object())


def test_comparing_a_set_with_itself_needs_equal_numbers_of_rows():
    with pytest.raises(ValueError, match=r"expected as many images as texts with exclude_self.* got 3 and 5"):
        unicl.fused_loss(unit(3), unit(5), [1, 1, 1], [1, 1, 1, 1, 1], exclude_self=True)


def label_sets(indices, offsets, weights=None):
    return SimpleNamespace(indices=np.array(indices), offsets=np.array(offsets), weights=weights)


@pytest.mark.parametrize(
    ("sets", "error", "message"),
    [
        (
            label_sets([1, 2], [0, 1, 2]),
            ValueError,
            r"expected image_labels with one set for each row of image_features, 3; got 2",
        ),
        (
            label_sets([1.5, 2], [0, 1, 2, 2]),
            TypeError,
            r"expected integer indices and offsets in image_labels; got float64 and int64",
        ),
        (label_sets([1, 2], [0, 1, 2, 3]), ValueError, r"offsets that rise from 0 to 2"),
        (label_sets([1, 2], [0, 2, 1, 2]), ValueError, r"offsets that rise from 0 to 2"),
        (
            label_sets([1, -2], [0, 1, 2, 2]),
            ValueError,
            r"expected labels of at least 0 in image_labels; got -2: leave the set empty",
        ),
        (label_sets([1, 2], [0, 1, 2, 2], [1.0]), ValueError, r"one finite weight of at least 0 for each of 2 indices"),
        (label_sets([1, 2], [0, 1, 2, 2], [1.0, -1.0]), ValueError, r"one finite weight of at least 0 .*; got -1.0"),
    ],
)
def test_label_sets_that_do_not_fit_are_refused(sets, error, message):
    with pytest.raises(error, match=message):
        unicl.fused_loss(unit(3), unit(3), sets)


def test_integers_and_label_sets_are_not_mixed():
    with pytest.raises(TypeError, match=r"all LabelSets; got both: LabelSets\.from_lists\(.*\) makes sets"):
        unicl.fused_loss(unit(3), unit(3), [1, 2, 3], label_sets([1], [0, 1, 1, 1]))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_rows_normalised_in_any_dtype_pass_as_unit_rows(dtype):
    features = torch.nn.functional.normalize(torch.randn(200, 512).to(dtype), dim=1)
    assert torch.isfinite(unicl.fused_loss(features, features))


HASHES = np.array([2**63 + 11, 2**63 + 11, 5], np.uint64)


@pytest.mark.parametrize(
    "labels",
    [
        HASHES,
        HASHES.tolist(),
        torch.from_numpy(HASHES),
        [2**63 + 11, -1, 5],
        [2**64, 1, 5],
        SimpleNamespace(indices=HASHES, offsets=np.arange(4), weights=None),
    ],
    ids=["array", "list", "tensor", "list with a negative", "list beyond 64 bits", "sets"],
)
def test_labels_beyond_63_bits_are_refused_and_never_wrap(labels):
    with pytest.raises(ValueError, match=r"expected integers below 2\*\*63 in image_labels; got \d{19,}: shift hashes"):
        unicl.fused_loss(unit(3), unit(3), labels)


@pytest.mark.parametrize("dtype", [torch.uint16, torch.uint32, torch.uint64])
def test_unsigned_labels_are_labels(dtype):
    wanted = unicl.fused_loss(unit(3), unit(3), [7, 7, 1])
    assert unicl.fused_loss(unit(3), unit(3), torch.tensor([7, 7, 1]).to(dtype)) == wanted


def test_sets_of_64_bit_labels_give_the_loss_of_small_ones():
    wanted = unicl.fused_loss(unit(3), unit(3), unicl.LabelSets.from_lists([[1], [1, 2], [5]]))
    wide = unicl.LabelSets.from_lists([[2**62 + 1], [2**62 + 1, 2**62 + 2], [5]])
    torch.testing.assert_close(unicl.fused_loss(unit(3), unit(3), wide), wanted)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.eye(3).long(), r"got shape \(3, 3\): for multi-hot labels, pass unicl.LabelSets.from_multi_hot"),
        (np.eye(3, dtype=bool), r"got shape \(3, 3\): for multi-hot labels, pass unicl.LabelSets.from_multi_hot"),
        (torch.eye(3)[:, :2], r"got shape \(3, 2\): for multi-hot labels, pass unicl.LabelSets.from_multi_hot"),
        (
            [[0, 1], [1, 0], [0, 0]],
            r"got lists: .*from_lists for lists of ids, and .*from_multi_hot for rows of 0 and 1",
        ),
        (["dog", "cat", "dog"], r"got <U3: give each name an id, as unicl.LabelVocabulary.from_names"),
        (
            np.array(["dog", "cat", "dog"], object),
            r"got str: give each name an id, as unicl.LabelVocabulary.from_names",
        ),
        ([True, False, True], r"got bool: pass two classes as 0 and 1, and multi-hot rows as .*from_multi_hot"),
    ],
)
def test_labels_of_other_forms_are_refused_with_what_to_use(labels, message):
    with pytest.raises(TypeError, match=message):
        unicl.fused_loss(unit(3), unit(3), labels)


def test_the_device_makes_the_same_check_without_a_wait(monkeypatch):
    """The check of a GPU, on a CPU: there it is an error at once."""
    wrong = torch.tensor([3, -1, 4]), torch.tensor([3, 4, -1])
    with pytest.raises(RuntimeError, match=r"expected each image without a class .* to have a text without one"):
        given._assert_own_texts(*wrong)
    for image, text in (([3, -1, 4], [3, -1, -1]), ([-1], [-2, 5]), ([7, -1], [7]), ([], [])):
        given._assert_own_texts(torch.tensor(image), torch.tensor(text))
    features = torch.eye(3)
    asked = []
    monkeypatch.setattr(given, "_assert_own_texts", lambda *labels: asked.append(labels))
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    monkeypatch.setattr(given, "readable", lambda _: False)
    given.read_labels(features, features, None, *wrong, None)
    given.read_labels(features, features, None, wrong[0], wrong[0], None)
    assert [[labels.tolist() for labels in pair] for pair in asked] == [[labels.tolist() for labels in wrong]]


def test_an_image_without_a_class_whose_own_text_has_one_is_refused():
    with pytest.raises(ValueError, match=r"expected text 1 without a class, as image 1 has none .*: put the texts of"):
        unicl.fused_loss(unit(3), unit(3), [0, -1, -1], [0, 1, -1])


def test_a_scale_below_1_and_a_batch_without_positives_are_warned_about_once():
    for options, message in (
        ({"logit_scale": 0.07}, r"expected logit_scale of at least 1; .*: pass 1 / temperature"),
        ({"image_labels": [0, 1, 2], "text_labels": [5, 6, 7]}, "expected a positive for some image or text; got none"),
    ):
        with pytest.warns(UserWarning, match=message) as warned:
            unicl.fused_loss(unit(3), unit(3), **options)
        assert len(warned) == 1
