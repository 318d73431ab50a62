"""Tells what was counted in short lines, for the terminal and for the page; and what to look at before training."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from unicl.data.overview.content import shown_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from unicl.data.overview.content import ClassCounts, LabelCoverage, Repeats, SourceOverview, Spread

BAD_LIMIT = 0.01
"""Training stops past this share of bad samples; see ``SkippedSamples``."""
NOTABLE, FEW_LABELLED, FREQUENT = 0.1, 0.1, 0.5
_LONGEST = 80
_LISTED = 5


class Fact(NamedTuple):
    """What a line is about, and the line."""

    title: str
    text: str


def overview_facts(source: SourceOverview) -> list[Fact]:
    """Gives the facts of a source, the most general first."""
    found = [Fact("rows", _rows(source))]
    if source.schema:
        found.append(Fact("columns", ", ".join(f"{part}: {column}" for part, column in source.schema.items())))
    found.append(Fact("kinds", ", ".join(f"{_share(share)} {kind}" for kind, share in source.kinds.items() if share)))
    if source.captions_a_row and source.words:
        found.append(Fact("captions", _captions(source.captions_a_row, source.words)))
    if source.classes:
        found += _class_facts(source.classes)
    if source.labels:
        found += _label_facts(source.labels)
    for title, repeats in (
        ("repeated captions", source.repeated_captions),
        ("repeated images", source.repeated_images),
    ):
        if repeats.values:
            found.append(Fact(title, _repeats(repeats)))
    if source.widths and source.heights:
        formats = ", ".join(f"{_share(share)} {name}" for name, share in source.formats.items())
        found.append(Fact("images", f"{formats}; width {_pixels(source.widths)}; height {_pixels(source.heights)}"))
    if source.not_english:
        found.append(
            Fact("not English", f"{_share(source.not_english)} of the captions that tell: {_listed(source.foreign)}")
        )
    for each in source.bad:
        named = "; ".join(f"{key}: {detail}" for key, detail in each.first)
        found.append(Fact("bad", f"{_number(each.count, 'row', 'rows')}, {each.reason}: {cut(named, 3 * _LONGEST)}"))
    return [fact for fact in found if fact.text]


def overview_findings(source: SourceOverview) -> list[str]:
    """Gives what to look at before training, in whole sentences; nothing if nothing is notable."""
    return [finding if finding.endswith("...") else f"{finding}." for finding in _findings(source)]


def cut(text: str, length: int = _LONGEST) -> str:
    """Cuts a long text."""
    return text if len(text) <= length else text[: length - 3] + "..."


def _findings(source: SourceOverview) -> Iterator[str]:
    bad = source.bad_rows / max(source.rows_read, 1)
    if bad > BAD_LIMIT:
        yield f"{_share(bad)} of the rows are bad. Training stops past {_share(BAD_LIMIT)}"
    if source.kinds["neither"]:
        yield f"{_share(source.kinds['neither'])} of the rows have neither a caption nor a class"
    if source.blank_captions:
        yield f"{_number(source.blank_captions, 'caption has', 'captions have')} no text"
    if source.not_english >= NOTABLE:
        yield f"{_share(source.not_english)} of the captions are not English. Labels are found in English only"
    if source.classes:
        yield from _class_findings(source.classes)
    if source.labels:
        yield from _label_findings(source.labels)
    for what, repeats in (("captions", source.repeated_captions), ("images", source.repeated_images)):
        if repeats.repeated >= NOTABLE * max(repeats.values, 1):
            yield f"{_share(repeats.repeated / repeats.values)} of the {what} occurred before"


def _class_findings(classes: ClassCounts) -> Iterator[str]:
    for group in classes.alike[:_LISTED]:
        yield f"Class names that differ only in case or spacing: {_listed(map(repr, group), len(group))}"
    if len(classes.alike) > _LISTED:
        yield f"{len(classes.alike) - _LISTED:,} more groups of class names differ only in case or spacing"
    if classes.empty and classes.exact:
        named = _listed(classes.first_empty, classes.empty)
        yield f"{_number(classes.empty, 'class has', 'classes have')} no row: {named}"
    if classes.number == 1:
        yield "There is one class alone, so labels tell no rows apart"


def _label_findings(labels: LabelCoverage) -> Iterator[str]:
    if labels.captions is not None and labels.captions < FEW_LABELLED:
        few = f"Only {_share(labels.captions)}" if labels.captions else "None"
        yield f"{few} of the captions have a label: {labels.vocabulary}"
    frequent = [f"{name} {_share(share)}" for name, share in labels.frequent if share >= FREQUENT]
    if frequent:
        yield f"A label of half of the captions or more tells little: {', '.join(frequent)}"
    if labels.unmapped and labels.classes is not None:
        share = 1 - labels.classes
        yield f"{_share(share)} of the classes mean no label: {_listed(labels.unmapped, len(labels.unmapped))}"


def _rows(source: SourceOverview) -> str:
    read = "all were read" if source.rows_read >= source.rows else f"{source.rows_read:,} of them were read"
    return f"{source.rows:,}, {read}" + (f", {source.bad_rows:,} are bad" if source.bad_rows else "")


def _captions(a_row: Spread, words: Spread) -> str:
    return f"{_mean(a_row)} a row{_range(a_row)}; {_mean(words)} words{_range(words)}"


def _class_facts(classes: ClassCounts) -> Iterator[Fact]:
    text = f"{classes.number:,}" if classes.exact else f"{classes.number:,}, counted in the rows that were read"
    if classes.empty:
        text += f"; {classes.empty:,} {'have no row' if classes.exact else 'are not among them'}"
    yield Fact("classes", text)
    yield Fact("largest", _listed(f"{cut(shown_class(name))} {count:,}" for name, count in classes.largest))
    yield Fact("smallest", _listed(f"{cut(shown_class(name))} {count:,}" for name, count in classes.smallest))


def _label_facts(labels: LabelCoverage) -> Iterator[Fact]:
    if labels.captions is not None:
        yield Fact(
            "labels", f"{_share(labels.captions)} of the captions have one of {labels.number:,}: {labels.vocabulary}"
        )
    if labels.classes is not None:
        yield Fact("mapped", f"{_share(labels.classes)} of the classes mean a label")
    yield Fact("most frequent", _listed(f"{name} {_share(share)}" for name, share in labels.frequent))


def _repeats(repeats: Repeats) -> str:
    most = [f"{cut(name)!r} {count:,}" for name, count in repeats.most] if repeats.exact else []
    about = "" if repeats.exact else "about "
    share = _share(repeats.repeated / repeats.values)
    return f"{about}{repeats.repeated:,} of {repeats.values:,} ({share})" + (f": {_listed(most)}" if most else "")


def _pixels(lengths: Spread) -> str:
    same = lengths.smallest == lengths.largest
    return (
        f"{lengths.smallest:,}" if same else f"{lengths.smallest:,} to {lengths.largest:,}, median {lengths.median:,}"
    )


def _mean(spread: Spread) -> str:
    return f"{spread.mean:.1f}" if spread.smallest < spread.largest else f"{spread.smallest:,}"


def _range(spread: Spread) -> str:
    if spread.smallest == spread.largest:
        return ""
    return f" ({spread.smallest:,} to {spread.largest:,}, median {spread.median:,})"


def _share(share: float) -> str:
    """Shows a share in percent; one that is not 0 never looks like 0, and one below 100 % never like 100 %."""
    percent = 100 * share
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.0f} %" if percent == round(percent) else f"{percent:.1f} %"


def _number(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"


def _listed(names: Iterable[str], total: int = 0) -> str:
    """Lists the first names. The list ends in an ellipsis if there are more of ``total``."""
    every: Sequence[str] = [cut(name) for name in names][:_LISTED]
    return ", ".join(every) + (", ..." if len(every) < total else "")
