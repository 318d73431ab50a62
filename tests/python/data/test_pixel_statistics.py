"""Statistics of pixels by name, and their use on a batch."""

import subprocess
import sys

import open_clip
import pytest
import timm.data
import torch
from torchvision.transforms import v2

from unicl.data import NormalizePixels, PixelStatistics


@pytest.mark.parametrize("name", ["imagenet", "clip", "siglip"])
def test_a_batch_is_normalised_as_torchvision_does(name):
    known = PixelStatistics.named(name)
    images = torch.arange(2 * 3 * 8 * 16).remainder(256).to(torch.uint8).view(2, 3, 8, 16)
    expected = v2.functional.normalize(images / 255, known.mean, known.std)
    torch.testing.assert_close(NormalizePixels(name)(images), expected, atol=2e-6, rtol=0)


def test_the_names_are_those_of_the_packages():
    assert PixelStatistics.named("imagenet") == PixelStatistics(
        timm.data.IMAGENET_DEFAULT_MEAN, timm.data.IMAGENET_DEFAULT_STD
    )
    assert PixelStatistics.named("clip") == PixelStatistics(open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("resnet50", "imagenet"),
        ("resnet50.a1_in1k", "imagenet"),
        ("vit_base_patch16_224.augreg_in21k", "siglip"),
        ("vit_base_patch16_siglip_224", "siglip"),
        ("vit_base_patch32_clip_224.openai", "clip"),
    ],
)
def test_a_model_of_timm_has_those_of_its_config(model, family):
    assert PixelStatistics.named(f"timm:{model}") == PixelStatistics.named(family)


@pytest.mark.parametrize("name", ["", "ImageNet", "timm:", "timm:no_such_model", "timm:resnet50.no_such_tag"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(ValueError, match=r"^expected (pixel statistics named|a model of timm)"):
        PixelStatistics.named(name)


def test_timm_is_imported_only_for_its_models():
    code = "import sys, unicl.data; unicl.data.PixelStatistics.named('clip'); print('timm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_it_follows_the_device_and_has_no_weights():
    normalize = NormalizePixels("clip", dtype=torch.bfloat16)
    assert not normalize.state_dict()
    assert normalize(torch.zeros(1, 3, 2, 2, dtype=torch.uint8)).dtype == torch.bfloat16
    on_meta = normalize.to("meta")(torch.zeros(1, 3, 2, 2, dtype=torch.uint8, device="meta"))
    assert on_meta.device.type == "meta"


@pytest.mark.usefixtures("own_checks")
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_what_is_no_byte_is_refused(dtype):
    with pytest.raises(TypeError, match="expected images as uint8, 0 to 255; got torch"):
        NormalizePixels("clip")(torch.zeros(1, 3, 2, 2, dtype=dtype))


@pytest.mark.usefixtures("own_checks")
@pytest.mark.parametrize("std", [(0.0, 1.0, 1.0), (float("nan"), 1.0, 1.0), (1.0, 1.0), (float("inf"), 1.0, 1.0)])
def test_statistics_that_nothing_can_be_divided_by_are_refused(std):
    with pytest.raises(ValueError, match="expected three means and three standard deviations above 0"):
        PixelStatistics((0.5, 0.5, 0.5), std)
