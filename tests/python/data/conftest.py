"""Image files that the tests of transforms share."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image


def smooth_noise(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """Pixels that change slowly, as those of photographs do: from dark to bright over an eighth of the shorter side."""
    cell = max(min(height, width) // 8, 1)
    coarse = np.random.default_rng(seed).integers(0, 256, (height // cell, width // cell, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture
def jpeg() -> Callable[..., bytes]:
    """Makes a JPEG file of smooth noise."""

    def make(height: int = 90, width: int = 120, *, seed: int = 0, **options: object) -> bytes:
        content = io.BytesIO()
        Image.fromarray(smooth_noise(height, width, seed=seed)).save(content, "JPEG", **({"quality": 95} | options))
        return content.getvalue()

    return make
