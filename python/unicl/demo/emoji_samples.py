"""The embedded data set as a source of samples: an emoji has its name as a caption and its subgroup as a class."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from unicl.data import Sample
from unicl.demo.prepare import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unicl.data import BadSample
    from unicl.demo.emoji import EmojiImages


class EmojiSamples:
    """The emoji of :func:`load_emoji_images` as samples. Their images are PNG files.

    Args:
        images: The drawn emoji.
        name: Names the source.
    """

    has_captions = True

    def __init__(self, images: EmojiImages, *, name: str = "demo") -> None:
        self.name, self._images = name, images
        self.class_names: tuple[str, ...] | None = tuple(sorted({words_of(emoji.subgroup) for emoji in images.emoji}))

    def __len__(self) -> int:
        """The number of emoji."""
        return len(self._images.emoji)

    def take(self, rows: Sequence[int]) -> list[Sample | BadSample]:
        """Gives the samples of some rows, in their order.

        Raises:
            IndexError: There is no such row.
        """
        return [self._sample(int(row)) for row in rows]

    def _sample(self, row: int) -> Sample:
        from PIL import Image

        if not 0 <= row < len(self):
            raise IndexError(f"expected a row from 0 to {len(self) - 1}; got {row}")
        emoji, content = self._images.emoji[row], BytesIO()
        Image.fromarray(self._images.images[row]).save(content, "PNG")
        return Sample(
            key="-".join(f"{point:04X}" for point in emoji.code_points),
            image=content.getvalue(),
            captions=(emoji.name,),
            classes=(words_of(emoji.subgroup),),
            source=self.name,
        )
