"""Finds the noun phrases of captions."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from unicl.phrases.tagger import PosTagger, english_tagger
from unicl.text import ArrowArray, ArrowStream, Captions, Strings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


DEFAULT_GRAMMAR = "NP: {<DT>?<JJ.*>*<NN.*>+}"
"""The grammar of GLIP's recipe: a determiner, adjectives, nouns."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NounPhrases:
    """The noun phrases of a batch of captions, as columns.

    The phrases of caption ``i`` are ``offsets[i]`` to ``offsets[i + 1]``.

    Attributes:
        offsets: int64 (n + 1,).
        phrases: The phrases: lower-cased words with single spaces between them.
        spans: int32 (number of phrases, 2), the characters of the caption, from and to.
    """

    offsets: NDArray[np.int64]
    phrases: Strings
    spans: NDArray[np.int32]

    def __len__(self) -> int:
        """The number of captions."""
        return len(self.offsets) - 1

    def to_list(self) -> list[list[str]]:
        """Gives the phrases of every caption."""
        phrases, bounds = self.phrases.to_list(), self.offsets.tolist()
        return [phrases[start:end] for start, end in itertools.pairwise(bounds)]


@overload
def find_noun_phrases(  # type: ignore[overload-overlap]  # a str is a sequence of str too; it matches first
    captions: str, *, tagger: PosTagger | None = None, grammar: str | None = None, threads: int | None = None
) -> list[str]: ...
@overload
def find_noun_phrases(
    captions: Sequence[str] | ArrowArray | ArrowStream,
    *,
    tagger: PosTagger | None = None,
    grammar: str | None = None,
    threads: int | None = None,
) -> NounPhrases: ...
def find_noun_phrases(
    captions: Captions, *, tagger: PosTagger | None = None, grammar: str | None = None, threads: int | None = None
) -> list[str] | NounPhrases:
    """Finds the noun phrases of captions by the recipe of GLIP and its descendants.

    A caption is split into sentences, lower-cased, split into words, tagged, and chunked by
    ``NP: {<DT>?<JJ.*>*<NN.*>+}``. A phrase is its words with single spaces between them. It never runs over the end
    of a sentence, or over a mark such as "|", "#" or "•". The rules for sentences are the package's own and need
    no data; docs/text.md lists them. The rest is the recipe in Python: with ``tagger=PosTagger.from_nltk(...)`` a
    sentence has the words of ``nltk.tokenize.NLTKWordTokenizer`` and all words of a caption are tagged together.

    Source: Li et al., Grounded Language-Image Pre-training, CVPR 2022 (arXiv 2112.03857), section 3.2 and its code.

    Args:
        captions: One caption, a batch of them, or an Arrow column.
        tagger: The tagger; None for the package's own weights.
        grammar: Chunk rules of one label in the notation of NLTK's ``RegexpParser``; None for the rule above.
        threads: How many threads to use; None for all cores.

    Returns:
        The list of phrases for one caption; columns for a batch.

    Raises:
        TypeError: A row is not a string; the message names the row.
        ValueError: The grammar cannot be read; the message gives the place.

    Example:
        >>> find_noun_phrases("A Black dog chases the red balls.")
        ['a black dog', 'the red balls']
        >>> find_noun_phrases("Kids play in the park. Dogs run.")
        ['kids', 'the park', 'dogs']
        >>> found = find_noun_phrases(["two men on a boat", ""])
        >>> found.to_list(), found.spans.tolist()
        ([['men', 'a boat'], []], [[4, 7], [11, 17]])
    """
    native = (english_tagger() if tagger is None else tagger)._native
    offsets, spans, text, text_offsets, _ = native.find_noun_phrases(captions, grammar, threads)
    found = NounPhrases(offsets=offsets, phrases=Strings(text=text, offsets=text_offsets), spans=spans)
    return found.to_list()[0] if isinstance(captions, str) else found
