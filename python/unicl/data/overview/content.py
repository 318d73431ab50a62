"""The content of a look at data: what was counted of each source, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from unicl.labels import class_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN_CLASSES = "the names of the classes"
"""The name of the vocabulary if the classes are the labels."""
WNID_LENGTH = 9


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The smallest, mean, median and largest of some numbers."""

    smallest: int
    mean: float
    median: int
    largest: int


@dataclass(frozen=True, kw_only=True)
class Example:
    """A row to show.

    Attributes:
        key: Names the row within its source.
        captions: Its captions.
        classes: Its classes.
        labels: The labels that its captions mean.
        width: The width of the image in pixels; None if it cannot be read.
        height: The height.
        fault: Why the row cannot be used; empty for a good one.
        thumbnail: A small JPEG file of the image; None if there is none.
    """

    key: str
    captions: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    fault: str = ""
    thumbnail: bytes | None = None

    @property
    def shown_classes(self) -> str:
        """The classes as people read them."""
        return ", ".join(map(shown_class, self.classes))


def shown_class(name: str) -> str:
    """Gives the name of a class, and for a wnid also what it means.

    Example:
        >>> shown_class("golden_retriever")
        'golden_retriever'
    """
    if not (len(name) == WNID_LENGTH and name[0] == "n" and name[1:].isdecimal()):
        return name
    text = class_texts(name)[0]
    return name if text == name else f"{name} {text}"


@dataclass(frozen=True, kw_only=True)
class ClassCounts:
    """The classes of a source.

    Attributes:
        number: How many classes the source has.
        exact: Whether the counts are of all rows, not of a sample.
        sizes: The rows of each class, descending.
        largest: The classes with most rows, and their rows.
        smallest: The classes with fewest rows, and their rows; no empty ones.
        empty: How many classes have no row.
        first_empty: The names of some of them.
        alike: Names that differ only in case, spaces, hyphens or underscores; a tuple for each such group.
    """

    number: int
    exact: bool
    sizes: tuple[int, ...]
    largest: tuple[tuple[str, int], ...]
    smallest: tuple[tuple[str, int], ...]
    empty: int
    first_empty: tuple[str, ...]
    alike: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class LabelCoverage:
    """How much of a source gets a label.

    Attributes:
        vocabulary: The name of the vocabulary.
        number: How many labels it has.
        captions: The share of the captions with a label; None without captions.
        frequent: The most frequent labels, and the share of the captions that have each.
        classes: The share of the classes that mean a label; None without classes, or if the classes are the labels.
        unmapped: Names of classes that mean none.
    """

    vocabulary: str
    number: int
    captions: float | None
    frequent: tuple[tuple[str, float], ...]
    classes: float | None
    unmapped: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """Values that occur again.

    Attributes:
        values: How many values there are.
        repeated: How many of them occurred before.
        exact: Whether all values were compared. Of very many, a part is compared, and ``repeated`` is an estimate.
        most: The most frequent ones and their numbers: captions, or keys of images.
    """

    values: int
    repeated: int
    exact: bool
    most: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class BadRows:
    """The rows that cannot be used for one reason: how many, and the keys and details of the first."""

    reason: str
    count: int
    first: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class SourceOverview:
    """What was counted of a source, or of all together.

    Shares are in [0, 1], and lengths in pixels. Of all sources together, each source counts by its rows.

    Attributes:
        name: Names the source.
        format: The format of its files; empty if the source does not tell.
        schema: The column that holds each part of a sample, by the name of the part.
        rows: How many rows it has.
        rows_read: How many of them were read.
        kinds: The shares of the rows with captions alone, classes alone, both and neither.
        captions_a_row: The captions of the rows that have some.
        words: The words of a caption.
        word_counts: How many captions have each number of words.
        blank_captions: How many captions have no text.
        classes: The classes; None if there are none.
        labels: The labels; None without a vocabulary, unless there are captions and classes.
        repeated_captions: Captions that occur again, by their text.
        repeated_images: Images that occur again, by their bytes.
        widths: The widths of the images.
        heights: The heights of the images.
        formats: The share of each image format.
        not_english: The share of the captions that are not English, among those with words enough to tell.
        foreign: Some of them.
        bad: The rows that cannot be used, by reason.
        examples: Ten rows, or all.
        sheet: Rows for the contact sheet, and the first bad rows.
    """

    name: str
    format: str
    schema: Mapping[str, str]
    rows: int
    rows_read: int
    kinds: Mapping[str, float]
    captions_a_row: Spread | None
    words: Spread | None
    word_counts: Mapping[int, int | float]
    blank_captions: int
    classes: ClassCounts | None
    labels: LabelCoverage | None
    repeated_captions: Repeats
    repeated_images: Repeats
    widths: Spread | None
    heights: Spread | None
    formats: Mapping[str, float]
    not_english: float
    foreign: tuple[str, ...]
    bad: tuple[BadRows, ...]
    examples: tuple[Example, ...]
    sheet: tuple[Example, ...]

    @property
    def bad_rows(self) -> int:
        """How many rows cannot be used."""
        return sum(each.count for each in self.bad)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A look at some sources.

    Attributes:
        sources: What was counted of each.
        together: The same of all together; of one source, the same as it.
        seed: The seed that drew the rows.
    """

    sources: tuple[SourceOverview, ...]
    together: SourceOverview
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Gives all but the thumbnails as plain data for JSON."""
        parts = {"seed": self.seed, "together": _plain(self.together)}
        return parts | {"sources": [_plain(source) for source in self.sources]}


def _plain(source: SourceOverview) -> dict[str, Any]:
    plain = asdict(source) | {"bad_rows": source.bad_rows}
    del plain["sheet"]
    for example in plain["examples"]:
        del example["thumbnail"]
    return plain
