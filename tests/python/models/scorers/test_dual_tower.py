"""A dual tower scores by how much a phrase fits an image better than the background."""

import math
import pickle

import open_clip
import pytest
import torch
from torch import nn

from unicl.labels import DenseLabeler, LabelFilters, LabelVocabulary, RelevanceFilter
from unicl.models import EVERYDAY, DualTower, DualTowerScorer, SmallDualTowerConfig
from unicl.text import ClipTokenizer

PHRASES = [["a dog", "a red ball"], [], ["a dog"], ["the sky", "a cat", "snow"]]


@pytest.fixture(scope="module")
def tower():
    torch.manual_seed(0)
    return SmallDualTowerConfig(
        vocab_size=49408, context_length=16, embed_dim=16, image_channels=(4, 8), image_blocks=(1, 1), text_width=16,
        text_layers=1,
    ).build()  # fmt: skip


@pytest.fixture(scope="module")
def clip():
    torch.manual_seed(0)
    vision = open_clip.CLIPVisionCfg(layers=1, width=16, head_width=8, patch_size=8, image_size=16)
    text = open_clip.CLIPTextCfg(context_length=16, width=16, heads=2, layers=1)
    return open_clip.CLIP(embed_dim=16, vision_cfg=vision, text_cfg=text)


@pytest.fixture
def images():
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def by_hand(image, phrase, background):
    """r / (1 + r), from unit features and a scale, in float64."""
    scale, image, phrase, background = (tensor.double() for tensor in (*image, phrase, background))
    r = (scale * image @ phrase).exp() / (scale * background @ image).exp().mean()
    return (r / (1 + r)).item()


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_scores_of_our_towers_are_those_of_the_formula(tower, images, batch_size):
    tokenizer = ClipTokenizer(context_length=16)
    scores = DualTowerScorer(tower, tokenizer, batch_size=batch_size)(images, PHRASES)
    tower.eval()
    with torch.no_grad():
        features, scale = tower.encode_image(images), tower.logit_scale
        text = {
            phrase: tower.encode_text(torch.from_numpy(tokenizer([f"a photo of {phrase}"])))[0]
            for phrase in {*EVERYDAY, *(phrase for row in PHRASES for phrase in row)}
        }
    background = torch.stack([text[phrase] for phrase in EVERYDAY])
    expected = [
        [by_hand((scale, feature), text[phrase], background) for phrase in row]
        for feature, row in zip(features, PHRASES, strict=True)
    ]
    assert [len(row) for row in scores] == [2, 0, 1, 3]
    for row, wanted in zip(scores, expected, strict=True):
        assert row == pytest.approx(wanted, abs=1e-5)


def test_scores_of_a_model_of_open_clip_are_those_of_the_formula(clip, images):
    tokenizer = open_clip.SimpleTokenizer(context_length=16)
    scorer = DualTowerScorer(clip, tokenizer, background=["snow", "a cat"], template="{}")
    scores = scorer(images, PHRASES)
    clip.eval()
    with torch.no_grad():
        features = clip.encode_image(images, normalize=True)
        text = clip.encode_text(tokenizer(["a dog", "a red ball", "snow", "a cat"]), normalize=True)
        scale = clip.logit_scale.exp()
    assert scores[0] == pytest.approx([by_hand((scale, features[0]), text[n], text[2:]) for n in (0, 1)], abs=1e-5)


def test_a_phrase_that_fits_as_well_as_the_background_scores_one_half(tower, images):
    scorer = DualTowerScorer(tower, ClipTokenizer(context_length=16), background=["a dog"])
    assert scorer(images[:1], [["a dog"]])[0] == pytest.approx([0.5], abs=1e-6)


def test_a_phrase_that_fits_better_scores_higher_whatever_the_scale():
    text_encoder = nn.Sequential(nn.Embedding.from_pretrained(torch.eye(3)), nn.Flatten())
    towers = DualTower(nn.Flatten(), text_encoder, logit_scale=100.0)
    scorer = DualTowerScorer(
        towers, lambda prompts: [[len(prompt)] for prompt in prompts], background=["a"], template="{}"
    )
    sure, unsure = scorer([torch.tensor([0.0, 1.0, 0.0]).view(3, 1, 1)] * 2, [["a", "aa"], [""]])
    assert sure == pytest.approx([0.5, math.exp(-100)])
    assert unsure == pytest.approx([math.exp(-100)])


def test_images_go_through_the_transform_and_those_without_phrases_through_nothing(tower, images):
    seen = []

    def transform(name):
        seen.append(name)
        return images["abcd".index(name)]

    tokenizer = ClipTokenizer(context_length=16)
    scores = DualTowerScorer(tower, tokenizer, transform=transform)(list("abcd"), PHRASES)
    assert seen == ["a", "c", "d"]
    assert scores == DualTowerScorer(tower, tokenizer)(images, PHRASES)
    assert DualTowerScorer(tower, tokenizer)(images[:1], [[]]) == [[]]


def test_the_model_is_left_in_its_mode_and_without_gradients(tower, images):
    tower.train()
    tower.text_encoder.eval()
    DualTowerScorer(tower, ClipTokenizer(context_length=16))(images, PHRASES)
    assert (tower.training, tower.image_encoder.training, tower.text_encoder.training) == (True, True, False)
    assert all(parameter.grad is None for parameter in tower.parameters())


def test_a_scorer_that_went_through_a_pickle_scores_alike(tower, images):
    scorer = DualTowerScorer(tower, ClipTokenizer(context_length=16))
    assert pickle.loads(pickle.dumps(scorer))(images, PHRASES) == scorer(images, PHRASES)  # noqa: S301


def test_the_labeler_keeps_what_the_towers_find_relevant(tower, images):
    vocabulary = LabelVocabulary.from_names(["dog", "ball"])
    scorer = DualTowerScorer(tower, ClipTokenizer(context_length=16))
    captions = ["a dog and a red ball"] * 4
    sets = DenseLabeler(vocabulary, filters=LabelFilters(relevance=RelevanceFilter(scorer=scorer, weigh=True)))(
        captions, images=images
    )
    scores = scorer(images, [["a dog", "a red ball"]] * 4)
    assert sets.to_list() == [[label for label, score in enumerate(row) if score > 0.5] for row in scores]
    assert sets.weights.tolist() == pytest.approx([score for row in scores for score in row if score > 0.5])


def test_settings_that_make_no_sense_are_refused(tower):
    for options, message in (
        ({"background": []}, r"expected background as a list of at least one phrase; got \[\]"),
        ({"background": "a dog"}, "expected background as a list of at least one phrase; got 'a dog'"),
        ({"template": "a photo"}, "expected {} in template, where the phrase goes; got 'a photo'"),
        ({"batch_size": 0}, "expected batch_size >= 1; got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            DualTowerScorer(tower, ClipTokenizer(), **options)


def test_images_that_are_no_tensors_are_refused_and_want_a_transform(tower):
    scorer = DualTowerScorer(tower, ClipTokenizer(context_length=16))
    with pytest.raises(TypeError, match=r"expected images as tensors \(3, h, w\); got str: pass transform"):
        scorer(["dog.jpg"], [["a dog"]])
