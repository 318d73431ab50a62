"""Whether a phrase of a caption is to be seen in the image."""

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
    """Anything that says how relevant phrases are to images; a plain function is one.

    Ready ones, over trained models, are in ``unicl.models.scorers.dual_tower``.
    """

    def __call__(self, images: Any, phrases: list[list[str]], /) -> Sequence[Sequence[float]]:
        """Scores every phrase for its image.

        Args:
            images: n images, as they were given to the labeler.
            phrases: n lists of distinct phrases, one list an image; a list may be empty.

        Returns:
            n rows, as long as the lists: in [0, 1], 1 for a phrase that is surely to be seen.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class RelevanceFilter:
    """Keeps a label of a caption if the caption says it often, or if one of its phrases is relevant to the image.

    Attributes:
        scorer: Says how relevant phrases are.
        score_above: A label is kept if one of its phrases has a score above this, in [0, 1].
        count_above: It is also kept if more noun phrases of the caption than this mean it; None: only the score counts.
        weigh: Give every label that is kept the highest score of its phrases as its weight, also one that is kept
            because it occurs often. Without, labels have no weights, and the phrases of a label that occurs often
            enough are not scored.

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
        """Which labels are kept whatever their score, by how many noun phrases of the caption mean them."""
        return np.zeros(len(counts), np.bool_) if self.count_above is None else counts > self.count_above

    def scores(self, images: Any, found: FoundLabels, *, wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
        """float64 (places,): the highest score of the phrases of each label; NaN where the scorer was not called.

        Args:
            images: An image for each caption.
            found: The labels of the captions, with the texts of their phrases.
            wanted: bool (places,), the labels whose score matters. Labels that occur often are scored only if the
                score is their weight.

        Raises:
            TypeError: The images have no length, the phrases have no text, or the scorer gives no numbers.
            ValueError: There are not as many images as captions, or the scorer gives rows of another length, or scores
                that are not finite or outside [0, 1]; the message names image and phrase.
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
        """Which labels stay, by their number of phrases and their highest score (NaN: not scored)."""
        return self.occurs_often(counts) | (scores > self.score_above)


def score_phrases(
    scorer: RelevanceScorer, images: Any, phrases: list[list[str]], *, place: Callable[[int], str] = "image {}".format
) -> list[list[float]]:
    """What a scorer gives for lists of phrases, checked; ``place`` says what to call an image in a message.

    Raises:
        TypeError: It gives something else than numbers.
        ValueError: It gives another number of rows or scores, or a score that is not in [0, 1]; the message names image
            and phrase.
    """
    given = scorer(images, phrases)
    if not hasattr(given, "__len__"):
        raise TypeError(f"the relevance scorer gave a {type(given).__name__}; expected a list of scores for each image")
    if len(given) != len(phrases):
        raise ValueError(f"the relevance scorer gave {len(given)} rows of scores for {len(phrases)} images")
    rows = []
    for image, (row, texts) in enumerate(zip(given, phrases, strict=True)):
        if not hasattr(row, "__len__"):
            raise TypeError(
                f"the relevance scorer gave a {type(row).__name__} for {place(image)}; "
                "expected a list with a score for each of its phrases"
            )
        if len(row) != len(texts):
            raise ValueError(
                f"the relevance scorer gave {len(row)} scores for the {len(texts)} phrases of {place(image)}"
            )
        scores = []
        for score, phrase in zip(row, texts, strict=True):
            try:
                value = float(score)
            except (TypeError, ValueError):
                raise TypeError(
                    f"the relevance scorer gave a {type(score).__name__} for {place(image)}, phrase {phrase!r}; "
                    "expected a number in [0, 1]"
                ) from None
            if not (math.isfinite(value) and 0 <= value <= 1):
                raise ValueError(
                    f"the relevance scorer gave {value} for {place(image)}, phrase {phrase!r}; "
                    "expected a number in [0, 1]"
                )
            scores.append(value)
        rows.append(scores)
    return rows
