"""Keeps the labels of a caption that its image shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unicl.labels.found_labels import FoundLabels


class RelevanceScorer(Protocol):
    """Scores how relevant phrases are to images; a plain function can be one.

    Ready ones, over trained models, are in :mod:`unicl.models`.
    """

    def __call__(self, images: Any, phrases: list[list[str]], /) -> Sequence[Sequence[float]]:
        """Scores every phrase for its image.

        Args:
            images: n images, as they were given to the labeler.
            phrases: n lists of distinct phrases, one list an image; a list may be empty.

        Returns:
            n rows, as long as the lists: scores in [0, 1], 1 for a phrase that the image surely shows.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class RelevanceFilter:
    """Keeps a label of a caption if several phrases mean it, or if one of its phrases is relevant to the image.

    The scorer is called only where its answer matters: the phrase has a label, no earlier filter removed it, and the
    label is not kept anyway because it occurs often.

    Attributes:
        scorer: Scores how relevant phrases are.
        score_above: A label is kept if one of its phrases has a score above this, in [0, 1].
        count_above: A label is also kept if more noun phrases of the caption than this mean it. None: only the score
            counts.
        weigh: Give every kept label the highest score of its phrases as its weight, also a label that is kept because
            it occurs often. Otherwise labels have no weights, and the phrases of such a label are not scored.

    Raises:
        ValueError: A limit is out of range.

    Example:
        >>> from unicl.labels import DenseLabeler, LabelFilters, LabelVocabulary
        >>> def shows_a_dog(images, phrases):
        ...     return [[0.9 if "dog" in phrase else 0.2 for phrase in row] for row in phrases]
        >>> relevance = RelevanceFilter(scorer=shows_a_dog, weigh=True)
        >>> vocabulary = LabelVocabulary.from_names(["dog", "cat"])
        >>> labeler = DenseLabeler(vocabulary, filters=LabelFilters(relevance=relevance))
        >>> sets = labeler(["a dog, no cat", "a cat and another cat"], images=["one.png", "two.png"])
        >>> sets.to_list(), [round(weight, 3) for weight in sets.weights.tolist()]
        ([[0], [1]], [0.9, 0.2])
    """

    scorer: RelevanceScorer
    score_above: float = 0.5
    count_above: int | None = 1
    weigh: bool = False

    def __post_init__(self) -> None:
        if not callable(self.scorer):
            raise TypeError(f"expected a scorer to call with images and phrases; got {type(self.scorer).__name__}")
        if not 0 <= self.score_above <= 1:
            raise ValueError(f"expected score_above in [0, 1]; got {self.score_above}")
        if self.count_above is not None and self.count_above < 0:
            raise ValueError(f"expected count_above >= 0, or None for the score alone; got {self.count_above}")

    def occurs_often(self, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tells which labels are kept for any score, by how many noun phrases of the caption mean them."""
        return np.zeros(len(counts), np.bool_) if self.count_above is None else counts > self.count_above

    def scores(self, images: Any, found: FoundLabels, *, wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Gives float64 (places,): the highest score of the phrases of each label; NaN for labels without a score.

        Args:
            images: An image for each caption.
            found: The labels of the captions, with the texts of their phrases.
            wanted: bool (places,), the labels whose score matters. Labels that occur often are scored only if the
                score is their weight.

        Raises:
            TypeError: The images have no length, the phrases have no text, or the scorer gives no numbers.
            ValueError: There are not as many images as captions, or the scorer gives rows of another length. Or a score
                is not finite or outside [0, 1]; the message names image and phrase.
        """
        if not isinstance(images, Sized):
            raise TypeError(f"expected images with a length, one for each caption; got {type(images).__name__}")
        if len(images) != len(found):
            raise ValueError(f"expected an image for each of the {len(found)} captions; got {len(images)}")
        if found.phrases is None or found.phrases.texts is None or found.meanings is None:
            raise TypeError('expected labels with the texts of their phrases; got fewer: pass phrases="text" to find()')
        is_asked = (wanted if self.weigh else wanted & ~self.occurs_often(found.counts))[found.places]
        best = np.full(len(found.counts), np.nan)
        if not is_asked.any():
            return best
        texts = found.phrases.texts.to_list()
        phrases = [texts[phrase] for phrase in found.meanings.rows()[is_asked].tolist()]
        rows = found.rows[is_asked].tolist()
        asked: list[dict[str, int]] = [{} for _ in range(len(found))]  # the number of each distinct phrase
        for row, phrase in zip(rows, phrases, strict=True):
            asked[row].setdefault(phrase, len(asked[row]))
        scores = score_phrases(self.scorer, images, [*map(list, asked)])
        of_mention = [scores[row][asked[row][phrase]] for row, phrase in zip(rows, phrases, strict=True)]
        np.fmax.at(best, found.places[is_asked], of_mention)
        return best

    def passes(self, counts: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tells which labels stay, by their number of phrases and their highest score (NaN: not scored)."""
        return self.occurs_often(counts) | (scores > self.score_above)


def score_phrases(
    scorer: RelevanceScorer, images: Any, phrases: list[list[str]], *, place: Callable[[int], str] = "image {}".format
) -> list[list[float]]:
    """Calls a scorer with lists of phrases, and checks its scores. ``place`` names an image in a message.

    Raises:
        TypeError: The scorer gives no numbers.
        ValueError: The scorer gives another number of rows or scores, or a score outside [0, 1]. The message names
            image and phrase.
    """
    given = scorer(images, phrases)
    if not hasattr(given, "__len__"):
        raise TypeError(
            f"expected a list of scores for each image from the relevance scorer; got {type(given).__name__}"
        )
    if len(given) != len(phrases):
        raise ValueError(
            f"expected a row of scores for each of {len(phrases)} images from the relevance scorer; "
            f"got {len(given)} rows"
        )
    return [
        _checked_scores(row, texts, place(image)) for image, (row, texts) in enumerate(zip(given, phrases, strict=True))
    ]


def _checked_scores(row: Any, texts: list[str], image: str) -> list[float]:
    """The scores of the phrases of one image as floats in [0, 1]."""
    if not hasattr(row, "__len__"):
        raise TypeError(f"expected a list of scores for {image} from the relevance scorer; got {type(row).__name__}")
    if len(row) != len(texts):
        raise ValueError(
            f"expected {len(texts)} scores for the phrases of {image} from the relevance scorer; got {len(row)}"
        )
    scores = []
    for score, phrase in zip(row, texts, strict=True):
        wanted = f"expected a number in [0, 1] from the relevance scorer for {image}, phrase {phrase!r}"
        try:
            value = float(score)
        except (TypeError, ValueError):
            raise TypeError(f"{wanted}; got {type(score).__name__}") from None
        if not (math.isfinite(value) and 0 <= value <= 1):
            raise ValueError(f"{wanted}; got {value}")
        scores.append(value)
    return scores
