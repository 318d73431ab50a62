"""Folders of models become scorers of relevance; tiny random models, nothing downloaded."""

import json

import numpy as np
import open_clip
import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file

from unicl.models import DualTowerScorer, SmallDualTowerConfig, open_scorer, save_dual_tower
from unicl.text import ClipTokenizer

IMAGES = [Image.effect_noise((40, 30 + 5 * seed), 80).convert("RGB") for seed in range(3)]
PHRASES = [["a dog", "the red ball"], [], ["a cat"]]
SMALL = {"embed_dim": 16, "image_channels": (4, 8), "image_blocks": (1, 1), "text_width": 32}
OPEN_CLIP = {
    "embed_dim": 16,
    "vision_cfg": {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 16},
    "text_cfg": {"context_length": 16, "width": 16, "heads": 2, "layers": 1},
}


def save_ours(folder, **options):
    torch.manual_seed(0)
    config = SmallDualTowerConfig(**{"vocab_size": 49408, "context_length": 16, "image_size": 24, **SMALL, **options})
    save_dual_tower(config.build(), config, folder)
    return config


def save_open_clip(folder, config=OPEN_CLIP):
    torch.manual_seed(0)
    model = open_clip.CLIP(**OPEN_CLIP)
    folder.mkdir(exist_ok=True)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    preprocess = {"mean": [0.5, 0.25, 0.75], "std": [0.5, 1.0, 0.25]}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    return model


def test_our_model_scores_as_its_dual_tower_does(tmp_path):
    config = save_ours(tmp_path)
    scorer = open_scorer(tmp_path, device="cpu")
    assert isinstance(scorer, DualTowerScorer)
    torch.manual_seed(0)
    pixels = torch.stack([config.pixels(image) for image in IMAGES])
    assert pixels.shape == (3, 3, 24, 24)
    assert -2 <= pixels.min() < pixels.max() <= 2
    expected = DualTowerScorer(config.build(), ClipTokenizer(context_length=16))(pixels, PHRASES)
    assert [len(row) for row in expected] == [2, 0, 1]
    assert scorer(IMAGES, PHRASES) == expected


def test_pixels_are_the_middle_of_an_image_at_the_size_of_the_model():
    striped = np.zeros((8, 24, 3), np.uint8)
    striped[:, 8:16] = 255
    pixels = SmallDualTowerConfig(vocab_size=1, context_length=1, image_size=8).pixels(Image.fromarray(striped))
    assert pixels.unique().tolist() == [2.0]


def test_a_model_of_open_clip_scores_with_its_own_preprocessing(tmp_path):
    model = save_open_clip(tmp_path / "model")
    scorer = open_scorer(tmp_path / "model", template="{}", device="cpu")
    transform = open_clip.image_transform(16, is_train=False, mean=(0.5, 0.25, 0.75), std=(0.5, 1.0, 0.25))
    tokenizer = open_clip.SimpleTokenizer(context_length=16)
    expected = DualTowerScorer(model, tokenizer, transform=transform, template="{}")(IMAGES, PHRASES)
    for row, wanted in zip(scorer(IMAGES, PHRASES), expected, strict=True):
        assert row == pytest.approx(wanted, abs=1e-6)


def test_what_is_no_model_is_told_so(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=r"expected a folder with a model; got .*nowhere, which is no folder: nothing is downloaded",
    ):
        open_scorer(tmp_path / "nowhere")
    with pytest.raises(
        FileNotFoundError, match=r"expected a model in .*, with config.json .* or open_clip_config.json .*; got neither"
    ):
        open_scorer(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config.json is not JSON"):
        open_scorer(tmp_path)
    transformers.BertConfig().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"expected a model of the kind small_dual_tower, owlvit, .*; got 'bert'"):
        open_scorer(tmp_path)


def test_weights_and_devices_that_do_not_fit_are_named_in_one_line(tmp_path):
    save_ours(tmp_path / "ours")
    (tmp_path / "ours" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ValueError, match=r"ours: the model cannot be loaded: SafetensorError: .*") as raised:
        open_scorer(tmp_path / "ours")
    assert "\n" not in str(raised.value)
    with pytest.raises(ValueError, match=r"ours: the model cannot be loaded: RuntimeError: .*nowhere"):
        open_scorer(tmp_path / "ours", device="nowhere")
    save_open_clip(tmp_path / "open_clip")
    (tmp_path / "open_clip" / "open_clip_model.safetensors").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"expected weights in .*, a file that ends in .safetensors.*; got none"
    ):
        open_scorer(tmp_path / "open_clip")


def test_a_model_that_would_fetch_something_is_refused(tmp_path):
    text = {"hf_model_name": "roberta-base", "hf_tokenizer_name": "roberta-base"}
    save_open_clip(tmp_path / "model", {**OPEN_CLIP, "text_cfg": text})
    with pytest.raises(
        ValueError, match=r"expected a text tower of open_clip itself; got 'roberta-base', whose .* would fetch"
    ):
        open_scorer(tmp_path / "model")


def test_a_model_over_other_token_ids_is_refused(tmp_path):
    save_ours(tmp_path, vocab_size=100)
    with pytest.raises(ValueError, match="expected a text tower with the 49408 token ids of CLIP's tokenizer; got 100"):
        open_scorer(tmp_path)
