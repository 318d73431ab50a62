"""Captions to sets of labels."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unicl.labels.column_labeler import ColumnLabeler
from unicl.labels.explanation import Explanation, explain
from unicl.labels.filters import Judged, LabelFilters, as_row_ids
from unicl.labels.frequency import DocumentFrequency, is_share
from unicl.labels.hierarchy import Ancestors, lineage, one_for_each
from unicl.labels.label_sets import LabelSets
from unicl.labels.mapper import LabelMapper
from unicl.labels.mentions import Mentions, Said, find_mentions, sets_of
from unicl.labels.relevance import RelevanceFilter
from unicl.labels.vocabulary import LabelVocabulary
from unicl.phrases import PosTagger, english_tagger, find_noun_phrases
from unicl.text import Captions


class DenseLabeler:
    """Gives captions the labels that their noun phrases mean.

    Noun phrases (:func:`unicl.phrases.find_noun_phrases`) are mapped to labels (:class:`LabelMapper`); a caption has
    the set of them. Labels that are too rare or too frequent to teach anything can be left out, and so can those that
    the caption only says in passing, or that are not to be seen in its image. The filters are asked in the order of the
    arguments.

    Taking labels from captions goes beyond the paper (Yang et al., Unified Contrastive Learning in Image-Text-Label
    Space, CVPR 2022, arXiv 2204.03610), which gives every caption a label of its own and counts noun phrases only to
    describe its data.

    Args:
        vocabulary: The labels.
        mode: How phrases are mapped; see :class:`LabelMapper`.
        kept: Which labels may be given; a phrase that means another gets its nearest ancestor that may.
        fuzzy_threshold: The least similarity of a misspelt word; None: none is corrected.
        tagger: The tagger; None for the package's own weights.
        grammar: The noun-phrase grammar; None for that of :func:`unicl.phrases.find_noun_phrases`.
        min_document_frequency: Leave out labels of fewer captions. An int is a number of captions, a float a share in
            [0, 1].
        max_document_frequency: Leave out labels of more captions, likewise.
        ancestors: What becomes of the more general labels that the vocabulary names as parents.

            "roll_up": a label of fewer captions than ``min_document_frequency`` gives way to the nearest of its
            ancestors that is within the limits, and is left out where none is. Counted are, for the limits and for
            ``balance``, the captions that say a label themselves, not those of labels that give way to it. So the
            labels that stay are the same as without, and each has as many captions as the limit asks for, or more; it
            may get beyond the maximum. Siblings that are all too rare go if their parent is.

            "add": a caption has all ancestors of its labels too, of those that may be given. A label's captions are
            then those that say it or anything below it, its phrases likewise, and the filters treat it as any other.
            What a filter leaves out does not take its ancestors along.

            None: a label is what the phrase says, and nothing else.
        balance: Keep a label of a caption with the probability min(1, balance / its number of captions), so that no
            label has many more than this, but for captions that roll up to it; MetaCLIP's t (see
            :func:`unicl.labels.filters.drawn_to_balance`).
        seed: Of the draws for ``balance``; they depend on it, on the row id and on the label alone.
        frequency_of: Where a label's captions are counted: "captions" are those of the call, "vocabulary" those that
            the vocabulary was mined from (limits as ints only), or what :meth:`count` gave, for data that comes in
            batches.
        min_count_in_caption: Leave out labels that fewer noun phrases of the caption mean.
        relevance: Leave out labels that are not to be seen in the image; calls then need ``images``.

    Raises:
        ValueError: Another mode, a limit is out of range, the vocabulary has no counts or no parents where they are
            asked for, or the counts are of another vocabulary.

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
        ancestors: Ancestors | None = None,
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
        self.ancestors = ancestors
        self.lineage = self._checked_lineage()

    def _checked_lineage(self) -> LabelSets | None:
        """For "add", every label with its ancestors."""
        if self.ancestors not in (None, "roll_up", "add"):
            raise ValueError(f'expected ancestors "roll_up", "add" or None; got {self.ancestors!r}')
        if self.ancestors is None:
            return None
        if not (self.vocabulary.parents >= 0).any():
            raise ValueError(f'ancestors="{self.ancestors}" needs a vocabulary with parents; no label of it has one')
        if self.ancestors == "add":
            above = lineage(self.vocabulary.parents)
            return above if self.mapper.kept is None else above.keep(self.mapper.kept)
        if self.filters.min_document_frequency == 0:
            raise ValueError(
                'ancestors="roll_up" is for labels of fewer captions than min_document_frequency, which is 0'
            )
        return None

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
            raise ValueError(
                'frequency_of="vocabulary" needs a vocabulary with counts: one of LabelVocabulary.mine, or what '
                "unicl label wrote if it counted"
            )
        # How many captions there were is not known: a share of them is none, or all.
        for limit, allowed in ((self.filters.min_document_frequency, 0.0), (self.filters.max_document_frequency, 1.0)):
            if is_share(limit) and limit != allowed:
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
        self._check_images(images)
        if self.filters.need_mentions:
            found = find_noun_phrases(captions, tagger=self.tagger, grammar=self.grammar, threads=threads)
            mentions = find_mentions(found, self.mapper, threads=threads)
            judged = self.judge(mentions, images=images, row_ids=row_ids)
        else:
            judged = self.judge(self._labels(captions, threads), row_ids=row_ids)
        return judged.kept(weigh=self.filters.weigh)

    def count(self, captions: Captions, *, threads: int | None = None) -> DocumentFrequency:
        """In how many captions each label occurs, before any filter: what ``frequency_of`` takes.

        With ``ancestors="add"`` a label occurs where anything below it does.

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
        sets = self._with_ancestors(self._labels(captions, threads))
        return DocumentFrequency.of(sets, num_labels=len(self.vocabulary))

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

    def judge(self, said: Said, *, images: Any = None, row_ids: ArrayLike | None = None) -> Judged:
        """What becomes of the labels that captions say: the second half of a call, for who has made the first.

        Args:
            said: The labels of the captions by ``mapper``, or where a filter looks at phrases
                (``filters.need_mentions``) their mentions, of :func:`unicl.labels.mentions.find_mentions`.
            images: As in a call.
            row_ids: As in a call.

        Raises:
            TypeError: A filter looks at phrases, and there are labels alone; or as in a call.
            ValueError: As in a call.
        """
        self._check_images(images)
        if self.filters.need_mentions and not isinstance(said, Mentions):
            raise TypeError(f"the filters look at phrases; expected Mentions, of find_mentions; got {said!r}")
        said = self._with_ancestors(said)
        frequency = self.frequency
        if frequency is None and self.filters.need_frequency:
            frequency = DocumentFrequency.of(sets_of(said), num_labels=len(self.vocabulary))
        said, rolled_up = self._rolled_up(said, frequency)
        verdicts, scores = self._verdicts(said, frequency, images, as_row_ids(row_ids, len(sets_of(said))))
        return Judged(sets_of(said), verdicts, scores, rolled_up)

    def heirs(self, frequency: DocumentFrequency) -> NDArray[np.int32]:
        """int32 (number of labels,): what each label becomes when rare labels roll up; itself where it does not."""
        least, most = self.filters.limits(frequency.num_captions)
        is_within = (frequency.counts >= least) & (frequency.counts <= most)
        if self.mapper.kept is not None:
            is_within &= self.mapper.kept
        nearest = self.vocabulary._native.nearest_kept(is_within)
        return np.where((frequency.counts < least) & (nearest >= 0), nearest, np.arange(len(nearest), dtype=np.int32))

    def explain(self, caption: str, *, image: Any = None, row_id: int | None = None) -> list[Explanation]:
        """The noun phrases of one caption, in order, with the label of each or the reason why it has none.

        A filter is asked where what it needs is known: the document frequency where ``frequency_of`` names counts,
        ``balance`` where there is a ``row_id`` too, relevance where there is an ``image``.

        Example:
            >>> vocabulary = LabelVocabulary.from_names(["dog", "border collie"], parents={"border collie": "dog"})
            >>> counts = DocumentFrequency(counts=np.array([90, 3]), num_captions=100)
            >>> labeler = DenseLabeler(vocabulary, min_document_frequency=5, ancestors="roll_up", frequency_of=counts)
            >>> row = labeler.explain("a border collie")[0]
            >>> row.label, row.rolled_up
            ('dog', "'border collie' is in 3 captions, fewer than 5")
        """
        found = find_noun_phrases([caption], tagger=self.tagger, grammar=self.grammar, threads=1)
        said = self._with_ancestors(find_mentions(found, self.mapper, threads=1))
        said, _ = self._rolled_up(said, self.frequency)
        ids = None if row_id is None else as_row_ids([row_id], 1)
        verdicts, scores = self._verdicts(said, self.frequency, None if image is None else [image], ids)
        return explain(self, caption, said, verdicts, scores)

    def _check_images(self, images: Any) -> None:
        if self.filters.relevance is not None and images is None:
            raise TypeError("the relevance filter looks at images; pass images= with one for each caption")
        if self.filters.relevance is None and images is not None:
            raise TypeError("images are looked at by a relevance filter only; give the labeler one with relevance=")

    def _labels(self, captions: Captions, threads: int | None) -> LabelSets:
        indices, offsets = self.vocabulary._native.label(
            captions, self.tagger._native, self.grammar, threads, self.mapper
        )
        return LabelSets(indices=indices, offsets=offsets)

    def _with_ancestors(self, said: Said) -> Said:
        return said if self.lineage is None else said.replaced(self.lineage)

    def _rolled_up(self, said: Said, frequency: DocumentFrequency | None) -> tuple[Said, NDArray[np.int64]]:
        """The labels with ancestors in the place of rare ones, and how many gave way in each caption."""
        sets = sets_of(said)
        if self.ancestors != "roll_up" or frequency is None:
            return said, np.zeros(len(sets), np.int64)
        heirs = self.heirs(frequency)
        rows = sets.rows()[heirs[sets.indices] != sets.indices]
        return (said.replaced(one_for_each(heirs)) if len(rows) else said), np.bincount(rows, minlength=len(sets))

    def _verdicts(
        self,
        said: LabelSets | Mentions,
        frequency: DocumentFrequency | None,
        images: Any,
        row_ids: NDArray[np.int64] | None,
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """What the filters say for which there is what they need, and the relevance scores that led to it."""
        sets = sets_of(said)
        verdicts = np.zeros(len(sets.indices), np.uint8)
        if self.filters.need_frequency and frequency is not None:
            verdicts = self.filters.by_frequency(sets, frequency, row_ids)
        if isinstance(said, Mentions):
            return self.filters.by_mentions(said, verdicts, images)
        return verdicts, np.full(len(verdicts), np.nan)
