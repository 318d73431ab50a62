"""Defines a sample for training, and the sources that give samples by their rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from unicl.data.skipped_samples import BadSample

__all__ = ["DescribedSource", "Sample", "Source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An image with captions, classes, or both.

    Attributes:
        key: Names the sample within its source.
        image: The bytes of an image file.
        captions: The captions of the image; none for an image with classes alone.
        classes: The names of its classes; none for an image with captions alone.
        weight: Its weight in the loss, at least 0.
        source: The name of the source.
    """

    key: str
    image: bytes
    captions: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    weight: float = 1.0
    source: str = ""


class Source(Protocol):
    """Samples that are found by their rows. A source can be pickled, and each process opens its files itself.

    Two more things are optional. ``several_classes = True`` tells that a sample may have more than one class: labels
    are then sets. ``row_classes()`` gives the class of each row, as an integer array of places in ``class_names``, or
    -1 for none: label-aware orders need it.

    Attributes:
        name: Names the source in messages and in samples.
        class_names: All classes that samples may have, sorted; None if only captions occur.
        has_captions: Whether samples may have captions.
    """

    name: str
    class_names: tuple[str, ...] | None
    has_captions: bool

    def __len__(self) -> int:
        """Gives the number of rows."""

    def take(self, rows: Sequence[int]) -> list[Sample | BadSample]:
        """Gives the samples of some rows, in their order; a bad one in the place of a row that has none."""


@runtime_checkable
class DescribedSource(Source, Protocol):
    """A source that tells what it reads, for a look at data. Those of ``open_samples`` do.

    Attributes:
        format: Names the format of its files.
        schema: The column or member of each part of a sample, by the name of the part.
    """

    format: str

    @property
    def schema(self) -> Mapping[str, str]:
        """The column or member of each part."""

    def class_counts(self) -> Mapping[str, int] | None:
        """Counts the rows of each class, without reading an image; None without classes."""
