"""The embedded data set and its split."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from unicl.demo import EmojiImages, load_emoji_images
from unicl.demo.emoji import Emoji, base_indices, neutral_code_points, parse_emoji_test, split_by_base

VARIANT_WORDS = {
    "light",
    "medium-light",
    "medium",
    "medium-dark",
    "dark",
    "skin",
    "tone",
    "man",
    "woman",
    "person",
    "men",
    "women",
    "people",
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> EmojiImages:
    return load_emoji_images(tmp_path_factory.mktemp("cache"), size=16)


def naive_base(emoji: Emoji) -> frozenset[str]:
    """The words of the name without those of skin tone and gender: a coarse twin of the base."""
    return frozenset(emoji.name.replace(",", " ").replace(":", " ").split()) - VARIANT_WORDS


def test_every_fully_qualified_emoji_has_an_image_that_shows_something(images: EmojiImages) -> None:
    assert len(images.emoji) == len(images.images) > 3900
    assert len({emoji.subgroup for emoji in images.emoji}) == 98
    assert len({emoji.group for emoji in images.emoji}) == 9
    assert images.images.reshape(len(images.images), -1).std(axis=1).min() > 0


def test_images_drawn_alike_share_their_base_and_their_id(images: EmojiImages) -> None:
    named = {emoji.name: index for index, emoji in enumerate(images.emoji)}
    chad, romania, peru = (named[f"flag: {country}"] for country in ("Chad", "Romania", "Peru"))
    assert images.bases[chad] == images.bases[romania] != images.bases[peru]
    assert images.image_ids[chad] == images.image_ids[romania] != images.image_ids[peru]
    assert len(set(images.image_ids)) == len({image.tobytes() for image in images.images})


def test_no_variant_of_a_held_out_image_is_in_training(images: EmojiImages) -> None:
    train, held_out = split_by_base(images)
    assert sorted(train + held_out) == list(range(len(images.emoji)))
    people = {"People & Body"}
    trained = {naive_base(images.emoji[index]) for index in train if images.emoji[index].group in people}
    leaked = [
        images.emoji[index].name for index in held_out if naive_base(images.emoji[index]) in trained - {frozenset()}
    ]
    assert leaked == []
    code_points = {neutral_code_points(images.emoji[index].code_points) for index in train}
    assert [index for index in held_out if neutral_code_points(images.emoji[index].code_points) in code_points] == []


def test_the_split_holds_out_a_fifth_of_the_bases_of_each_subgroup(images: EmojiImages) -> None:
    _, held_out = split_by_base(images, 0.2)
    bases = Counter(images.emoji[base].subgroup for base in set(images.bases))
    held_out_bases = Counter(images.emoji[base].subgroup for base in {images.bases[index] for index in held_out})
    for subgroup, count in bases.items():
        assert abs(held_out_bases[subgroup] - 0.2 * count) <= 0.5 or count == 1
        assert held_out_bases[subgroup] < count


def test_the_split_is_a_function_of_the_data_alone(images: EmojiImages) -> None:
    backwards = EmojiImages(
        images=images.images[::-1],
        emoji=images.emoji[::-1],
        bases=tuple(base_indices(images.emoji[::-1], list(images.images[::-1]))),
    )
    names = {
        images.emoji[index].name for index in split_by_base(images)[1] if images.emoji[index].group != "People & Body"
    }
    assert names == {
        backwards.emoji[index].name
        for index in split_by_base(backwards)[1]
        if backwards.emoji[index].group != "People & Body"
    }
    assert split_by_base(images) == split_by_base(images)


def test_images_are_drawn_once_and_then_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_emoji_images(tmp_path, size=8)
    monkeypatch.setattr("unicl.demo.emoji.draw", lambda *_: pytest.fail("drawn again"))
    second = load_emoji_images(tmp_path, size=8)
    assert np.array_equal(first.images, second.images)
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]


def test_a_broken_drawing_leaves_nothing_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numpy.save", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        load_emoji_images(tmp_path, size=8)
    assert list(tmp_path.iterdir()) == []


def test_bad_lines_and_values_are_refused_by_name(images: EmojiImages, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"line 1: expected 'code points ; status # emoji E1.0 name'; got '1F600 nonsense'"
    ):
        parse_emoji_test("1F600 nonsense")
    with pytest.raises(ValueError, match=r"expected size in \[8, 512\] pixels; got 4"):
        load_emoji_images(tmp_path, size=4)
    with pytest.raises(ValueError, match=r"expected held_out_share inside \(0, 1\); got 1.5"):
        split_by_base(images, 1.5)
