"""Tags the words of captions with their parts of speech."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from unicl import _native
from unicl.files import write_bytes
from unicl.text import ArrowArray, ArrowStream, Captions, Strings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ENGLISH = "english_tagger.bin"


@dataclass(frozen=True, kw_only=True, eq=False)
class TaggedWords:
    """The words and tags of a batch of captions, as columns.

    The words of caption ``i`` are ``offsets[i]`` to ``offsets[i + 1]``.

    Attributes:
        offsets: int64 (n + 1,).
        words: The words, as the tokenizer splits them.
        tags: uint8 (number of words,), indices into ``tag_names``.
        spans: int32 (number of words, 2), the characters of the caption, from and to.
        tag_names: The tags that the tagger knows.
    """

    offsets: NDArray[np.int64]
    words: Strings
    tags: NDArray[np.uint8]
    spans: NDArray[np.int32]
    tag_names: tuple[str, ...]

    def __len__(self) -> int:
        """The number of captions."""
        return len(self.offsets) - 1

    def to_list(self) -> list[list[tuple[str, str]]]:
        """Gives the (word, tag) pairs of every caption."""
        names = self.tag_names
        pairs = list(zip(self.words.to_list(), (names[tag] for tag in self.tags.tolist()), strict=True))
        bounds = self.offsets.tolist()
        return [pairs[start:end] for start, end in itertools.pairwise(bounds)]


class PosTagger:
    """An English part-of-speech tagger: NLTK's averaged perceptron, in Rust, with weights in the package.

    Words are split as by ``nltk.tokenize.NLTKWordTokenizer``, with the whole caption as one sentence. ``PosTagger()``
    has the weights of this package, trained on UD English EWT and on captions. :meth:`from_nltk` reads NLTK's own
    weights, and then the tags equal those of ``nltk.pos_tag``. The tags are those of the Penn Treebank.

    Args:
        content: The content of a tagger file; None for the package's own.

    Raises:
        ValueError: ``content`` is not the content of a tagger file, or is damaged.

    Example:
        >>> PosTagger().tag("the dog is black")
        [('the', 'DT'), ('dog', 'NN'), ('is', 'VBZ'), ('black', 'JJ')]
    """

    def __init__(self, content: bytes | None = None) -> None:
        if content is None:
            content = files("unicl.phrases").joinpath(_ENGLISH).read_bytes()
        self._content = content
        self._native = _native.PosTagger(content)
        self.tag_names: tuple[str, ...] = tuple(self._native.tag_names)

    @classmethod
    def load(cls, path: str | Path) -> PosTagger:
        """Reads a tagger from a file that :meth:`save` wrote.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is not a tagger file, has another version, or is damaged; the message names it.
        """
        content = Path(path).read_bytes()
        try:
            return cls(content)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    @classmethod
    def from_nltk(cls, path: str | Path) -> PosTagger:
        """Reads NLTK's tagger from its folder, or from the ``.weights.json`` in it.

        Args:
            path: The folder with the files ``*.weights.json``, ``*.tagdict.json`` and ``*.classes.json``
                (``nltk_data/taggers/averaged_perceptron_tagger_eng``), or the first of these files.

        Raises:
            FileNotFoundError: A file is missing; the message names it.
            ValueError: There are several taggers in the folder, or a file does not have NLTK's format.
        """
        path = Path(path)
        if path.is_dir():
            found = sorted(path.glob("*.weights.json"))
            if len(found) > 1:
                raise ValueError(
                    f"expected one tagger in {path}; got {', '.join(f.name for f in found)}: give the path of one"
                )
            if not found:
                raise FileNotFoundError(
                    f"expected the folder of one of NLTK's taggers; got {path}, which has no *.weights.json"
                )
            path = found[0]
        stem = path.name.removesuffix(".weights.json")
        if stem == path.name:
            raise ValueError(f"expected a folder or a file named *.weights.json; got {path}")
        parts = [path.with_name(f"{stem}.{part}.json") for part in ("weights", "tagdict", "classes")]
        try:
            return cls(_native.convert_nltk_tagger(*(part.read_text(encoding="utf-8") for part in parts)))
        except ValueError as error:
            raise ValueError(f"{path}: expected NLTK's weights; got files that are not: {error}") from None

    def save(self, path: str | Path) -> None:
        """Writes the weights as a tagger file, for :meth:`load`."""
        write_bytes(Path(path), self._content)

    @overload
    def tag(  # type: ignore[overload-overlap]  # a str is a sequence of str too; it matches first
        self, captions: str, *, threads: int | None = None
    ) -> list[tuple[str, str]]: ...
    @overload
    def tag(self, captions: Sequence[str] | ArrowArray | ArrowStream, *, threads: int | None = None) -> TaggedWords: ...
    def tag(self, captions: Captions, *, threads: int | None = None) -> list[tuple[str, str]] | TaggedWords:
        """Tags the words of captions as they stand; nothing is lower-cased.

        Args:
            captions: One caption, a batch of them, or an Arrow column.
            threads: How many threads to use; None for all cores.

        Returns:
            The (word, tag) pairs for one caption; columns for a batch.

        Example:
            >>> PosTagger().tag(["a dog", ""]).to_list()
            [[('a', 'DT'), ('dog', 'NN')], []]
        """
        offsets, spans, text, text_offsets, tags = self._native.tag(captions, threads)
        words = Strings(text=text, offsets=text_offsets)
        tagged = TaggedWords(offsets=offsets, words=words, tags=tags, spans=spans, tag_names=self.tag_names)
        return tagged.to_list()[0] if isinstance(captions, str) else tagged

    def tag_words(self, sentences: Sequence[Sequence[str]], *, threads: int | None = None) -> list[list[str]]:
        """Tags sentences whose words are already split.

        Args:
            sentences: The words of each sentence.
            threads: How many threads to use; None for all cores.

        Raises:
            TypeError: A sentence is a string.

        Example:
            >>> PosTagger().tag_words([["a", "dog"], []])
            [['DT', 'NN'], []]
        """
        for row, sentence in enumerate(sentences):
            if isinstance(sentence, str):
                raise TypeError(
                    f"expected lists of words; sentence {row} is a str: split it, or call tag(), which splits captions"
                )
        names = self.tag_names
        tagged = self._native.tag_words([list(words) for words in sentences], threads)
        return [[names[tag] for tag in tags] for tags in tagged]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._content,)

    def __repr__(self) -> str:
        return f"PosTagger({len(self.tag_names)} tags, {len(self._content):,} bytes)"


@lru_cache(maxsize=1)
def english_tagger() -> PosTagger:
    """The tagger with the package's own weights, read once."""
    return PosTagger()
