"""The page of a look at data: tables, bar charts and contact sheets in one HTML file."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from unicl.data.overview.content import shown_class
from unicl.data.overview.facts import cut, overview_facts, overview_findings
from unicl.files import make_folder, new_file, refuse_existing, refuse_folder, render_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from unicl.data.overview.content import ClassCounts, Overview, SourceOverview

TEMPLATE = "overview.html.jinja"
COLUMNS, SIZES = 24, 120
SHOWN_CAPTIONS, CAPTION_LENGTH = 5, 300


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar of a chart: what it stands for, its number, and its length as a share of the longest."""

    name: str
    number: int | float
    share: float


def write_overview(overview: Overview, path: Path, *, overwrite: bool = False) -> None:
    """Writes the page of a look at data. A reader sees the whole page or none.

    The page is one HTML file that loads nothing from elsewhere, and has no script. All text is shown as it is. Images
    are shown as small JPEG files that were made anew, so no byte of a source gets into the page unread.

    Args:
        overview: What was counted.
        path: The file.
        overwrite: Replace a file of that name.

    Raises:
        FileExistsError: There is a file of that name, and ``overwrite`` is not set.
        OSError: The file cannot be written.
        ModuleNotFoundError: jinja2 is missing; the message tells how to install it.
    """
    page = render_overview(overview)
    with new_file(path, overwrite=overwrite) as aside:
        aside.write_text(page, encoding="utf-8")


def check_page(path: Path, *, overwrite: bool = False) -> None:
    """Checks before the work that a page can be written.

    Raises:
        FileExistsError: There is a file of that name, and ``overwrite`` is not set.
        OSError: No file can be written there.
        ValueError: The name does not end in .html or .htm.
        ModuleNotFoundError: jinja2 is missing; the message tells how to install it.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"expected a name for the page that ends in .html; got {path}")
    refuse_existing(path, overwrite=overwrite)
    refuse_folder(path)
    render_page("", name="the page")
    make_folder(path.parent)


def render_overview(overview: Overview) -> str:
    """Renders the page."""
    several = len(overview.sources) > 1
    sources = [overview.together, *overview.sources] if several else list(overview.sources)
    return render_page(
        resources.files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8"),
        name="the page",
        title=f"A look at {overview.together.name}",
        several=several,
        seed=overview.seed,
        sources=[
            {
                "source": source,
                "facts": overview_facts(source),
                "findings": overview_findings(source),
                "words": word_bars(source.word_counts),
                "sizes": size_bars(source.classes) if source.classes else [],
                "classes": class_bars(source),
                "labels": label_bars(source),
                "cards": source.sheet,
            }
            for source in sources
        ],
        cut=lambda text: cut(text, CAPTION_LENGTH),
        shown_captions=SHOWN_CAPTIONS,
    )


def word_bars(counts: Mapping[int, int | float]) -> list[Bar]:
    """Puts captions together by their words, into 24 columns or fewer. The last column has all longer ones.

    Example:
        >>> [(bar.name, bar.number) for bar in word_bars({3: 5, 4: 1})]
        [('3', 5), ('4', 1)]
    """
    if not counts:
        return []
    total, below, most = sum(counts.values()), 0.0, 0
    for words in sorted(counts):  # nearly all captions, so that one long one does not squeeze the others
        below, most = below + counts[words], words
        if below >= 0.99 * total:
            break
    least = min(counts)
    width = -(-(most - least + 1) // COLUMNS)
    starts = range(least, most + 1, width)
    numbers: list[int | float] = [0] * len(starts)
    for words, count in counts.items():
        numbers[min((words - least) // width, len(starts) - 1)] += count
    ends_early = max(counts) > starts[-1] + width - 1
    names = [f"{start}" if width == 1 else f"{start} to {start + width - 1}" for start in starts]
    if ends_early:
        names[-1] = f"{starts[-1]} or more"
    return _bars(names, numbers)


def size_bars(classes: ClassCounts) -> list[Bar]:
    """Gives a column for each class, the largest first; of very many classes, for some at equal distances."""
    step = max(len(classes.sizes) / SIZES, 1)
    sizes = [classes.sizes[int(place * step)] for place in range(int(len(classes.sizes) / step))]
    return _bars([""] * len(sizes), sizes)


def class_bars(source: SourceOverview) -> list[tuple[str, list[Bar]]]:
    """Gives the largest and the smallest classes, each as a titled list of bars on one scale."""
    if source.classes is None:
        return []
    largest, smallest = source.classes.largest, source.classes.smallest
    bars = _bars(
        [shown_class(name) for name, _ in (*largest, *smallest)], [count for _, count in (*largest, *smallest)]
    )
    parts = [("Largest classes", bars[: len(largest)]), ("Smallest classes", bars[len(largest) :])]
    return [(title, part) for title, part in parts if part]


def label_bars(source: SourceOverview) -> list[Bar]:
    """Gives the most frequent labels of captions, as shares of all captions."""
    frequent = source.labels.frequent if source.labels else ()
    return [Bar(name=name, number=100 * share, share=share) for name, share in frequent]


def _bars(names: Sequence[str], numbers: Sequence[int | float]) -> list[Bar]:
    most = max(numbers, default=0) or 1
    return [Bar(name=name, number=number, share=number / most) for name, number in zip(names, numbers, strict=True)]
