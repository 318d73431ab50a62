"""Boxes of crops have torchvision's distribution, and lie inside of the image."""

import math

import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms import RandomResizedCrop

from unicl.data.draws import Draws
from unicl.data.random_crop import Box, random_crop

DRAWS = 10_000
# Two samples of one distribution are this far apart once in 1e9 times; and the draws are fixed.
LARGEST_DISTANCE = 0.0463
SCALE, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)


@pytest.mark.parametrize(
    ("height", "width", "scale", "ratio"),
    [
        (300, 400, SCALE, RATIO),
        (224, 224, (0.2, 1.0), RATIO),
        (500, 120, SCALE, RATIO),
        (400, 300, (0.9, 1.0), (0.5, 2.0)),
    ],
)
def test_boxes_have_torchvisions_distribution(height, width, scale, ratio):
    ours = [random_crop(Draws(0, at), height, width, scale=scale, ratio=ratio) for at in range(DRAWS)]
    torch.manual_seed(0)
    image = torch.empty(3, height, width)
    theirs = [Box(*RandomResizedCrop.get_params(image, list(scale), list(ratio))) for _ in range(DRAWS)]
    measures = {
        "scale": lambda box: box.height * box.width / (height * width),
        "ratio": lambda box: math.log(box.width / box.height),
        "top": lambda box: box.top,
        "left": lambda box: box.left,
        "middle": lambda box: (box.top + box.height / 2) / height + (box.left + box.width / 2) / width,
    }
    for name, measure in measures.items():
        distance = ks_2samp([measure(box) for box in ours], [measure(box) for box in theirs]).statistic
        assert distance < LARGEST_DISTANCE, name


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 900), (900, 1), (2, 3), (64, 64)])
def test_a_box_lies_inside_of_the_image(height, width):
    for at in range(500):
        box = random_crop(Draws(1, at), height, width, scale=SCALE, ratio=RATIO)
        assert min(box.top, box.left) >= 0 < min(box.height, box.width)
        assert box.top + box.height <= height
        assert box.left + box.width <= width


def test_an_image_that_no_box_fits_gives_its_centre():
    assert random_crop(Draws(0), 30, 3_000, scale=(1.0, 1.0), ratio=(0.5, 2.0)) == (0, 1_470, 30, 60)
    assert random_crop(Draws(0), 3_000, 30, scale=(1.0, 1.0), ratio=(0.5, 2.0)) == (1_470, 0, 60, 30)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_a_scaled_box_stays_inside_of_the_smaller_image(factor):
    for at in range(500):
        height, width = 200 + at, 333
        box = random_crop(Draws(2, at), height, width, scale=SCALE, ratio=RATIO)
        small = (-(-height // factor), -(-width // factor))
        scaled = box.scaled(small[0] / height, small[1] / width)
        assert 0 <= scaled.top <= scaled.top + scaled.height <= small[0] + 1
        assert 0 <= scaled.left <= scaled.left + scaled.width <= small[1] + 1
