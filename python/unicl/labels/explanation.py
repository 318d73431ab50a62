"""Explains the noun phrases of one caption: the label of each, or the reason why it has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unicl.labels.filters import Verdict
from unicl.labels.rule import Rule

if TYPE_CHECKING:
    from unicl.labels.filters import FilteredLabels, LabelFilters
    from unicl.labels.found_labels import FoundLabels
    from unicl.labels.frequency import DocumentFrequency
    from unicl.labels.hierarchy import Ancestors
    from unicl.labels.mapper import LabelMapper

CONTEXT = {
    Rule.ABSENT: 'it is not there, as in "no dogs"',
    Rule.POSSESSOR: 'it tells whose a thing is, as in "women\'s shoes"',
    Rule.MEASURE: 'it tells how many there are, as in "a couple of zebras"',
    Rule.LIKENESS: 'it is a likeness, as in "a statue of a horse"',
    Rule.PURPOSE: 'it tells for whom or what a thing is, as in "shoes for women"',
    Rule.ACCESSORY: 'it tells which thing an accessory fits, as in "iPhone 5 case"',
    Rule.PROPER_NAME: 'it is a proper name, as in "the Bulldogs"',
    Rule.CREDIT: 'it tells who made what is shown, as in "by Various Artists"',
    Rule.COLOUR: 'it is a colour, as in "a man in orange"',
    Rule.QUOTED: "it stands in quotation marks, as a title does",
    Rule.TITLE: 'it is a person in a title or in advice, as in "Autodesk Certified Instructor"',
}
"""Why the rules of context take a label away."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A noun phrase of a caption, and its label or the reason why it has none.

    Attributes:
        phrase: The phrase, lower-cased.
        start: Its first character in the caption.
        end: The character after its last.
        lemma: The phrase without determiners, its head noun in the singular.
        rule: The rule that gave it a label or took one away.
        score: The share of its words that the label accounts for.
        label: The name of its label; None for none.
        label_id: The id of its label; -1 for none.
        count: How many noun phrases of the caption have that label, before the filters; 0 if it means none.
        relevance: The highest score of the phrases with its label for the image; None if it was not scored.
        dropped: Why it has no label; None if it has one.
        rolled_up: Why an ancestor stands in the place of its label; None if none does.
        ancestors: The names of the labels above its own that the caption has because of it, the nearest first.
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


@dataclass(frozen=True, kw_only=True)
class Explainer:
    """Explains captions by the settings of a labeler.

    Attributes:
        mapper: Maps phrases to labels.
        filters: The filters.
        ancestors: The use of parents.
        frequency: The counts that the filters use; None if they are not known.
    """

    mapper: LabelMapper
    filters: LabelFilters
    ancestors: Ancestors | None
    frequency: DocumentFrequency | None

    def explain(self, found: FoundLabels, filtered: FilteredLabels) -> list[Explanation]:
        """Explains the noun phrases of one caption, in order.

        Args:
            found: The labels of the caption, after ancestors were added or rare labels rolled up, with the lemmas of
                the phrases.
            filtered: The verdicts on these labels.
        """
        phrases, meanings = found.phrases, found.meanings
        if phrases is None or meanings is None or phrases.texts is None or phrases.lemmas is None:
            raise TypeError(
                'expected labels with the lemmas of their phrases; got fewer: pass phrases="lemma" to find()'
            )
        names = self.mapper.vocabulary.names
        places = {label: place for place, label in enumerate(filtered.sets.indices.tolist())}
        rows = []
        columns = (
            phrases.texts.to_list(),
            phrases.lemmas.to_list(),
            phrases.ids.tolist(),
            phrases.scores.tolist(),
            phrases.rules.tolist(),
            np.asarray(phrases.spans).tolist(),
        )
        for at, (text, lemma, meant, score, rule, (start, end)) in enumerate(zip(*columns, strict=True)):
            label = int(meanings[at][0]) if self.ancestors == "roll_up" and meant >= 0 else meant
            place = places.get(label)
            count, relevance = 0, None
            if place is None:
                dropped: str | None = self._without_label(text, lemma, Rule(rule))
            else:
                count, relevance = int(found.counts[place]), _number(filtered.scores[place])
                dropped = self._reason(names[label], Verdict(filtered.verdicts[place]), count, relevance)
            rows.append(
                Explanation(
                    phrase=text,
                    start=start,
                    end=end,
                    lemma=lemma,
                    rule=Rule(rule),
                    score=score,
                    label=None if dropped else names[label],
                    label_id=-1 if dropped else label,
                    count=count,
                    relevance=relevance,
                    dropped=dropped,
                    rolled_up=self._roll_up(meant) if label != meant else None,
                    ancestors=tuple(
                        names[above]
                        for above in self._above(meant)
                        if above in places and filtered.verdicts[places[above]] == Verdict.KEPT
                    ),
                )
            )
        return rows

    def _above(self, label: int) -> list[int]:
        """The ancestors that come with a label, the nearest first."""
        parents, above = self.mapper.vocabulary.parents, []
        while self.ancestors == "add" and label >= 0 and (label := int(parents[label])) >= 0:
            above.append(label)
        return above

    def _roll_up(self, label: int) -> str | None:
        """Why a label rolled up."""
        if self.frequency is None:
            return None
        least, _ = self.filters.as_counts(self.frequency.num_captions)
        name, count = self.mapper.vocabulary.names[label], self.frequency.counts[label]
        return f"{name!r} is in {count} captions, fewer than {least}"

    def _without_label(self, text: str, lemma: str, rule: Rule) -> str:
        """Why a phrase means no label."""
        if rule in CONTEXT:
            [alone] = self.mapper.map([text]).ids
            means = f"; alone it means {self.mapper.vocabulary.names[alone]!r}" if alone >= 0 else ""
            return CONTEXT[rule] + means
        if not lemma:
            return "it has no word besides determiners"
        words = lemma.split()
        ends = {" ".join(words[start:]) for start in range(len(words))}
        blocked = next((text for text in self.mapper.vocabulary.blocked if text in ends), None)
        if blocked is not None:
            return f"it ends in {blocked!r}, which means no label"
        return f"its head noun means no {'label' if self.mapper.kept is None else 'label that is kept'}"

    def _reason(self, name: str, verdict: Verdict, count: int, relevance: float | None) -> str | None:
        """Which filter removed a label, if one did."""
        filters = self.filters
        if verdict == Verdict.FREQUENCY:
            return f"the document frequency of {name!r} is outside the limits"
        if verdict == Verdict.BALANCE:
            return f"{name!r} was not drawn for this row, to balance it down to {filters.balance} captions"
        if verdict == Verdict.COUNT:
            return f"{name!r} occurs {count} time(s) in the caption, fewer than {filters.min_count_in_caption}"
        if verdict == Verdict.RELEVANCE and filters.relevance is not None:
            return f"{name!r} scores {relevance:.2f} for the image, not above {filters.relevance.score_above}"
        return None


def _number(score: float) -> float | None:
    return None if np.isnan(score) else float(score)
