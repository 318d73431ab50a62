"""Defines the options of labelling files, and checks and opens everything that a run needs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from unicl.files import (
    Reading,
    find_inputs,
    is_output_file,
    make_folder,
    output_paths,
    refuse_existing,
    refuse_folder,
)
from unicl.jobs.classes import ClassOptions, FileClasses
from unicl.jobs.label_folder import has_vocabulary, refuse_lost_names
from unicl.jobs.label_images import RowScorer
from unicl.jobs.labelling import PHRASES, SPANS, label_fields
from unicl.jobs.plan import ColumnOptions, PlannedFile, plan_files
from unicl.labels import (
    LABELS,
    VOCABULARY,
    Ancestors,
    CaptionFilters,
    DenseLabeler,
    LabelFilters,
    LabelVocabulary,
    MiningLimits,
    Mode,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unicl.files import Source
    from unicl.jobs.run import Progress
    from unicl.labels import DocumentFrequency, RelevanceFilter
    from unicl.phrases import PosTagger

ROWS_WITH_IMAGES = 1024
"""Batches of rows with images are short, so that progress is shown more often."""


@dataclass(frozen=True, kw_only=True)
class LabelOptions(ColumnOptions, CaptionFilters, ClassOptions):
    """Which labels captions get, and which columns the output has."""

    mode: Mode = "canonical"
    """How phrases become labels. canonical: by their meaning, or to none. argmax: by their letters, always."""
    min_document_frequency: int | float | None = None
    """In how many captions a label must be: a number, or a share such as 0.001. If not given: 2 for mined labels."""
    max_document_frequency: int | float = 1.0
    """In how many captions a label may be: a number, or a share such as 0.1; 1.0 sets no limit."""
    top_k: int | None = None
    """Mine only that many labels, the most frequent."""
    ancestors: Ancestors | None = None
    """How the parents in a vocabulary are used. roll-up: the nearest ancestor with enough captions replaces a label of
    fewer. add: a caption has all ancestors of its labels too."""
    weights: Literal["one", "idf", "relevance", "idf-relevance"] = "one"
    """The column "label_weights". idf: log(captions / captions with the label), so that rare labels weigh more.
    relevance: the score of the most relevant phrase of the label. idf-relevance: their product."""
    image_column: str | None = None
    """The column with the images. If not given: the first of image, jpg, jpeg, png, webp, image_path and filepath that
    the file has."""
    phrases: bool = False
    """Write the columns "noun_phrases" and "noun_phrase_spans" too."""
    label_name: str = LABELS
    """The name of the column of labels. With another name than "labels", the weights are in NAME_weights."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelPlan:
    """A run that was checked: the opened inputs with their outputs, and how they are labelled.

    Attributes:
        files: The inputs and outputs.
        out: The folder of the outputs, or the output itself.
        names: The names of classes that are integers; None: those that files have.
        mines: Whether the vocabulary is mined from the inputs.
        options: The options.
        reading: How the captions are read.
        overwrite: Whether outputs that exist may be replaced.
        relevance: The filter by the images of rows, if there is one.
        tagger: The tagger; None for the package's own weights.
        grammar: The noun-phrase grammar; None for the default.
        threads: How many threads to use; None for all cores.
        progress: Shows how many captions are done.
    """

    files: Sequence[PlannedFile] = ()
    out: Path
    names: LabelVocabulary | None = None
    mines: bool
    options: LabelOptions
    reading: Reading
    overwrite: bool
    relevance: RelevanceFilter | None
    tagger: PosTagger | None
    grammar: str | None
    threads: int | None
    progress: Progress

    @property
    def vocabulary_path(self) -> Path:
        """The file for the vocabulary: in the folder of the outputs, or beside the one output."""
        return vocabulary_path(self.out)

    def classes_of(self, source: Source) -> FileClasses:
        """Finds the classes of an input."""
        return FileClasses.of(source, self.options.class_column, self.names)

    @property
    def limits(self) -> MiningLimits:
        """The limits on the captions of a label, whether it is mined or given."""
        least = self.options.min_document_frequency
        return MiningLimits(
            min_document_frequency=(2 if self.mines else 0) if least is None else least,
            max_document_frequency=self.options.max_document_frequency,
            top_k=self.options.top_k,
        )

    def labeler(self, vocabulary: LabelVocabulary, frequency: DocumentFrequency | None = None) -> DenseLabeler:
        """Makes the labeler. Labels that were mined are within the limits already."""
        limits = self.limits
        filters = LabelFilters(
            min_document_frequency=0 if self.mines else limits.min_document_frequency,
            max_document_frequency=1.0 if self.mines else limits.max_document_frequency,
            relevance=self.relevance,
            **{field.name: getattr(self.options, field.name) for field in fields(CaptionFilters)},
        )
        return DenseLabeler(
            vocabulary,
            filters=filters,
            mode=self.options.mode,
            tagger=self.tagger,
            grammar=self.grammar,
            ancestors=self.options.ancestors,
            frequency_of="captions" if frequency is None else frequency,
        )


