import pytest
import torch
from transformers import BertConfig, BertModel, DistilBertConfig

from unicl.models import TransformersTextEncoder

SIZES = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
CONFIG = BertConfig(max_position_embeddings=12, **SIZES)
TOKENS = torch.tensor([[2, 7, 9, 3, 0, 0], [2, 7, 9, 11, 13, 3]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(1)
    BertModel(CONFIG).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("config", [CONFIG, DistilBertConfig(vocab_size=50, dim=32, n_layers=1, n_heads=2)])
def test_a_configuration_gives_random_weights_of_the_asked_width(config):
    assert TransformersTextEncoder(config, embed_dim=24)(TOKENS).shape == (2, 24)


def test_a_folder_gives_its_own_weights(folder):
    encoder = TransformersTextEncoder(folder, embed_dim=8).eval()
    bert = BertModel.from_pretrained(folder).eval()
    with torch.no_grad():
        states = bert(TOKENS, attention_mask=(TOKENS != 0).long()).last_hidden_state
        torch.testing.assert_close(encoder(TOKENS), states[:, 0] @ encoder.projection.weight.T)
    assert TransformersTextEncoder(str(folder)).trunk.config.hidden_size == 32


def test_the_mean_is_over_the_tokens_that_are_not_padding(folder):
    encoder = TransformersTextEncoder(folder, embed_dim=8, pooling="mean").eval()
    with torch.no_grad():
        states = encoder.trunk(TOKENS[:1, :4]).last_hidden_state
        torch.testing.assert_close(encoder(TOKENS)[:1], states.mean(dim=1) @ encoder.projection.weight.T)


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_padding_changes_nothing(pooling):
    encoder = TransformersTextEncoder(CONFIG, embed_dim=8, pooling=pooling).eval()
    with torch.no_grad():
        torch.testing.assert_close(encoder(TOKENS[:1]), encoder(TOKENS[:1, :4]))


def test_an_id_that_pads_is_seen_where_it_occurs_in_a_text():
    encoder = TransformersTextEncoder(CONFIG, embed_dim=8, pad_id=0).eval()
    with_it, all_seen = torch.tensor([[2, 7, 0, 9, 3, 0]]), torch.tensor([[1, 1, 1, 1, 1, 0]])
    with torch.no_grad():
        torch.testing.assert_close(encoder(with_it), encoder(with_it, all_seen))


def test_a_mask_that_is_given_is_used():
    encoder = TransformersTextEncoder(CONFIG, embed_dim=8).eval()
    with torch.no_grad():
        masked = encoder(TOKENS[1:], torch.tensor([[1, 1, 1, 1, 0, 0]]))
        torch.testing.assert_close(masked, encoder(TOKENS[1:, :4]))


def test_every_parameter_gets_a_gradient():
    encoder = TransformersTextEncoder(CONFIG, embed_dim=8)
    encoder(TOKENS).square().sum().backward()
    assert [name for name, parameter in encoder.named_parameters() if parameter.grad is None] == []


def test_half_precision_files_are_computed_in_float32(tmp_path):
    BertModel(CONFIG).half().save_pretrained(tmp_path)
    encoder = TransformersTextEncoder(tmp_path, embed_dim=8)
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


def test_a_text_longer_than_the_positions_is_refused():
    with pytest.raises(ValueError, match="expected rows of at most 12 tokens; got 13: tokenize with context_length=12"):
        TransformersTextEncoder(CONFIG)(torch.ones(1, 13, dtype=torch.long))


@pytest.mark.usefixtures("own_checks")
def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="expected pooling to be one of 'first', 'mean'; got 'max'"):
        TransformersTextEncoder(CONFIG, pooling="max")


def test_a_configuration_without_padding_asks_for_the_id():
    config = BertConfig(pad_token_id=None, **SIZES)
    with pytest.raises(
        ValueError, match="expected a pad_token_id in the configuration of BertModel; got none: pass pad_id"
    ):
        TransformersTextEncoder(config)
    assert TransformersTextEncoder(config, pad_id=0).pad_id == 0


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/bert", "some/folder/bert"])
def test_a_path_without_a_folder_is_not_looked_up_on_the_hub(name):
    with pytest.raises(
        FileNotFoundError,
        match=f"expected a folder with config.json and model.safetensors; got '{name}', which is no folder",
    ):
        TransformersTextEncoder(name)


def test_a_folder_without_weights_is_refused_and_says_what_was_wanted(tmp_path):
    CONFIG.save_pretrained(tmp_path)
    with pytest.raises(OSError, match=r"expected config.json and model.safetensors in that folder"):
        TransformersTextEncoder(tmp_path)


def test_pickled_weights_are_refused(tmp_path):
    CONFIG.save_pretrained(tmp_path)
    torch.save(BertModel(CONFIG).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match=r"model.safetensors in that folder"):
        TransformersTextEncoder(tmp_path)


def test_a_name_that_cannot_be_downloaded_gives_one_clear_error(monkeypatch):
    def from_pretrained(*_, **__):
        raise OSError("We couldn't connect")

    monkeypatch.setattr("transformers.AutoConfig.from_pretrained", from_pretrained)
    with pytest.raises(OSError, match=r"'bert-base-uncased' could not be loaded: .*is it connected\?\); pass a folder"):
        TransformersTextEncoder("bert-base-uncased")
