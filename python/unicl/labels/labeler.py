"""Captions to sets of labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unicl.labels.label_sets import LabelSets
from unicl.labels.mapper import LabelMapper, Rule
from unicl.labels.vocabulary import LabelVocabulary, as_count
from unicl.text import PosTagger, find_noun_phrases
from unicl.text.captions import Captions
from unicl.text.tagging import english_tagger


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
        dropped: Why it has no label; None where it has one.
    """

    phrase: str
    start: int
    end: int
    lemma: str
    rule: Rule
    score: float
    label: str | None
    label_id: int
    dropped: str | None


class DenseLabeler:
    """Gives captions the labels that their noun phrases mean.

    Noun phrases (:func:`unicl.text.find_noun_phrases`) are mapped to labels (:class:`LabelMapper`); a caption has the
    set of them. Labels that are too rare or too frequent to teach anything can be left out.

    Taking labels from captions goes beyond the paper (Yang et al., Unified Contrastive Learning in Image-Text-Label
    Space, CVPR 2022, arXiv 2204.03610), which gives every caption a label of its own and counts noun phrases only to
    describe its data.

    Args:
        vocabulary: The labels.
        mode: How phrases are mapped; see :class:`LabelMapper`.
        tagger: The tagger; None for the package's own weights.
        grammar: The noun-phrase grammar; None for that of :func:`unicl.text.find_noun_phrases`.
        min_document_frequency: Leave out labels of fewer captions. An int is a number of captions, a float a share in
            [0, 1].
        max_document_frequency: Leave out labels of more captions, likewise.
        frequency_of: Where a label's captions are counted: "captions" are those of the call, "vocabulary" those that
            the vocabulary was mined from (an int only).

    Raises:
        NotImplementedError: ``mode="argmax"``.
        ValueError: A limit is out of range, or the vocabulary has no counts.

    Example:
        >>> labeler = DenseLabeler(LabelVocabulary.from_names(["dog", "ball"]))
        >>> labeler(["A dog chases two balls.", "Nothing here", "the dogs"]).to_list()
        [[0, 1], [], [0]]
        >>> row = labeler.explain("a brown dog")[0]
        >>> row.phrase, row.label, row.rule.name
        ('a brown dog', 'dog', 'HEAD_NOUN')
    """

    def __init__(
        self,
        vocabulary: LabelVocabulary,
        *,
        mode: str = "canonical",
        tagger: PosTagger | None = None,
        grammar: str | None = None,
        min_document_frequency: float = 0,
        max_document_frequency: float = 1.0,
        frequency_of: Literal["captions", "vocabulary"] = "captions",
    ) -> None:
        self.mapper = LabelMapper(vocabulary, mode=mode)
        self.vocabulary = vocabulary
        self.tagger = english_tagger() if tagger is None else tagger
        self.grammar = grammar
        if grammar is not None:
            find_noun_phrases("", tagger=self.tagger, grammar=grammar)  # a grammar with a mistake is refused here
        for name, limit in (
            ("min_document_frequency", min_document_frequency),
            ("max_document_frequency", max_document_frequency),
        ):
            as_count(name, limit, 1)
        if frequency_of not in ("captions", "vocabulary"):
            raise ValueError(f'expected frequency_of "captions" or "vocabulary"; got {frequency_of!r}')
        if frequency_of == "vocabulary":
            if vocabulary.document_frequency is None:
                raise ValueError(
                    'frequency_of="vocabulary" needs a vocabulary with counts: one of LabelVocabulary.mine'
                )
            for limit in (min_document_frequency, max_document_frequency):
                if isinstance(limit, float) and limit not in (0.0, 1.0):
                    raise ValueError(f'with frequency_of="vocabulary", give limits as numbers of captions; got {limit}')
        self.min_document_frequency = min_document_frequency
        self.max_document_frequency = max_document_frequency
        self.frequency_of = frequency_of

    def __call__(self, captions: Captions, *, threads: int | None = None) -> LabelSets:
        """The labels of captions.

        Args:
            captions: A batch of captions, or an Arrow column.
            threads: How many threads to use; None for all cores.

        Returns:
            A row for each caption, its labels ascending, without weights.

        Raises:
            TypeError: ``captions`` is one str, or has a row that is not a string.
        """
        if isinstance(captions, str):
            raise TypeError("expected a batch of captions; got one str (explain() takes one)")
        indices, offsets = self.vocabulary._native.label(captions, self.tagger._native, self.grammar, threads)
        sets = LabelSets(indices=indices, offsets=offsets)
        is_kept = self._within_limits(sets.document_frequency(len(self.vocabulary)), len(sets))
        return sets if is_kept is None or bool(is_kept.all()) else sets.keep(is_kept)

    def _within_limits(self, counts: NDArray[np.int64], total: int) -> NDArray[np.bool_] | None:
        """Which labels the limits keep, given their captions in the call; None where no limit is set."""
        least, most = self.min_document_frequency, self.max_document_frequency
        if self.frequency_of == "vocabulary" and self.vocabulary.document_frequency is not None:
            counts = self.vocabulary.document_frequency
            total = int(counts.max(initial=0))
        if least == 0 and isinstance(most, float) and most == 1.0:
            return None
        least, most = (as_count("", limit, total) for limit in (least, most))
        return (counts >= least) & (counts <= most)

    def explain(self, caption: str) -> list[Explanation]:
        """The noun phrases of one caption, in order, with the label of each or the reason why it has none.

        Limits on the document frequency are applied where they do not depend on the captions of a call.
        """
        is_kept = None
        if self.frequency_of == "vocabulary":
            is_kept = self._within_limits(np.empty(0, np.int64), 0)
        native = self.vocabulary._native.explain(caption, self.tagger._native, self.grammar)
        rows = []
        for start, end, phrase, lemma, found, score, rule in native:
            dropped = None
            if found < 0:
                dropped = "its head noun means no label" if lemma else "it has no word besides determiners"
            elif is_kept is not None and not is_kept[found]:
                dropped = f"the document frequency of {self.vocabulary.names[found]!r} is outside the limits"
            rows.append(
                Explanation(
                    phrase=phrase,
                    start=start,
                    end=end,
                    lemma=lemma,
                    rule=Rule(rule),
                    score=score,
                    label=None if dropped else self.vocabulary.names[found],
                    label_id=-1 if dropped else found,
                    dropped=dropped,
                )
            )
        return rows
