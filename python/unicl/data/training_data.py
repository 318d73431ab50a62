"""Training data: from rows of several sources to batches of images, texts and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from unicl.data.batch import Batch
from unicl.data.label_space import check_labeler, space_of
from unicl.data.loader import rank_and_world_size
from unicl.data.sample_labels import BatchTexts, SampleLabels
from unicl.data.sample_texts import SampleTexts
from unicl.data.skipped_samples import BadSample, BadSampleError
from unicl.data.templates import ClassTemplates
from unicl.data.token_rows import SourceTokens, TokenRows
from unicl.data.training_order import check_sources, training_order
from unicl.files import BadImageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from unicl.data.label_space import LabelSpace
    from unicl.data.order import SampleOrder
    from unicl.data.sample import Sample, Source
    from unicl.data.sample_texts import Captions
    from unicl.data.transform import ImageTransform
    from unicl.labels import DenseLabeler
    from unicl.text import Tokenizer


class TrainingData:
    """Makes batches of images, texts and labels from sources with captions, classes, or both.

    :meth:`take` makes a batch of rows, and :class:`unicl.data.SampleLoader` calls it. What a batch holds depends on
    its rows, the seed and the positions alone. Text i of a batch is a caption of image i, or the name of its class in a
    sentence. Further texts follow. Labels tell which images and texts belong together, in any order of rows:

    - Images of one class share a label with one another and with the sentences of their class.
    - With a ``labeler``, captions and their images share the labels that the captions mean.
    - An image without a label belongs to its own texts alone.

    Labels are integers if each sample has one class at most and captions have none. If not, they are ``LabelSets``.

    Args:
        sources: The sources.
        transform: Makes pixels of image files.
        tokenizer: Makes token ids of texts.
        seed: Fixes the order, crops, templates and the captions that are drawn.
        label_space: The labels of classes. None: each class is a label; those of the same words are one.
        labeler: Labels captions, with the vocabulary of the label space.
        templates: The sentences for names of classes. Each sample draws one.
        captions: "drawn": one caption a sample. "all": each caption is a text.
        class_prompts: "own": an image with a class but no caption has a sentence of its class as its text. "all": the
            sentences of all classes are further texts of each batch, too. Each class keeps one sentence for the run.
            Of several ranks, each has another part of them.
        equal_captions: Whether captions of the same words are one class, in samples without labels.
        source_tokens: Marks captions and class prompts for the text tower.
        trim: Token rows end with the longest text of the batch, at a multiple of so many ids. None: they have the
            full length.
        label_sets: Whether labels are sets. None: if the labeler, the options or a source (an attribute
            ``several_classes``) need them.
        rank: The rank of this process, for ``class_prompts="all"``. None: as torch.distributed has it; 0 without it.
        world_size: The number of ranks. None: as torch.distributed has it; 1 without it.

    Raises:
        ValueError: There are no sources, two have one name, an option is unknown, the labeler does not fit, or labels
            cannot be integers.

    Example:
        >>> from unicl import ClipTokenizer
        >>> from unicl.data import EvalTransform, SampleLoader
        >>> data = TrainingData([source], transform=EvalTransform(size=8), tokenizer=ClipTokenizer())  # doctest: +SKIP
        >>> loader = SampleLoader(data, data.order(), batch_size=256, workers=2)  # doctest: +SKIP
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        transform: ImageTransform,
        tokenizer: Tokenizer,
        seed: int = 0,
        label_space: LabelSpace | None = None,
        labeler: DenseLabeler | None = None,
        templates: ClassTemplates | Sequence[str] | None = None,
        captions: Captions = "drawn",
        class_prompts: Literal["own", "all"] = "own",
        equal_captions: bool = False,
        source_tokens: SourceTokens | None = None,
        trim: int | None = 8,
        label_sets: bool | None = None,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        self.sources, self.transform, self.seed = list(sources), transform, seed
        check_sources(self.sources)
        _check_choice("captions", captions, ("drawn", "all"))
        _check_choice("class_prompts", class_prompts, ("own", "all"))
        self.label_space = label_space or space_of(self.sources, labeler)
        check_labeler(labeler, self.label_space)
        if not isinstance(templates, ClassTemplates):
            templates = ClassTemplates() if templates is None else ClassTemplates(templates)
        self._texts = SampleTexts(space=self.label_space, templates=templates, seed=seed, captions=captions)
        several = any(getattr(source, "several_classes", False) for source in self.sources)
        need_sets = labeler is not None or several or (equal_captions and captions == "all")
        if label_sets is False and need_sets:
            raise ValueError("expected label_sets=True or None; got False, but samples can have several labels")
        self._labels = SampleLabels(
            space=self.label_space,
            labeler=labeler,
            sets=need_sets if label_sets is None else label_sets,
            equal_captions=equal_captions,
        )
        self._tokens = TokenRows(tokenizer=tokenizer, trim=trim, source_tokens=source_tokens)
        self._first_rows = np.cumsum([0, *map(len, self.sources)])
        self._rank, self._world_size = rank_and_world_size(rank, world_size)
        self._all_prompts = self._prompts(templates) if class_prompts == "all" else ([], [])

    def order(
        self,
        *,
        weights: Sequence[int | float | Fraction] | None = None,
        budgets: Mapping[str, int | float | Fraction] | None = None,
        same_class: int = 1,
    ) -> SampleOrder:
        """Makes the order of the samples.

        Args:
            weights: The weight of each source. None: the number of its rows.
            budgets: In the place of weights, the shares of ``"image-text"``, the sources with captions, and of
                ``"image-label"``, those with classes alone: ``{"image-text": 1, "image-label": 1}``.
            same_class: How many consecutive draws of an image-label source share a class, so that a batch has several
                texts of it.

        Raises:
            ValueError: Both weights and budgets are given, they do not fit the sources, or ``same_class`` is below 1.
            TypeError: ``same_class`` is above 1, and an image-label source does not know the classes of its rows: it
                has no method ``row_classes()`` that gives the number of each row's class in ``class_names``.
        """
        return training_order(
            self.sources,
            seed=self.seed,
            weights=weights,
            budgets=budgets,
            same_class=same_class,
            label_space=self.label_space,
        )

    def take(self, sources: ArrayLike, rows: ArrayLike, positions: ArrayLike) -> Batch:
        """Makes the batch of some rows. Bad samples are left out, and :attr:`Batch.bad` has them.

        Args:
            sources: The number of each sample's source, (n,).
            rows: Its row in that source, (n,).
            positions: Its position in the order, (n,).

        Returns:
            A batch of n images, less the bad ones.

        Raises:
            ValueError: A sample has a class that its source does not name, or several where labels are integers.
        """
        sources, rows, positions = np.asarray(sources), np.asarray(rows), np.asarray(positions)
        taken = self._taken(sources, rows)
        samples: list[Sample] = []
        images: list[Tensor] = []
        of_samples: list[tuple[list[str], str | None]] = []
        good: list[int] = []
        bad: dict[int, BadSample] = {}
        for place, (sample, position) in enumerate(zip(taken, positions.tolist(), strict=True)):
            if isinstance(sample, BadSample):
                bad[place] = sample
                continue
            try:
                of_sample = self._texts.of(sample, position)
                images.append(self.transform(sample.image, seed=self.seed, position=position))
            except (BadSampleError, BadImageError) as error:
                bad[place] = BadSample(f"{sample.source}, {sample.key}", error.reason, error.detail)
                continue
            samples.append(sample)
            of_samples.append(of_sample)
            good.append(place)
        texts = self._of_batch(of_samples)
        places = np.array(good, dtype=np.int64)
        of_rows = self._first_rows[sources[places]] + rows[places]
        image_labels, text_labels = self._labels(samples, texts, positions[places].tolist(), of_rows)
        weights: NDArray[np.float32] = np.array([sample.weight for sample in samples], dtype=np.float32)
        of_texts = np.append(weights, np.float32(1))[
            np.array(texts.images, dtype=np.int64)
        ]  # -1, so the 1, where a text is of no image
        return Batch(
            images=torch.stack(images) if images else torch.empty(0, 3, 1, 1, dtype=torch.uint8),
            tokens=self._tokens(texts.texts, [name is not None for name in texts.classes]),
            image_labels=image_labels,
            text_labels=text_labels,
            image_weight=torch.from_numpy(weights),
            text_weight=torch.from_numpy(of_texts),
            sample_keys=tuple(sample.key for sample in samples),
            positions=torch.from_numpy(positions[places].astype(np.int64)),
            bad=bad,
        )

    def _taken(self, sources: NDArray[np.int64], rows: NDArray[np.int64]) -> list[Sample | BadSample]:
        """The samples, with one call a source."""
        taken: list[Any] = [None] * len(rows)
        for number in np.unique(sources).tolist():
            (places,) = np.nonzero(sources == number)
            for place, sample in zip(places, self.sources[number].take(rows[places].tolist()), strict=True):
                taken[place] = sample
        return taken

    def _of_batch(self, of_samples: list[tuple[list[str], str | None]]) -> BatchTexts:
        """The first text of each sample, then further captions, then the prompts of all classes."""
        further = [(text, image) for image, (texts, _) in enumerate(of_samples) for text in texts[1:]]
        prompts, classes = self._all_prompts
        return BatchTexts(
            texts=[texts[0] for texts, _ in of_samples] + [text for text, _ in further] + prompts,
            images=[*range(len(of_samples)), *(image for _, image in further), *[-1] * len(prompts)],
            classes=[name for _, name in of_samples] + [None] * len(further) + classes,
        )

    def _prompts(self, templates: ClassTemplates) -> tuple[list[str], list[str | None]]:
        """One sentence for each label of a class, and the classes: those of this rank."""
        space = self.label_space
        if space is None:
            raise ValueError('expected a source with classes for class_prompts="all"; got none: use "own"')
        name_of = {label: name for name, label in reversed(space.ids.items()) if label >= 0}
        labels = sorted(name_of)[self._rank :: self._world_size]
        prompts = [
            templates.caption(space.texts[name_of[label]], seed=self.seed, position=-1 - label) for label in labels
        ]
        return prompts, [name_of[label] for label in labels]


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"expected {name} {' or '.join(map(repr, known))}; got {value!r}")
