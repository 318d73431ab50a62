"""Writes a look at data as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unicl.cli.drawing import printable
from unicl.data import overview_facts, overview_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unicl.data import Example, Overview, SourceOverview

TITLE, CAPTION, CAPTIONS = 19, 80, 2


def overview_lines(overview: Overview) -> list[str]:
    """Gives the lines of each source, then of all together. Characters that would move a cursor are escaped."""
    several = len(overview.sources) > 1
    sources = [*overview.sources, overview.together] if several else overview.sources
    return [printable(line) for source in sources for line in _source_lines(source)]


def _source_lines(source: SourceOverview) -> Iterator[str]:
    yield f"{source.name} ({source.format})" if source.format else source.name
    for title, text in overview_facts(source):
        yield f"  {title:<{TITLE}}{text}"
    for example in source.examples:
        yield f"  {'for example':<{TITLE}}{_example(example)}"
    for finding in overview_findings(source):
        yield f"  {'worth a look':<{TITLE}}{finding}"


def _example(example: Example) -> str:
    captions = [_cut(caption) for caption in example.captions[:CAPTIONS]]
    if len(example.captions) > CAPTIONS:
        captions.append(f"{len(example.captions) - CAPTIONS} more")
    parts = [
        f"{_cut(example.key)}, {example.width} x {example.height}",
        f"class {_cut(example.shown_classes)}" if example.classes else "",
        " | ".join(captions),
        f"labels {', '.join(example.labels)}" if example.labels else "",
    ]
    return "; ".join(filter(None, parts))


def _cut(text: str) -> str:
    return text if len(text) <= CAPTION else text[: CAPTION - 3] + "..."
