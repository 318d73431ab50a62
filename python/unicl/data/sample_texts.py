"""The texts of a sample: one of its captions or all of them, or else the prompt of one of its classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from unicl.data.draws import TEXT, Draws
from unicl.data.skipped_samples import BadSampleError, good_caption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unicl.data.label_space import LabelSpace
    from unicl.data.sample import Sample
    from unicl.data.templates import ClassTemplates

Captions: TypeAlias = Literal["drawn", "all"]


@dataclass(frozen=True, kw_only=True)
class SampleTexts:
    """Gives the texts of a sample, as a pure function of the sample, the seed and its position.

    Attributes:
        space: The labels and words of classes; None if no sample has classes.
        templates: The sentences for class names.
        seed: The seed of draws.
        captions: "drawn": one of the captions. "all": each of them.
    """

    space: LabelSpace | None
    templates: ClassTemplates
    seed: int
    captions: Captions

    def of(self, sample: Sample, position: int) -> tuple[list[str], str | None]:
        """Gives the texts of a sample, and the class if the text is the prompt of one.

        A caption that is blank or not UTF-8 counts as none if another is good.

        Raises:
            BadSampleError: There is neither a good caption nor a class.
            ValueError: A class is not one of those that the source names.
        """
        if sample.classes:
            self._check_classes(sample)
        if sample.captions:
            try:
                return self._captions(sample.captions, position), None
            except BadSampleError:
                if not sample.classes:
                    raise
        if not sample.classes:
            raise BadSampleError("missing caption", "the sample has neither a caption nor a class")
        name = self._class(sample, position)
        assert self.space is not None  # noqa: S101
        return [self.templates.caption(self.space.texts[name], seed=self.seed, position=position)], name

    def _captions(self, captions: Sequence[str], position: int) -> list[str]:
        if len(captions) == 1:
            return [good_caption(captions[0])]
        start = 0 if self.captions == "all" else Draws(self.seed, position, TEXT).below(len(captions))
        good: list[str] = []
        faults: list[BadSampleError] = []
        for caption in (*captions[start:], *captions[:start]):
            try:
                good.append(good_caption(caption))
            except BadSampleError as error:
                faults.append(error)
            if good and self.captions == "drawn":
                break
        if not good:
            raise faults[0]
        return good

    def _class(self, sample: Sample, position: int) -> str:
        """The class whose prompt is the text: of those that have a label, if any has."""
        if len(sample.classes) == 1:
            return sample.classes[0]
        assert self.space is not None  # noqa: S101
        names = [name for name in sample.classes if self.space.ids[name] >= 0] or sample.classes
        return names[Draws(self.seed, position, TEXT).below(len(names))]

    def _check_classes(self, sample: Sample) -> None:
        ids = {} if self.space is None else self.space.ids
        for name in sample.classes:
            if name not in ids:
                raise ValueError(
                    f"{sample.source}, {sample.key}: expected one of the classes that the source names; got {name!r}"
                )
