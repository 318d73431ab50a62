"""Labels captions: finds their noun phrases, maps these to labels, and applies the filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from unicl.labels.column_labeler import ColumnLabeler
from unicl.labels.explanation import Explainer, Explanation
from unicl.labels.filters import NO_FILTERS, FilteredLabels, LabelFilters, as_row_ids
from unicl.labels.found_labels import FoundLabels, PhraseDetail
from unicl.labels.frequency import DocumentFrequency, is_share
from unicl.labels.hierarchy import Ancestors, lineage, one_for_each
from unicl.labels.mapper import LabelMapper
from unicl.phrases import english_tagger

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unicl.labels.frequency import FrequencySource
    from unicl.labels.label_sets import LabelSets
    from unicl.labels.mapper import Mode
    from unicl.labels.vocabulary import LabelVocabulary
    from unicl.phrases import PosTagger
    from unicl.text import Captions


class DenseLabeler:
    """Gives captions the labels that their noun phrases mean.

    The labeler finds the noun phrases of a caption (:func:`unicl.phrases.find_noun_phrases`) and maps each to a label
    (:class:`LabelMapper`). A caption has the set of these labels. Filters (:class:`LabelFilters`) can remove
    labels: those that are too rare or too frequent to teach anything, those of few phrases, and those that the image
    does not show.

    Taking labels from captions goes beyond the paper (Yang et al., Unified Contrastive Learning in Image-Text-Label
    Space, CVPR 2022, arXiv 2204.03610). The paper gives every caption a label of its own, and counts noun phrases only
    to describe its data.

    Args:
        vocabulary: The labels.
        filters: The filters; by default every label stays.
        mode: How phrases are mapped; see :class:`LabelMapper`.
        kept: bool (number of labels,), the labels that may be given. A phrase that means another label gets the nearest
            ancestor of it that may be given.
        fuzzy_threshold: The least similarity for the correction of a misspelt word; None: no word is corrected.
        tagger: The tagger; None for the package's own weights.
        grammar: The noun-phrase grammar; None for that of :func:`unicl.phrases.find_noun_phrases`.
        ancestors: The use of the more general labels that the vocabulary names as parents.

            "roll_up": the nearest ancestor within the limits replaces a label of fewer captions than
            ``min_document_frequency``. If there is no such ancestor, the label is removed. The limits and ``balance``
            use the number of captions that mean a label itself, without labels that roll up to it. So the labels that
            stay are the same as without "roll_up". Each has as many captions as the minimum asks for, or more; it can
            exceed the maximum. Siblings that are all too rare are removed if their parent is.

            "add": a caption also has all ancestors of its labels, if they may be given. The captions of a label are
            then those that mean it or anything below it, and so are its phrases. The filters treat an ancestor as any
            other label. If a filter removes a label, its ancestors stay.

            None: a caption has the labels that its phrases mean, and no others.
        frequency_of: The captions in which labels are counted for the filters. "captions": those of the call.
            "vocabulary": those from which the vocabulary was mined; limits must be ints then. For data in batches:
            the result of :meth:`count`.

    Raises:
        ValueError: The mode is unknown, the vocabulary has no counts or no parents although they are needed, or the
            counts are of another vocabulary.

    Example:
        >>> from unicl.labels import LabelVocabulary
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
        filters: LabelFilters = NO_FILTERS,
        mode: Mode = "canonical",
        kept: ArrayLike | None = None,
        fuzzy_threshold: float | None = None,
        tagger: PosTagger | None = None,
        grammar: str | None = None,
        ancestors: Ancestors | None = None,
        frequency_of: FrequencySource | DocumentFrequency = "captions",
    ) -> None:
        self.mapper = LabelMapper(vocabulary, mode=mode, kept=kept, fuzzy_threshold=fuzzy_threshold)
        self.vocabulary = vocabulary
        self.tagger = english_tagger() if tagger is None else tagger
        self.grammar = grammar
        self.filters = filters
        if grammar is not None:
            self.find([])  # refuses a grammar with a mistake here and not at the first caption
        self.frequency = self._known_frequency(frequency_of)
        self.ancestors = ancestors
        self.lineage = self._checked_lineage()

    def _checked_lineage(self) -> LabelSets | None:
        """For "add", a row for each label, with the label and its ancestors."""
        if self.ancestors is not None and self.ancestors not in get_args(Ancestors):
            raise ValueError(f'expected ancestors "roll_up", "add" or None; got {self.ancestors!r}')
        if self.ancestors is None:
            return None
        if not (self.vocabulary.parents >= 0).any():
            raise ValueError(
                f'expected a vocabulary with parents for ancestors="{self.ancestors}"; got one whose labels have none'
            )
        if self.ancestors == "add":
            above = lineage(self.vocabulary.parents)
            return above if self.mapper.kept is None else above.keep(self.mapper.kept)
        if self.filters.min_document_frequency == 0:
            raise ValueError(
                'expected min_document_frequency > 0 for ancestors="roll_up"; got 0, which makes no label too rare'
            )
        return None

    def _known_frequency(self, frequency_of: object) -> DocumentFrequency | None:
        """The counts that are known before a call; None if the captions of the call are counted."""
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
                'expected a vocabulary with counts for frequency_of="vocabulary"; got one without: '
                "take one of LabelVocabulary.mine, or one that unicl label wrote after counting"
            )
        # The number of captions is not known: a share of them can only be none, or all.
        for limit, allowed in ((self.filters.min_document_frequency, 0.0), (self.filters.max_document_frequency, 1.0)):
            if is_share(limit) and limit != allowed:
                raise ValueError(
                    f'expected limits as numbers of captions with frequency_of="vocabulary"; got the share {limit}'
                )
        return DocumentFrequency(counts=counts, num_captions=int(counts.max(initial=0)))

    def __call__(
        self, captions: Captions, *, images: Any = None, row_ids: ArrayLike | None = None, threads: int | None = None
    ) -> LabelSets:
        """Labels captions: calls :meth:`find`, then :meth:`apply_filters`.

        Args:
            captions: A batch of captions, or an Arrow column.
            images: For the relevance filter: an image for each caption, in any form that its scorer takes.
            row_ids: For ``balance``: an integer for each caption that tells the rows of the data set apart. None stands
                for 0, 1, ..., which is right if one call has all captions.
            threads: How many threads to use; None for all cores.

        Returns:
            A row for each caption, its labels ascending; with weights only if the relevance filter weighs.

        Raises:
            TypeError: ``captions`` is one str, or has a row that is not a string; images are missing, or given to a
                labeler without a relevance filter.
            ValueError: There are not as many images, row ids or relevance scores as captions, or a score is not in
                [0, 1].
        """
        self._check_images(images)
        return self.apply_filters(self.find(captions, threads=threads), images=images, row_ids=row_ids).label_sets()

    def find(self, captions: Captions, *, phrases: PhraseDetail = "count", threads: int | None = None) -> FoundLabels:
        """Finds the labels that the noun phrases of captions mean, before ancestors and filters.

        Args:
            captions: A batch of captions, or an Arrow column.
            phrases: How much to give for each noun phrase: "count", "label", "text" or "lemma"; see
                :class:`FoundLabels`. The result always has what the filters need.
            threads: How many threads to use; None for all cores.

        Raises:
            TypeError: ``captions`` is one str, or has a row that is not a string.
            ValueError: ``phrases`` is none of these.

        Example:
            >>> from unicl.labels import LabelVocabulary
            >>> labeler = DenseLabeler(LabelVocabulary.from_names(["dog", "ball"]))
            >>> found = labeler.find(["a dog and a cat"], phrases="text")
            >>> found.sets.to_list(), found.phrases.texts.to_list(), found.phrases.ids.tolist()
            ([[0]], ['a dog', 'a cat'], [0, -1])
        """
        if isinstance(captions, str):
            raise TypeError("expected a batch of captions; got one str (explain() takes one)")
        details: tuple[PhraseDetail, ...] = get_args(PhraseDetail)
        if phrases not in details:
            raise ValueError(f'expected phrases "count", "label", "text" or "lemma"; got {phrases!r}')
        columns = self.mapper._native.label(
            captions,
            self.tagger._native,
            grammar=self.grammar,
            phrases=max(phrases, self.filters.phrases, key=details.index),
            threads=threads,
        )
        return FoundLabels.from_columns(columns)

    def apply_filters(
        self, found: FoundLabels, *, images: Any = None, row_ids: ArrayLike | None = None
    ) -> FilteredLabels:
        """Applies ancestors and filters to labels that were already found.

        Args:
            found: The result of :meth:`find`.
            images: As in a call.
            row_ids: As in a call.

        Raises:
            TypeError: The filters need phrases and ``found`` has none; or as in a call.
            ValueError: As in a call.
        """
        self._check_images(images)
        if self.filters.phrases != "count" and found.phrases is None:
            raise TypeError(
                f"expected labels with their phrases, which the filters need; got {found.sets!r} alone: "
                "find() of this labeler gives both"
            )
        found = self._with_ancestors(found)
        frequency = self.frequency
        if frequency is None and self.filters.need_frequency:
            frequency = DocumentFrequency.of(found.sets, num_labels=len(self.vocabulary))
        found, rolled_up = self._rolled_up(found, frequency)
        return self._filtered(found, rolled_up, frequency, images, as_row_ids(row_ids, len(found)))

    def count(
        self, captions: Captions, *, given: LabelSets | None = None, threads: int | None = None
    ) -> DocumentFrequency:
        """Counts the captions with each label before the filters, for ``frequency_of``.

        With ``ancestors="add"`` a label occurs where anything below it occurs.

        Args:
            captions: A batch of captions, or an Arrow column.
            given: Labels that the rows have besides those of their captions, such as classes.
            threads: How many threads to use; None for all cores.

        Raises:
            TypeError: As :meth:`find`.
            ValueError: There are not as many given sets as captions.

        Example:
            >>> from unicl.labels import LabelVocabulary
            >>> vocabulary = LabelVocabulary.from_names(["dog", "ball"])
            >>> batches = [["a dog", "two dogs"], ["a ball", "a dog"]]
            >>> first, second = (DenseLabeler(vocabulary).count(batch) for batch in batches)
            >>> filters = LabelFilters(min_document_frequency=0.5)
            >>> labeler = DenseLabeler(vocabulary, filters=filters, frequency_of=first + second)
            >>> [labeler(batch).to_list() for batch in batches]
            [[[0], [0]], [[], [0]]]
        """
        found = self.find(captions, threads=threads)
        if given is not None:
            found = FoundLabels.of_sets(found.sets.union(given))
        found = self._with_ancestors(found)
        return DocumentFrequency.of(found.sets, num_labels=len(self.vocabulary))

    def on_column(
        self, column: str = "caption", *, image_column: str | None = None, threads: int | None = 1
    ) -> ColumnLabeler:
        """Makes a function that labels a column, for ``Dataset.map(batched=True)`` of HF datasets.

        Args:
            column: The column with the captions.
            image_column: The column with the images, for the relevance filter.
            threads: How many threads to use in each process; None for all cores.

        Raises:
            ValueError: The filters would count the captions of each batch by itself.

        Example:
            >>> from unicl.labels import LabelVocabulary
            >>> label = DenseLabeler(LabelVocabulary.from_names(["dog", "ball"])).on_column("text")
            >>> [row.tolist() for row in label({"text": ["a dog with a ball", "nothing"]})["labels"]]
            [[0, 1], []]
        """
        return ColumnLabeler(labeler=self, column=column, image_column=image_column, threads=threads)

    def heirs(self, frequency: DocumentFrequency) -> NDArray[np.int32]:
        """Gives int32 (number of labels,): the label that each becomes when rare ones roll up; itself if it stays."""
        least, most = self.filters.as_counts(frequency.num_captions)
        is_within = (frequency.counts >= least) & (frequency.counts <= most)
        if self.mapper.kept is not None:
            is_within &= self.mapper.kept
        nearest = self.vocabulary._native.nearest_kept(is_within)
        return np.where((frequency.counts < least) & (nearest >= 0), nearest, np.arange(len(nearest), dtype=np.int32))

    def explain(self, caption: str, *, image: Any = None, row_id: int | None = None) -> list[Explanation]:
        """Explains the noun phrases of one caption: the label of each, or the reason why it has none.

        A filter runs only if its input is known. The document frequency is known if ``frequency_of`` names counts;
        ``balance`` also needs a ``row_id``, and relevance needs an ``image``.

        Example:
            >>> from unicl.labels import LabelVocabulary
            >>> vocabulary = LabelVocabulary.from_names(["dog", "border collie"], parents={"border collie": "dog"})
            >>> counts = DocumentFrequency(counts=np.array([90, 3]), num_captions=100)
            >>> filters = LabelFilters(min_document_frequency=5)
            >>> labeler = DenseLabeler(vocabulary, filters=filters, ancestors="roll_up", frequency_of=counts)
            >>> row = labeler.explain("a border collie")[0]
            >>> row.label, row.rolled_up
            ('dog', "'border collie' is in 3 captions, fewer than 5")
        """
        found = self._with_ancestors(self.find([caption], phrases="lemma", threads=1))
        found, rolled_up = self._rolled_up(found, self.frequency)
        row_ids = None if row_id is None else as_row_ids([row_id], 1)
        images = None if image is None else [image]
        filtered = self._filtered(found, rolled_up, self.frequency, images, row_ids)
        explainer = Explainer(
            mapper=self.mapper, filters=self.filters, ancestors=self.ancestors, frequency=self.frequency
        )
        return explainer.explain(found, filtered)

    def _check_images(self, images: Any) -> None:
        if self.filters.relevance is not None and images is None:
            raise TypeError("expected an image for each caption, for the relevance filter; got none: pass images=")
        if self.filters.relevance is None and images is not None:
            raise TypeError(
                "expected no images, as only a relevance filter uses them; got some: "
                "give the labeler one with filters=LabelFilters(relevance=...)"
            )

    def _with_ancestors(self, found: FoundLabels) -> FoundLabels:
        return found if self.lineage is None else found.replaced(self.lineage)

    def _rolled_up(
        self, found: FoundLabels, frequency: DocumentFrequency | None
    ) -> tuple[FoundLabels, NDArray[np.int64]]:
        """The labels with ancestors in the place of rare ones, and how many were replaced in each caption."""
        if self.ancestors != "roll_up" or frequency is None:
            return found, np.zeros(len(found), np.int64)
        heirs, sets = self.heirs(frequency), found.sets
        rows = sets.rows()[heirs[sets.indices] != sets.indices]
        return (found.replaced(one_for_each(heirs)) if len(rows) else found), np.bincount(rows, minlength=len(found))

    def _filtered(
        self,
        found: FoundLabels,
        rolled_up: NDArray[np.int64],
        frequency: DocumentFrequency | None,
        images: Any,
        row_ids: NDArray[np.int64] | None,
    ) -> FilteredLabels:
        """The verdicts of the filters whose input is known."""
        sets = found.sets
        verdicts, scores = np.zeros(len(sets.indices), np.uint8), np.full(len(sets.indices), np.nan)
        if self.filters.need_frequency and frequency is not None:
            verdicts = self.filters.by_frequency(sets, frequency, row_ids)
        if self.filters.phrases != "count":
            verdicts, scores = self.filters.by_phrases(found, verdicts, images)
        return FilteredLabels(
            sets=sets, verdicts=verdicts, scores=scores, rolled_up=rolled_up, weigh=self.filters.weigh
        )
