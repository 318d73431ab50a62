"""What became of the noun phrases of one caption, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unicl.labels.filters import Verdict
from unicl.labels.mapper import Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unicl.labels.labeler import DenseLabeler
    from unicl.labels.mapper import LabelMapper
    from unicl.labels.mentions import Mentions


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A noun phrase of a caption and what became of it.

    Attributes:
        phrase: The phrase, lower-cased.
        start: The first of its characters in the caption.
        end: The character behind its last.
        lemma: The phrase without determiners, its head noun in the singular.
        rule: The rule that gave it a label.
        score: The share of its words that the label accounts for.
        label: The name of its label; None where it has none.
        label_id: The id of its label; -1 where it has none.
        count: How many noun phrases of the caption have that label, before the filters; 0 where it means none.
        relevance: The highest score that a phrase with its label got for the image; None where none was asked for.
        dropped: Why it has no label; None where it has one.
        rolled_up: Why its label is not the one it means but an ancestor of that; None where it is.
        ancestors: The names of the labels above its own that the caption has on account of it too, the nearest first.
    """

    phrase: str
    start: int
    end: int
    lemma: str
    rule: Rule
    score: float
    label: str | None
    label_id: int
    count: int
    relevance: float | None
    dropped: str | None
    rolled_up: str | None = None
    ancestors: tuple[str, ...] = ()


def explain(
    labeler: DenseLabeler,
    caption: str,
    said: Mentions,
    verdicts: NDArray[np.uint8],
    scores: NDArray[np.float64],
) -> list[Explanation]:
    """The noun phrases of a caption; see :meth:`DenseLabeler.explain`.

    Args:
        labeler: The labeler.
        caption: The caption.
        said: Its labels, rolled up or with their ancestors.
        verdicts: uint8 (places,), what became of each.
        scores: float64 (places,), its relevance; NaN where none was asked for.
    """
    vocabulary, frequency = labeler.vocabulary, labeler.frequency
    heirs = labeler.heirs(frequency) if labeler.ancestors == "roll_up" and frequency is not None else None
    entries = {
        label: (Verdict(verdict), count, None if np.isnan(score) else score)
        for label, verdict, count, score in zip(
            *(array.tolist() for array in (said.sets.indices, verdicts, said.counts, scores)), strict=True
        )
    }
    rows = []
    for start, end, phrase, lemma, found, score, rule in vocabulary._native.explain(
        caption, labeler.tagger._native, labeler.grammar, labeler.mapper
    ):
        label = found if heirs is None or found < 0 else int(heirs[found])
        _, count, relevance = entries.get(label, (Verdict.KEPT, 0, None))
        dropped = _without_label(lemma, labeler.mapper) if label < 0 else _reason(labeler, label, *entries[label])
        rolled_up = None
        if label != found and frequency is not None:
            least, _ = labeler.filters.limits(frequency.num_captions)
            rolled_up = f"{vocabulary.names[found]!r} is in {frequency.counts[found]} captions, fewer than {least}"
        rows.append(
            Explanation(
                phrase=phrase,
                start=start,
                end=end,
                lemma=lemma,
                rule=Rule(rule),
                score=score,
                label=None if dropped else vocabulary.names[label],
                label_id=-1 if dropped else label,
                count=count,
                relevance=relevance,
                dropped=dropped,
                rolled_up=rolled_up,
                ancestors=tuple(
                    vocabulary.names[above]
                    for above in _above(labeler, found)
                    if above in entries and entries[above][0] == Verdict.KEPT
                ),
            )
        )
    return rows


def _above(labeler: DenseLabeler, label: int) -> list[int]:
    """The ancestors that come with a label, the nearest first."""
    above: list[int] = []
    while labeler.ancestors == "add" and label >= 0 and (label := int(labeler.vocabulary.parents[label])) >= 0:
        above.append(label)
    return above


def _without_label(lemma: str, mapper: LabelMapper) -> str:
    """Why a phrase means no label."""
    if not lemma:
        return "it has no word besides determiners"
    words = lemma.split()
    ends = {" ".join(words[start:]) for start in range(len(words))}
    blocked = next((text for text in mapper.vocabulary.blocked if text in ends), None)
    if blocked is not None:
        return f"it ends in {blocked!r}, which means no label"
    return f"its head noun means no {'label' if mapper.kept is None else 'label that is kept'}"


def _reason(labeler: DenseLabeler, label: int, verdict: Verdict, count: int, relevance: float | None) -> str | None:
    """Which filter left a label out, if one did."""
    name, filters = labeler.vocabulary.names[label], labeler.filters
    if verdict == Verdict.FREQUENCY:
        return f"the document frequency of {name!r} is outside the limits"
    if verdict == Verdict.BALANCE:
        return f"{name!r} was not drawn for this row, to balance it down to {filters.balance} captions"
    if verdict == Verdict.COUNT:
        return f"{name!r} occurs {count} time(s) in the caption, fewer than {filters.min_count_in_caption}"
    if verdict == Verdict.RELEVANCE and filters.relevance is not None:
        return f"{name!r} scores {relevance:.2f} for the image, not above {filters.relevance.score_above}"
    return None
