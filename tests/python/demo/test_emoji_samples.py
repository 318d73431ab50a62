import io
import pickle

import numpy as np
import pytest
from PIL import Image

from unicl.demo import EmojiImages, EmojiSamples
from unicl.demo.emoji import Emoji

EMOJI = (
    Emoji(code_points=(0x1F347,), name="grapes", subgroup="food-fruit", group="Food & Drink"),
    Emoji(code_points=(0x1F468, 0x1F3FF), name="man: dark skin tone", subgroup="person", group="People & Body"),
)
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)


def test_an_emoji_has_its_image_its_name_and_its_subgroup() -> None:
    source = EmojiSamples(EmojiImages(images=PIXELS, emoji=EMOJI, bases=(0, 1)))
    assert (len(source), source.class_names, source.has_captions) == (2, ("food fruit", "person"), True)
    man, grapes = pickle.loads(pickle.dumps(source)).take([1, 0])  # noqa: S301
    assert (man.key, man.captions, man.classes) == ("1F468-1F3FF", ("man: dark skin tone",), ("person",))
    assert (grapes.key, grapes.captions, grapes.classes) == ("1F347", ("grapes",), ("food fruit",))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(grapes.image))), PIXELS[0])
    with pytest.raises(IndexError, match="expected a row from 0 to 1; got 2"):
        source.take([2])
