"""Scores the phrases of captions by the images of their rows, a bounded number of images at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unicl.labels import score_phrases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

    from unicl.files import RowImages
    from unicl.labels import RelevanceScorer

MOST_IMAGES, MOST_PIXELS = 256, 1 << 26
"""A scorer gets no more images at once, and no more pixels but for the last image: 192 MiB of them."""


class RowScorer:
    """A relevance scorer of rows: decodes the images of those that are asked about, and asks a scorer of images.

    Args:
        scorer: Takes PIL images in RGB.
    """

    def __init__(self, scorer: RelevanceScorer) -> None:
        self._scorer = scorer

    def __call__(self, images: RowImages, phrases: list[list[str]]) -> list[list[float]]:
        """The scores; 0 for the phrases of images that cannot be read."""
        scores = [[0.0] * len(asked) for asked in phrases]
        for rows, pictures in _parts(images.open([row for row, asked in enumerate(phrases) if asked])):
            answers = score_phrases(
                self._scorer,
                pictures,
                [phrases[row] for row in rows],
                place=[images.place(row) for row in rows].__getitem__,
            )
            del pictures  # before the next are decoded
            for row, answer in zip(rows, answers, strict=True):
                scores[row] = answer
        return scores


def _parts(opened: Iterator[tuple[int, Image.Image]]) -> Iterator[tuple[list[int], list[Image.Image]]]:
    rows: list[int] = []
    pictures: list[Image.Image] = []
    pixels = 0
    for row, picture in opened:
        rows.append(row)
        pictures.append(picture)
        pixels += picture.width * picture.height
        if len(rows) >= MOST_IMAGES or pixels >= MOST_PIXELS:
            yield rows, pictures
            rows, pictures, pixels = [], [], 0
    if rows:
        yield rows, pictures
