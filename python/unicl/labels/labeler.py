"""Captions to sets of labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unicl.labels.column_labeler import ColumnLabeler
from unicl.labels.filters import DocumentFrequency, LabelFilters, Verdict, as_row_ids
from unicl.labels.label_sets import LabelSets
from unicl.labels.mapper import LabelMapper, Rule
from unicl.labels.mentions import Mentions, find_mentions
from unicl.labels.relevance import RelevanceFilter
from unicl.labels.vocabulary import LabelVocabulary
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
        count: How many noun phrases of the caption mean what it means; 0 where it means no label.
        relevance: The highest score that a phrase with its label got for the image; None where none was asked for.
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
    count: int
    relevance: float | None
    dropped: str | None


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


class DenseLabeler:
    """Gives captions the labels that their noun phrases mean.

    Noun phrases (:func:`unicl.text.find_noun_phrases`) are mapped to labels (:class:`LabelMapper`); a caption has the
    set of them. Labels that are too rare or too frequent to teach anything can be left out, and so can those that the
    caption only says in passing, or that are not to be seen in its image. The filters are asked in the order of the
    arguments.

    Taking labels from captions goes beyond the paper (Yang et al., Unified Contrastive Learning in Image-Text-Label
    Space, CVPR 2022, arXiv 2204.03610), which gives every caption a label of its own and counts noun phrases only to
    describe its data.

    Args:
        vocabulary: The labels.
        mode: How phrases are mapped; see :class:`LabelMapper`.
        kept: Which labels may be given; a phrase that means another gets its nearest ancestor that may. To give rare
            labels up for their parents, pass ``labeler.count(captions).counts >= least`` of a labeler without it.
        fuzzy_threshold: The least similarity of a misspelt word; None: none is corrected.
        tagger: The tagger; None for the package's own weights.
        grammar: The noun-phrase grammar; None for that of :func:`unicl.text.find_noun_phrases`.
        min_document_frequency: Leave out labels of fewer captions. An int is a number of captions, a float a share in
            [0, 1].
        max_document_frequency: Leave out labels of more captions, likewise.
        balance: Keep a label of a caption with the probability min(1, balance / its number of captions), so that no
            label has many more than this; MetaCLIP's t (see :func:`unicl.labels.filters.drawn_to_balance`).
        seed: Of the draws for ``balance``; they depend on it, on the row id and on the label alone.
        frequency_of: Where a label's captions are counted: "captions" are those of the call, "vocabulary" those that
            the vocabulary was mined from (limits as ints only), or what :meth:`count` gave, for data that comes in
            batches.
        min_count_in_caption: Leave out labels that fewer noun phrases of the caption mean.
        relevance: Leave out labels that are not to be seen in the image; calls then need ``images``.

    Raises:
        ValueError: Another mode, a limit is out of range, the vocabulary has no counts, or the counts are of another
            vocabulary.

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
        kept: ArrayLike | None = None,
        fuzzy_threshold: float | None = None,
        tagger: PosTagger | None = None,
        grammar: str | None = None,
        min_document_frequency: float = 0,
        max_document_frequency: float = 1.0,
        balance: int | None = None,
        seed: int = 0,
        frequency_of: Literal["captions", "vocabulary"] | DocumentFrequency = "captions",
        min_count_in_caption: int = 1,
        relevance: RelevanceFilter | None = None,
    ) -> None:
        self.mapper = LabelMapper(vocabulary, mode=mode, kept=kept, fuzzy_threshold=fuzzy_threshold)
        self.vocabulary = vocabulary
        self.tagger = english_tagger() if tagger is None else tagger
        self.grammar = grammar
        if grammar is not None:
            find_noun_phrases("", tagger=self.tagger, grammar=grammar)  # a grammar with a mistake is refused here
        self.filters = LabelFilters(
            min_document_frequency=min_document_frequency,
            max_document_frequency=max_document_frequency,
            balance=balance,
            seed=seed,
            min_count_in_caption=min_count_in_caption,
            relevance=relevance,
        )
        self.frequency = self._known_frequency(frequency_of)

    def _known_frequency(self, frequency_of: object) -> DocumentFrequency | None:
        """The counts that are known before a call; None where those of the call count."""
        num_labels = len(self.vocabulary)
        if isinstance(frequency_of, DocumentFrequency):
            if len(frequency_of.counts) != num_labels:
                raise ValueError(
                    f"expected the counts of the vocabulary's {num_labels} labels; got {len(frequency_of.counts)}"
                )
            return frequency_of
        if frequency_of == "captions":
            return None
        if frequency_of != "vocabulary":
            raise ValueError(
                f'expected frequency_of "captions" or "vocabulary", or a DocumentFrequency; got {frequency_of!r}'
            )
        counts = self.vocabulary.document_frequency
        if counts is None:
            raise ValueError('frequency_of="vocabulary" needs a vocabulary with counts: one of LabelVocabulary.mine')
        for limit in (self.filters.min_document_frequency, self.filters.max_document_frequency):
            if isinstance(limit, float) and limit not in (0.0, 1.0):
                raise ValueError(f'with frequency_of="vocabulary", give limits as numbers of captions; got {limit}')
        return DocumentFrequency(counts=counts, num_captions=int(counts.max(initial=0)))

    def __call__(
        self, captions: Captions, *, images: Any = None, row_ids: ArrayLike | None = None, threads: int | None = None
    ) -> LabelSets:
        """The labels of captions.

        Args:
            captions: A batch of captions, or an Arrow column.
            images: For the relevance filter: an image for each caption, in whatever form its scorer takes.
            row_ids: For ``balance``: an integer for each caption that tells the rows of the data set apart; None:
                0, 1, ..., right where one call has all captions.
            threads: How many threads to use; None for all cores.

        Returns:
            A row for each caption, its labels ascending; with weights only if the relevance filter weighs.

        Raises:
            TypeError: ``captions`` is one str, or has a row that is not a string; images are missing, or given to a
                labeler without a relevance filter.
            ValueError: Images, row ids or relevance scores are not as many as captions, or a score is not in [0, 1].
        """
        if isinstance(captions, str):
            raise TypeError("expected a batch of captions; got one str (explain() takes one)")
        relevance = self.filters.relevance
        if relevance is not None and images is None:
            raise TypeError("the relevance filter looks at images; pass images= with one for each caption")
        if relevance is None and images is not None:
            raise TypeError("images are looked at by a relevance filter only; give the labeler one with relevance=")
        mentions = self._mentions(captions, threads) if self.filters.need_mentions else None
        sets = self._labels(captions, threads) if mentions is None else mentions.sets
        ids = as_row_ids(row_ids, len(sets))
        verdicts = self._by_frequency(sets, ids)
        if mentions is None:
            return sets if not verdicts.any() else sets.keep_entries(verdicts == Verdict.KEPT)
        verdicts, scores = self.filters.by_mentions(mentions, verdicts, images)
        kept = sets.keep_entries(verdicts == Verdict.KEPT)
        if relevance is None or not relevance.weigh:
            return kept
        weights = scores[verdicts == Verdict.KEPT].astype(np.float32)
        return LabelSets(indices=kept.indices, offsets=kept.offsets, weights=weights)

    def count(self, captions: Captions, *, threads: int | None = None) -> DocumentFrequency:
        """In how many captions each label occurs, before any filter: what ``frequency_of`` takes.

        Example:
            >>> vocabulary = LabelVocabulary.from_names(["dog", "ball"])
            >>> batches = [["a dog", "two dogs"], ["a ball", "a dog"]]
            >>> first, second = (DenseLabeler(vocabulary).count(batch) for batch in batches)
            >>> labeler = DenseLabeler(vocabulary, min_document_frequency=0.5, frequency_of=first + second)
            >>> [labeler(batch).to_list() for batch in batches]
            [[[0], [0]], [[], [0]]]
        """
        if isinstance(captions, str):
            raise TypeError("expected a batch of captions; got one str")
        return DocumentFrequency.of(self._labels(captions, threads), num_labels=len(self.vocabulary))

    def on_column(
        self, column: str = "caption", *, image_column: str | None = None, threads: int | None = 1
    ) -> ColumnLabeler:
        """The labeler as a function for ``Dataset.map(batched=True)`` of HF datasets.

        Args:
            column: The column with the captions.
            image_column: The column with the images, for the relevance filter.
            threads: How many threads to use in each process; None for all cores.

        Raises:
            ValueError: The labeler would count the captions of each batch by itself.

        Example:
            >>> label = DenseLabeler(LabelVocabulary.from_names(["dog", "ball"])).on_column("text")
            >>> [row.tolist() for row in label({"text": ["a dog with a ball", "nothing"]})["labels"]]
            [[0, 1], []]
        """
        return ColumnLabeler(labeler=self, column=column, image_column=image_column, threads=threads)

    def _labels(self, captions: Captions, threads: int | None) -> LabelSets:
        indices, offsets = self.vocabulary._native.label(
            captions, self.tagger._native, self.grammar, threads, self.mapper
        )
        return LabelSets(indices=indices, offsets=offsets)

    def _mentions(self, captions: Captions, threads: int | None) -> Mentions:
        found = find_noun_phrases(captions, tagger=self.tagger, grammar=self.grammar, threads=threads)
        return find_mentions(found, self.mapper, threads=threads)

    def _by_frequency(self, sets: LabelSets, row_ids: NDArray[np.int64] | None) -> NDArray[np.uint8]:
        if not self.filters.need_frequency:
            return np.zeros(len(sets.indices), np.uint8)
        frequency = self.frequency
        if frequency is None:
            frequency = DocumentFrequency.of(sets, num_labels=len(self.vocabulary))
        return self.filters.by_frequency(sets, frequency, row_ids)

    def explain(self, caption: str, *, image: Any = None, row_id: int | None = None) -> list[Explanation]:
        """The noun phrases of one caption, in order, with the label of each or the reason why it has none.

        A filter is asked where what it needs is known: the document frequency where ``frequency_of`` names counts,
        ``balance`` where there is a ``row_id`` too, relevance where there is an ``image``.
        """
        mentions = self._mentions([caption], threads=1)
        ids = None if row_id is None else as_row_ids([row_id], 1)
        verdicts = np.zeros(len(mentions.counts), np.uint8)
        if self.frequency is not None:
            verdicts = self._by_frequency(mentions.sets, ids)
        verdicts, scores = self.filters.by_mentions(mentions, verdicts, None if image is None else [image])
        entries = {
            label: (Verdict(verdict), count, None if np.isnan(score) else score)
            for label, verdict, count, score in zip(
                *(array.tolist() for array in (mentions.sets.indices, verdicts, mentions.counts, scores)), strict=True
            )
        }
        rows = []
        for start, end, phrase, lemma, found, score, rule in self.vocabulary._native.explain(
            caption, self.tagger._native, self.grammar, self.mapper
        ):
            verdict, count, relevance = entries.get(found, (Verdict.KEPT, 0, None))
            dropped = self._reason(verdict, found, count, relevance) if found >= 0 else None
            if found < 0:
                dropped = _without_label(lemma, self.mapper)
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
                    count=count,
                    relevance=relevance,
                    dropped=dropped,
                )
            )
        return rows

    def _reason(self, verdict: Verdict, label: int, count: int, relevance: float | None) -> str | None:
        name = self.vocabulary.names[label]
        if verdict == Verdict.FREQUENCY:
            return f"the document frequency of {name!r} is outside the limits"
        if verdict == Verdict.BALANCE:
            return f"{name!r} was not drawn for this row, to balance it down to {self.filters.balance} captions"
        if verdict == Verdict.COUNT:
            least = self.filters.min_count_in_caption
            return f"{name!r} occurs {count} time(s) in the caption, fewer than {least}"
        if verdict == Verdict.RELEVANCE and self.filters.relevance is not None:
            return f"{name!r} scores {relevance:.2f} for the image, not above {self.filters.relevance.score_above}"
        return None
