"""A source in memory for tests, and a transform and features that need no training."""

import io
import zlib
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import torch
from PIL import Image

from unicl import ClipTokenizer
from unicl.data import BadSample, Batch, Sample, TrainingData, TrainTransform

CLASSES = ("dog", "cat", "horse")


@cache
def png(seed: int) -> bytes:
    """A small image of noise."""
    content = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (10, 12, 3), dtype=np.uint8)
    Image.fromarray(noise).save(content, "PNG")
    return content.getvalue()


class MemorySource:
    """Samples in memory: captions and classes of each row, and the rows whose image or whole sample is bad."""

    def __init__(
        self,
        name: str,
        *,
        captions: Sequence[tuple[str, ...]] | None = None,
        classes: Sequence[tuple[str, ...]] | None = None,
        class_names: tuple[str, ...] | None = None,
        images: Mapping[int, bytes] | None = None,
        bad: Mapping[int, BadSample] | None = None,
    ) -> None:
        self.name, self.captions, self.classes = name, captions, classes
        self.images, self.bad = images or {}, bad or {}
        self.has_captions = captions is not None
        if class_names is None and classes is not None:
            class_names = tuple(sorted({name for row in classes for name in row}))
        self.class_names = class_names
        self.several_classes = classes is not None and any(len(row) > 1 for row in classes)

    def __len__(self) -> int:
        return len(self.captions or self.classes or ())

    def take(self, rows: Sequence[int]) -> list[Sample | BadSample]:
        return [self.bad.get(row) or self._sample(row) for row in rows]

    def row_classes(self) -> np.ndarray:
        assert self.classes is not None
        assert self.class_names is not None
        return np.array([self.class_names.index(row[0]) if row else -1 for row in self.classes])

    def _sample(self, row: int) -> Sample:
        return Sample(
            key=f"{self.name}/{row}",
            image=self.images.get(row, png(row % 16)),
            captions=self.captions[row] if self.captions else (),
            classes=self.classes[row] if self.classes else (),
            weight=1.0 + row % 3,
            source=self.name,
        )


def captioned(rows: int, *, captions: int = 1, name: str = "captions", **options: object) -> MemorySource:
    """A source with captions that are all different."""
    texts = [tuple(f"caption {number} of image {row}" for number in range(captions)) for row in range(rows)]
    return MemorySource(name, captions=texts, **options)  # type: ignore[arg-type]


def labelled(rows: int, *, name: str = "classes", **options: object) -> MemorySource:
    """A source with one class a row."""
    classes = [(CLASSES[row % len(CLASSES)],) for row in range(rows)]
    return MemorySource(name, classes=classes, **options)  # type: ignore[arg-type]


def training_data(*sources: MemorySource, **options: object) -> TrainingData:
    """Training data of small images."""
    options = {"transform": TrainTransform(size=8), "tokenizer": ClipTokenizer()} | options
    return TrainingData(list(sources), **options)  # type: ignore[arg-type]


def feature(name: str) -> torch.Tensor:
    """A unit vector that is the same for the same name."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    vector = torch.randn(6, generator=generator, dtype=torch.float64)
    return vector / vector.norm()


def features(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of the images, by their keys, and of the texts, by their ids without padding."""
    assert batch.sample_keys is not None
    texts = [str([token for token in row if token]) for row in batch.tokens.tolist()]
    return torch.stack([feature(key) for key in batch.sample_keys]), torch.stack([feature(text) for text in texts])


def same_batch(left: Batch, right: Batch) -> bool:
    """Whether two batches are equal, bit for bit."""
    assert left.image_weight is not None
    assert left.text_weight is not None
    return (
        left.sample_keys == right.sample_keys
        and all(
            torch.equal(left[name], right[name])
            for name in ("images", "tokens", "image_weight", "text_weight", "positions")
        )
        and all(_same_labels(left[name], right[name]) for name in ("image_labels", "text_labels"))
        and dict(left.bad) == dict(right.bad)
    )


def _same_labels(left: object, right: object) -> bool:
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)  # type: ignore[arg-type]
    return left.to_list() == right.to_list()  # type: ignore[attr-defined,no-any-return]
