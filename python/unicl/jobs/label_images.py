"""Scores the phrases of captions by the images of their rows, with few images in memory at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unicl.labels import score_phrases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

    from unicl.files import RowImages
    from unicl.labels import RelevanceScorer

MOST_IMAGES, MOST_PIXELS = 256, 1 << 26
"""The largest number of images that a scorer gets at once, and of pixels (192 MiB) before the last image."""


class RowScorer:
    """A relevance scorer of rows. It decodes the images of the rows that have phrases, and calls a scorer of images.

    Args:
        scorer: The scorer of images. It gets PIL images in RGB.
    """

    def __init__(self, scorer: RelevanceScorer) -> None:
        self._scorer = scorer

    def __call__(self, images: RowImages, phrases: list[list[str]]) -> list[list[float]]:
        """Scores the phrases of every row. Phrases of images that cannot be read get 0."""
        scores = [[0.0] * len(asked) for asked in phrases]
        for rows, decoded in _parts(images.open([row for row, asked in enumerate(phrases) if asked])):
            answers = score_phrases(
                self._scorer,
                decoded,
                [phrases[row] for row in rows],
                place=[images.place(row) for row in rows].__getitem__,
            )
            del decoded  # before the next are decoded
            for row, answer in zip(rows, answers, strict=True):
                scores[row] = answer
        return scores


def _parts(opened: Iterator[tuple[int, Image.Image]]) -> Iterator[tuple[list[int], list[Image.Image]]]:
    rows: list[int] = []
    decoded: list[Image.Image] = []
    pixels = 0
    for row, image in opened:
        rows.append(row)
        decoded.append(image)
        pixels += image.width * image.height
        if len(rows) >= MOST_IMAGES or pixels >= MOST_PIXELS:
            yield rows, decoded
            rows, decoded, pixels = [], [], 0
    if rows:
        yield rows, decoded
