"""The small towers, the dual tower, and weights in and out."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from unicl.models import DualTower, SmallCNN, SmallDualTowerConfig, TextTransformer, load_dual_tower, save_dual_tower

SMALL = SmallDualTowerConfig(
    vocab_size=50,
    context_length=8,
    embed_dim=16,
    image_channels=(4, 8),
    image_blocks=(1, 1),
    text_width=32,
    text_layers=1,
)


def tokens() -> torch.Tensor:
    return torch.tensor([[48, 5, 6, 49, 0, 0], [48, 7, 49, 0, 0, 0]])


def test_features_are_unit_rows_and_the_scale_is_the_inverse_temperature() -> None:
    torch.manual_seed(0)
    image_features, text_features, scale = SMALL.build()(torch.randn(3, 3, 16, 16), tokens())
    assert image_features.shape == (3, 16)
    assert text_features.shape == (2, 16)
    for features in (image_features, text_features):
        torch.testing.assert_close(features.norm(dim=1), torch.ones(len(features)))
    assert scale.item() == pytest.approx(1 / 0.07)


def test_the_scale_is_clamped_to_100_and_learns() -> None:
    model = DualTower(torch.nn.Identity(), torch.nn.Identity(), logit_scale=99.0)
    with torch.no_grad():
        model.log_logit_scale += 1
    model.clamp_logit_scale()
    assert model.logit_scale.item() == pytest.approx(100.0)
    model.logit_scale.backward()
    assert model.log_logit_scale.grad is not None
    with pytest.raises(ValueError, match=r"expected logit_scale > 0; got 0\.0"):
        DualTower(torch.nn.Identity(), torch.nn.Identity(), logit_scale=0.0)


def test_text_features_do_not_depend_on_padding_or_on_the_other_rows() -> None:
    torch.manual_seed(0)
    tower = TextTransformer(vocab_size=50, context_length=8, embed_dim=16, width=32, layers=2, heads=2).eval()
    longer = torch.cat([tokens(), torch.zeros(2, 2, dtype=torch.int64)], dim=1)
    torch.testing.assert_close(tower(tokens()), tower(longer))
    torch.testing.assert_close(tower(tokens())[1:], tower(tokens()[1:, :3]))


def test_text_features_are_read_at_the_end_token_even_where_padding_has_its_id() -> None:
    torch.manual_seed(0)
    tower = TextTransformer(vocab_size=50, context_length=8, embed_dim=16, width=32, layers=2, heads=2, pad_id=1).eval()
    other_after_end, padded = torch.tensor([[48, 5, 49, 1]]), torch.tensor([[48, 5, 49]])
    torch.testing.assert_close(tower(other_after_end), tower(padded))


def test_every_word_of_the_text_counts() -> None:
    torch.manual_seed(0)
    tower = TextTransformer(vocab_size=50, context_length=8, embed_dim=16, width=32, layers=1, heads=2).eval()
    changed = tokens()
    changed[0, 1] = 9
    difference = (tower(tokens()) - tower(changed)).abs().amax(dim=1)
    assert difference[0] > 1e-4
    assert difference[1] < 1e-6


@pytest.mark.parametrize("size", [16, 17, 33])
def test_the_image_tower_takes_any_size(size: int) -> None:
    assert SmallCNN(embed_dim=5, channels=(4, 8, 8), blocks=(1, 2, 1))(torch.zeros(2, 3, size, size)).shape == (2, 5)


@pytest.mark.usefixtures("own_checks")
def test_images_of_bytes_are_refused_and_not_taken_for_numbers_about_zero() -> None:
    with pytest.raises(
        TypeError, match=r"expected images in floating point, about zero mean; got uint8: use scale_pixels\(images\)"
    ):
        SmallCNN(embed_dim=5)(torch.zeros(2, 3, 16, 16, dtype=torch.uint8))


@pytest.mark.usefixtures("own_checks")
def test_texts_that_are_not_tokenized_are_refused() -> None:
    tower = TextTransformer(vocab_size=9, context_length=4, embed_dim=5, width=32, layers=1, heads=1)
    with pytest.raises(TypeError, match=r"expected token ids .* got list: use torch\.from_numpy\(tokenizer\(texts\)\)"):
        tower(["a dog"])


def test_bad_shapes_are_refused_with_the_values() -> None:
    with pytest.raises(
        ValueError, match=r"channels and blocks with one entry a stage each; got channels=\[4, 8\] and blocks=\[1\]"
    ):
        SmallCNN(embed_dim=5, channels=(4, 8), blocks=(1,))
    with pytest.raises(ValueError, match="expected heads that divide width; got heads=3 and width=32"):
        TextTransformer(vocab_size=9, context_length=4, embed_dim=8, width=32, heads=3)
    tower = TextTransformer(vocab_size=9, context_length=4, embed_dim=8, width=32, layers=1, heads=2)
    with pytest.raises(ValueError, match="expected rows of at most 4 tokens; got 5: tokenize with context_length=4"):
        tower(torch.ones(1, 5, dtype=torch.int64))


@pytest.mark.usefixtures("own_checks")
def test_a_wrapped_model_is_not_saved_under_names_that_do_not_load(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"expected a DualTower; got DataParallel: .* pass its \.module"):
        save_dual_tower(torch.nn.DataParallel(SMALL.build()), SMALL, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_saved_model_loads_with_equal_outputs(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = SMALL.build()
    model(torch.randn(4, 3, 16, 16), tokens())  # batch norm has seen something
    save_dual_tower(model, SMALL, str(tmp_path / "model"))
    loaded, config = load_dual_tower(str(tmp_path / "model"))
    assert config == SMALL
    assert not loaded.training
    images = torch.randn(2, 3, 16, 16)
    for ours, theirs in zip(model.eval()(images, tokens()), loaded(images, tokens()), strict=True):
        assert torch.equal(ours, theirs)
    assert {path.name for path in (tmp_path / "model").iterdir()} == {"model.safetensors", "config.json"}


def test_a_folder_that_is_no_model_is_refused_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"expected a folder with config.json and model.safetensors; .*config.json is missing"
    ):
        load_dual_tower(tmp_path)
    save_dual_tower(SMALL.build(), SMALL, tmp_path)
    fields = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**fields, "architecture": "swin"}))
    with pytest.raises(ValueError, match="expected the architecture 'small_dual_tower'; got 'swin'"):
        load_dual_tower(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**fields, "depth": 3}))
    with pytest.raises(ValueError, match="depth"):
        load_dual_tower(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**fields, "embed_dim": 8}))
    with pytest.raises(ValueError, match=r"expected files of one model in .*; got config.json of another model than"):
        load_dual_tower(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    save_file(weights, tmp_path / "model.safetensors")  # with nothing in the header, as files of before had it
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_dual_tower(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(fields))
    assert load_dual_tower(tmp_path)[1] == SMALL


SAVE_AND_DIE = """
import os, signal, sys, torch
import unicl.models.weights
from unicl.models import SmallDualTowerConfig, save_dual_tower
setattr(unicl.models.weights, sys.argv[3], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
config = SmallDualTowerConfig(vocab_size=50, context_length=8, embed_dim=16, image_channels=(4, 8),
                              image_blocks=(1, 1), text_width=32, image_size=int(sys.argv[2]))
torch.manual_seed(1)
save_dual_tower(config.build(), config, sys.argv[1])
"""


@pytest.mark.parametrize("dies_in", ["write_bytes", "write_text"])
@pytest.mark.parametrize("image_size", [32, 64])
def test_a_save_that_is_killed_leaves_the_old_model_or_the_new_one(
    tmp_path: Path, dies_in: str, image_size: int
) -> None:
    torch.manual_seed(0)
    old = SMALL.build()
    save_dual_tower(old, SMALL, tmp_path)
    command = [sys.executable, "-c", SAVE_AND_DIE, str(tmp_path), str(image_size), dies_in]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    torch.manual_seed(1)
    left, config = (old, SMALL) if dies_in == "write_bytes" else (SMALL.build(), replace(SMALL, image_size=image_size))
    if config.image_size != SMALL.image_size:  # of the same shape: the weights of one model fit the other
        with pytest.raises(ValueError, match=r"of another model than model.safetensors, .* delete config.json to load"):
            load_dual_tower(tmp_path)
        (tmp_path / "config.json").unlink()
    loaded, read = load_dual_tower(tmp_path)
    assert read == config
    for name, weight in left.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name


def test_a_model_of_another_configuration_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"expected the model that config.build\(\) makes; .* pass the model's own config"
    ):
        save_dual_tower(SMALL.build(), replace(SMALL, embed_dim=8), tmp_path / "model")
    model = SMALL.build()
    model.text_encoder = torch.nn.Identity()
    with pytest.raises(ValueError, match=r"has shape none in the model"):
        save_dual_tower(model, SMALL, tmp_path / "model")
    assert not (tmp_path / "model").exists()
