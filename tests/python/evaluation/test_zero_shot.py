"""Zero-shot classification from class names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import open_clip
import pytest
import torch
from torch import nn

from unicl.evaluation import classify, zero_shot_accuracy, zero_shot_classifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

CLASS_NAMES = ["tench", "hot dog", "dog", "great white shark", "café"]
TEMPLATES = ["{}", "a photo of a {}.", "art of the {}."]


class BagOfBytes(nn.Module):
    """A tiny text tower with open_clip's interface: the tokens' random vectors, averaged and projected."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(256, 16, mode="mean")
        self.project = nn.Linear(16, width)

    @staticmethod
    def tokenize(prompts: list[str]) -> Tensor:
        return torch.tensor([list(prompt.encode().ljust(64)[:64]) for prompt in prompts])

    def encode_text(self, tokens: Tensor, *, normalize: bool = False) -> Tensor:
        features: Tensor = self.project(self.table(tokens))
        return nn.functional.normalize(features, dim=-1) if normalize else features


@pytest.fixture
def tower() -> BagOfBytes:
    torch.manual_seed(0)
    return BagOfBytes()


@pytest.fixture
def encode_text(tower: BagOfBytes) -> Callable[[list[str]], Tensor]:
    return lambda prompts: tower.encode_text(tower.tokenize(prompts))


@pytest.mark.parametrize("classes_per_batch", [1, 2, 16])
def test_classifier_is_open_clips(
    tower: BagOfBytes, encode_text: Callable[[list[str]], Tensor], classes_per_batch: int
) -> None:
    theirs = open_clip.build_zero_shot_classifier(tower, tower.tokenize, CLASS_NAMES, TEMPLATES)
    ours = zero_shot_classifier(encode_text, CLASS_NAMES, TEMPLATES, classes_per_batch=classes_per_batch)
    torch.testing.assert_close(ours, theirs.T, rtol=0, atol=1e-6)


def test_open_clips_imagenet_templates_work_as_they_are(
    tower: BagOfBytes, encode_text: Callable[[list[str]], Tensor]
) -> None:
    templates = open_clip.OPENAI_IMAGENET_TEMPLATES
    theirs = open_clip.build_zero_shot_classifier(tower, tower.tokenize, CLASS_NAMES, templates)
    torch.testing.assert_close(zero_shot_classifier(encode_text, CLASS_NAMES, templates), theirs.T, rtol=0, atol=1e-6)


def test_classifier_has_no_gradient(encode_text: Callable[[list[str]], Tensor]) -> None:
    assert not zero_shot_classifier(encode_text, CLASS_NAMES, TEMPLATES).requires_grad


def test_low_precision_features_are_averaged_in_float32(encode_text: Callable[[list[str]], Tensor]) -> None:
    classifier = zero_shot_classifier(lambda prompts: encode_text(prompts).bfloat16(), CLASS_NAMES, TEMPLATES)
    assert classifier.dtype == torch.float32
    torch.testing.assert_close(classifier.norm(dim=1), torch.ones(len(CLASS_NAMES)))


def test_accuracy_counts_the_images_whose_class_is_among_the_first() -> None:
    scores = torch.tensor([[0.9, 0.5, 0.1], [0.5, 0.9, 0.1], [0.9, 0.5, 0.1], [0.1, 0.5, 0.9]])
    accuracy = zero_shot_accuracy(scores, torch.tensor([0, 0, 0, 1]), torch.eye(3), top_k=(1, 2, 3))
    assert accuracy.top == {1: 0.5, 2: 1.0, 3: 1.0}
    assert accuracy.mean_per_class == pytest.approx((2 / 3 + 0) / 2)  # class 2 has no image


def test_collapsed_features_score_nothing() -> None:
    accuracy = zero_shot_accuracy(torch.ones(4, 2), torch.tensor([0, 1, 2, 0]), torch.ones(3, 2), top_k=(1, 2))
    assert accuracy.top == {1: 0.0, 2: 0.0}


def test_probabilities_are_the_scaled_softmax_over_all_classes() -> None:
    probabilities, classes = classify(torch.tensor([[3.0, 4.0]]), torch.eye(2), 5.0, k=3)
    assert classes.tolist() == [[1, 0]]
    torch.testing.assert_close(probabilities, torch.tensor([[4.0, 3.0]]).softmax(dim=1))


def test_a_zero_text_feature_is_refused_with_its_prompt() -> None:
    with pytest.raises(
        ValueError, match=r"expected a finite norm > 0; the text feature of the prompt 'a dog' has norm 0\.0"
    ):
        zero_shot_classifier(lambda prompts: torch.zeros(len(prompts), 4), ["dog"], ["a {}"])


def test_prompts_that_cancel_out_are_refused_with_their_class() -> None:
    with pytest.raises(
        ValueError, match=r"expected a finite norm > 0; the mean over the prompts of class 'dog' has norm 0\.0"
    ):
        zero_shot_classifier(lambda _: torch.tensor([[1.0], [-1.0]]), ["dog"], ["{}", "a {}"])


def test_an_encoder_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected encode_text to give \(2, d\) for 2 prompts; got \(1, 4\)"):
        zero_shot_classifier(lambda _: torch.ones(1, 4), ["dog"], ["{}", "a {}"])


def test_a_bare_string_of_class_names_is_refused() -> None:
    with pytest.raises(
        TypeError, match="expected class_names as a list; got the single string 'dog': put it in a list"
    ):
        zero_shot_classifier(lambda _: torch.ones(1, 4), "dog")


def test_no_class_names_are_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one of class_names; got none"):
        zero_shot_classifier(lambda _: torch.ones(1, 4), [])


def test_no_classes_a_batch_are_refused() -> None:
    with pytest.raises(ValueError, match="expected classes_per_batch >= 1; got 0"):
        zero_shot_classifier(lambda _: torch.ones(1, 4), ["dog"], classes_per_batch=0)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_outside_the_classifier_is_refused(label: int) -> None:
    with pytest.raises(
        ValueError, match=rf"expected labels in \[0, 3\), the classes of the classifier; got {label} at position 1"
    ):
        zero_shot_accuracy(torch.eye(3)[:2], torch.tensor([0, label]), torch.eye(3))


@pytest.mark.usefixtures("own_checks")
def test_lists_in_the_place_of_tensors_are_refused() -> None:
    with pytest.raises(TypeError, match=r"expected labels as a torch\.Tensor; got list"):
        zero_shot_accuracy(torch.eye(3), [0, 1, 2], torch.eye(3))  # type: ignore[arg-type]


@pytest.mark.usefixtures("own_checks")
def test_labels_that_are_no_integers_are_refused() -> None:
    with pytest.raises(TypeError, match=r"expected integers in labels; got torch\.float32"):
        zero_shot_accuracy(torch.eye(3), torch.zeros(3), torch.eye(3))


def test_accuracy_of_no_images_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"expected image_features with at least one row and one column; got shape \(0, 3\)"
    ):
        zero_shot_accuracy(torch.empty(0, 3), torch.empty(0, dtype=torch.int64), torch.eye(3))


@pytest.mark.parametrize(("k", "logit_scale"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_classify_refuses_what_is_not_positive(k: int, logit_scale: float) -> None:
    with pytest.raises(
        ValueError, match=f"expected k >= 1 and logit_scale > 0; got k={k} and logit_scale={logit_scale}"
    ):
        classify(torch.eye(2), torch.eye(2), logit_scale, k=k)
