import pytest
import torch

from unicl.models import TimmImageEncoder


def test_any_timm_model_gives_features_of_the_asked_width():
    images = torch.zeros(3, 3, 64, 64)
    # MobileNetV3 widens after its pooling: its num_features is not what its head sees.
    for name in ("resnet10t", "mobilenetv3_small_050"):
        assert TimmImageEncoder(name=name, embed_dim=24)(images).shape == (3, 24)


def test_the_projection_is_linear_in_the_pooled_trunk():
    encoder = TimmImageEncoder(name="resnet10t", embed_dim=8).eval()
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        pooled = encoder.trunk.forward_features(images).mean(dim=(2, 3))
        torch.testing.assert_close(encoder(images), pooled @ encoder.projection.weight.T)


def test_every_parameter_gets_a_gradient():
    encoder = TimmImageEncoder(name="resnet10t", embed_dim=8)
    encoder(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert [name for name, parameter in encoder.named_parameters() if parameter.grad is None] == []


def test_how_the_model_wants_its_images_comes_with_it():
    encoder = TimmImageEncoder(name="resnet10t")
    assert encoder.image_size == (176, 176)
    assert encoder.mean == pytest.approx((0.485, 0.456, 0.406))
    assert encoder.std == pytest.approx((0.229, 0.224, 0.225))


def test_an_unknown_model_is_refused_and_the_nearest_names_are_given():
    with pytest.raises(
        ValueError, match="expected the name of an image model of timm; got 'resnet5O': did you mean resnet50"
    ):
        TimmImageEncoder(name="resnet5O")
    with pytest.raises(ValueError, match=r"an image model of timm; got '\?': timm.list_models\(\) lists them"):
        TimmImageEncoder(name="?")


def test_an_unknown_tag_of_weights_is_refused():
    with pytest.raises(ValueError, match=r"could not make 'resnet10t.nope' with pretrained=False.*nope"):
        TimmImageEncoder(name="resnet10t.nope")


def test_weights_that_cannot_be_downloaded_give_one_clear_error(monkeypatch):
    def create_model(*_, **__):
        raise FileNotFoundError("cannot find the requested files in the local cache")

    monkeypatch.setattr("timm.create_model", create_model)
    with pytest.raises(OSError, match=r"weights of 'resnet10t' could not be downloaded .* pass pretrained=False"):
        TimmImageEncoder(name="resnet10t", pretrained=True)
