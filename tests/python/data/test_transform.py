"""Bytes to pixels: equal to torchvision's, and a pure function of the seed and the position."""

import io
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from unicl.data import ColourJitter, EvalTransform, TrainTransform
from unicl.data.draws import Draws
from unicl.data.random_crop import random_crop
from unicl.files import BadImageError

SUPCON = TrainTransform(size=24, views=2, jitter=ColourJitter(), grayscale=0.2)


def decoded(data: bytes) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(io.BytesIO(data)).convert("RGB"))).permute(2, 0, 1)


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    return (found.float() - expected.float()).abs().mean().item()


class Positions(torch.utils.data.Dataset):
    """A data set of one file, where a row is a position."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __len__(self) -> int:
        return 12

    def __getitem__(self, position: int) -> torch.Tensor:
        return SUPCON(self.data, seed=3, position=position)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_training_crop_has_torchvisions_pixels(jpeg, interpolation):
    transform = TrainTransform(size=48, interpolation=interpolation, flip=0.0)
    data = jpeg()
    image = decoded(data)
    for position in range(50):
        box = random_crop(Draws(7, position, 0), 90, 120, scale=transform.scale, ratio=transform.ratio)
        mode = v2.InterpolationMode(interpolation)
        expected = v2.functional.resized_crop(image, *box, size=[48, 48], interpolation=mode, antialias=True)
        found = transform(data, seed=7, position=position)
        assert found.dtype == torch.uint8
        assert difference(found, expected) < 0.6  # 0 with the same JPEG library


def test_a_flip_mirrors_the_same_crop(jpeg):
    never, always = (TrainTransform(size=32, flip=probability) for probability in (0.0, 1.0))
    assert never(jpeg(), position=5).flip(2).equal(always(jpeg(), position=5))
    half = TrainTransform(size=8, scale=(1.0, 1.0), ratio=(1.0, 1.0))
    flipped = [not half(jpeg(32, 32), position=at).equal(half(jpeg(32, 32), position=0)) for at in range(400)]
    assert 140 < sum(flipped) < 260


def test_pixels_depend_on_seed_and_position_alone(jpeg):
    data, other = jpeg(), jpeg(seed=1)
    first = SUPCON(data, seed=1, position=2)
    for position in range(5):
        SUPCON(other, seed=9, position=position)
        torch.rand(3)
        np.random.default_rng().random()
    assert SUPCON(data, seed=1, position=2).equal(first)
    assert not SUPCON(data, seed=1, position=3).equal(first)
    assert not SUPCON(data, seed=2, position=2).equal(first)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_give_the_pixels_of_one_process(jpeg, workers):
    rows = Positions(jpeg())
    alone = torch.cat(list(DataLoader(rows, batch_size=4)))
    shared = torch.cat(list(DataLoader(rows, batch_size=3, num_workers=workers, multiprocessing_context="fork")))
    assert alone.equal(shared)


def test_a_fresh_process_gives_the_same_pixels(jpeg):
    rows = Positions(jpeg())
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert torch.tensor(pool.submit(SUPCON_IN_A_PROCESS, rows.data, 5).result()).equal(rows[5])


def SUPCON_IN_A_PROCESS(data: bytes, position: int) -> list:  # noqa: N802
    return SUPCON(data, seed=3, position=position).tolist()


def test_two_views_differ_in_crop_and_colour(jpeg):
    for position in range(20):
        views = SUPCON(jpeg(), seed=0, position=position)
        assert views.shape == (2, 3, 24, 24)
        assert difference(views[0], views[1]) > 1


def test_a_grey_view_has_three_equal_channels(jpeg):
    view = TrainTransform(size=24, grayscale=1.0)(jpeg())
    assert view[0].equal(view[1])
    assert view[0].equal(view[2])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 3_000), (3_000, 1), (7, 5), (33, 32)])
@pytest.mark.parametrize(
    "transform", [TrainTransform(size=32), EvalTransform(size=32), EvalTransform(size=32, resize=36)]
)
def test_every_shape_becomes_the_size(jpeg, height, width, transform):
    image = transform(jpeg(height, width), position=3)
    assert (image.shape, image.dtype, image.is_contiguous()) == ((3, 32, 32), torch.uint8, True)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("height", "width"), [(90, 120), (121, 90), (64, 64), (97, 353)])
@pytest.mark.parametrize(("size", "resize"), [(64, None), (64, 73), (63, 64), (100, 128)])
def test_evaluation_has_torchvisions_pixels(jpeg, interpolation, height, width, size, resize):
    data = jpeg(height, width)
    found = EvalTransform(size=size, resize=resize, interpolation=interpolation)(data)
    mode = v2.InterpolationMode(interpolation)
    reference = v2.Compose([v2.Resize(resize or size, mode, antialias=True), v2.CenterCrop(size)])
    assert difference(found, reference(decoded(data))) < 0.6  # 0 with the same JPEG library
    assert difference(found, v2.functional.pil_to_tensor(reference(Image.open(io.BytesIO(data))))) < 0.6


@pytest.mark.parametrize("factor", [2, 3, 5, 9])
def test_a_large_jpeg_that_is_decoded_small_looks_the_same(jpeg, factor):
    data = jpeg(48 * 2 * factor + 5, 48 * 3 * factor)
    found = EvalTransform(size=48)(data)
    reference = v2.Compose([v2.Resize(48, v2.InterpolationMode.BICUBIC, antialias=True), v2.CenterCrop(48)])
    # The last row of a JPEG at 1/8 may stand for fewer than 8. A shift by one pixel would be a difference of 20.
    assert difference(found, reference(decoded(data))) < 3


def test_a_large_jpeg_is_decoded_no_smaller_than_the_crop_needs(jpeg, monkeypatch):
    from unicl.files import EncodedImage

    decode, shapes = EncodedImage.decode, []

    def watched(image, *, shrink):
        pixels = decode(image, shrink=shrink)
        shapes.append((pixels.shape, image.height))
        return pixels

    monkeypatch.setattr(EncodedImage, "decode", watched)
    data = jpeg(600, 800)
    for position in range(60):
        TrainTransform(size=32)(data, position=position)
        box = random_crop(Draws(0, position, 0), 600, 800, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3))
        (height, _, _), whole = shapes[-1]
        assert round(min(box.height, box.width) * height / whole) >= 32
    assert {shape[0] for shape, _ in shapes} == {150, 75}


def test_a_small_decoded_crop_shows_the_same_part(jpeg):
    data = jpeg(600, 800)
    transform = TrainTransform(size=40, flip=0.0)
    differences = []
    for position in range(30):
        box = random_crop(Draws(0, position, 0), 600, 800, scale=transform.scale, ratio=transform.ratio)
        expected = v2.functional.resized_crop(decoded(data), *box, size=[40, 40], antialias=True)
        differences.append(difference(transform(data, position=position), expected))
    assert max(differences) < 8  # half a pixel; a box elsewhere would be 60
    assert sum(differences) / len(differences) < 5


@pytest.mark.parametrize("transform", [TrainTransform(size=8), EvalTransform(size=8)])
@pytest.mark.parametrize("data", [b"", b"<html>", b"\xff\xd8\xff\xe0"])
def test_a_bad_file_is_refused(transform, data):
    with pytest.raises(BadImageError):
        transform(data)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TrainTransform(size=0), "expected size >= 1; got 0"),
        (lambda: TrainTransform(views=0), "expected views >= 1; got 0"),
        (
            lambda: TrainTransform(scale=(0.0, 1.0)),
            "expected scale as two shares with 0 < smallest <= largest <= 1; got",
        ),
        (lambda: TrainTransform(scale=(0.9, 0.5)), "expected scale as two shares"),
        (lambda: TrainTransform(ratio=(2.0, 1.0)), "expected ratio as two numbers"),
        (lambda: TrainTransform(flip=1.5), r"expected flip as a probability in \[0, 1\]; got 1.5"),
        (lambda: TrainTransform(interpolation="nearest"), "expected interpolation bilinear or bicubic; got 'nearest'"),
        (lambda: EvalTransform(max_pixels=0), "expected max_pixels >= 1; got 0"),
        (lambda: EvalTransform(size=9, resize=8), "expected resize >= size, which is 9; got 8"),
        (lambda: ColourJitter(hue=0.6), r"expected hue in \[0, 0.5\]; got 0.6"),
        (lambda: ColourJitter(contrast=-1.0), "expected contrast >= 0; got -1.0"),
        (lambda: ColourJitter(probability=2.0), r"expected probability in \[0, 1\]; got 2.0"),
    ],
)
@pytest.mark.usefixtures("own_checks")
def test_a_setting_outside_its_range_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