def plan_labels(inputs: Sequence[str | Path], plan: LabelPlan, vocabulary: LabelVocabulary | None) -> LabelPlan:
    """Checks everything that can be checked before hours of work, and opens every input once.

    Args:
        inputs: Files, or folders of files.
        plan: The plan without its files.
        vocabulary: The labels; None: they are mined.

    Returns:
        The plan with its files.

    Raises:
        FileNotFoundError, FileExistsError, OSError: An input is missing; an output exists; no file can be written.
        ValueError: A file or an option is wrong.
    """
    options, relevance, reading = plan.options, plan.relevance, plan.reading
    _check_options(plan, vocabulary)
    images = relevance is not None
    if relevance is not None:
        weigh = relevance.weigh or "relevance" in options.weights
        relevance = replace(relevance, scorer=RowScorer(relevance.scorer), weigh=weigh)
        reading = replace(reading, batch_rows=min(reading.batch_rows, ROWS_WITH_IMAGES))
    paths = find_inputs(inputs, images=images)
    outputs = output_paths(paths, plan.out)
    path = plan.vocabulary_path
    # The labels of other files may be there already, with the same ids.
    refuse_existing(path, overwrite=plan.overwrite or has_vocabulary(path, vocabulary))
    refuse_folder(path)
    refuse_lost_names(path, outputs, vocabulary)
    plan = replace(plan, names=options.open_names())
    files = plan_files(
        paths,
        outputs,
        label_fields(name=options.label_name, phrases=options.phrases),
        reading=reading,
        copy_columns=options.copy_columns,
        overwrite=plan.overwrite,
        images=images,
        image_column=options.image_column,
        classes_of=plan.classes_of,
        remedy="name the new one with label_name=NAME, ",
    )
    if options.class_names is not None and all(file.classes.column is None for file in files):
        raise ValueError("expected class_column=NAME with class_names; got none, and no input has classes of its own")
    make_folder(path.parent)
    return replace(plan, files=files, reading=reading, relevance=relevance)


def vocabulary_path(out: Path) -> Path:
    """Gives the file for the vocabulary of an output: in the folder, or ``NAME.vocabulary.json`` beside the file."""
    return out.with_suffix(f".{VOCABULARY}") if is_output_file(out) else out / VOCABULARY


def _check_options(plan: LabelPlan, vocabulary: LabelVocabulary | None) -> None:
    options = plan.options
    if not options.label_name or (options.phrases and options.label_name in (PHRASES, SPANS)):
        raise ValueError(
            f"expected a name for the column of labels that no other new column has; got {options.label_name!r}: "
            "choose another label_name"
        )
    if vocabulary is not None and options.top_k is not None:
        raise ValueError(f"expected top_k only without a vocabulary; got top_k={options.top_k} and a vocabulary")
    if plan.relevance is None and options.image_column is not None:
        raise ValueError("expected a relevance filter for image_column; got none: only the filter needs images")
    if plan.relevance is None and "relevance" in options.weights:
        raise ValueError(f'expected a relevance filter for weights="{options.weights}"; got none')
    plan.labeler(LabelVocabulary.from_names([]) if vocabulary is None else vocabulary)  # checks the other options
    if vocabulary is not None and len(vocabulary) == 0:
        raise ValueError("expected a vocabulary with labels; got an empty one: give none to mine one from the captions")
