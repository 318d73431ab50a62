"""Turns the texts of a batch into rows of token ids, no longer than the longest of them needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from unicl.data.tokenize import threads_of_process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unicl.text import Tokenizer


@dataclass(frozen=True, kw_only=True)
class SourceTokens:
    """A mark for the text tower: whether a text is a caption or the prompt of a class.

    Captions and prompts differ in style. With a mark the text tower need not guess the style from the words (Saito et
    al., "Prefix Conditioning Unifies Language and Label Supervision", CVPR 2023). For zero-shot evaluation mark the
    prompts as captions.

    Attributes:
        caption: The mark of captions: words to put before the text, or one token id to put after the start token. An
            empty string marks nothing.
        prompt: The mark of class prompts, of the same kind. An id must be one that the text tower has.

    Raises:
        TypeError: One is words and the other an id.
        ValueError: An id is below 0.

    Example:
        >>> SourceTokens(caption="", prompt="label:").marked(["a dog", "cat"], [False, True])
        ['a dog', 'label: cat']
    """

    caption: str | int
    prompt: str | int

    def __post_init__(self) -> None:
        if isinstance(self.caption, str) != isinstance(self.prompt, str):
            raise TypeError(f"expected words for both kinds of texts, or ids for both; got {self}")
        if not isinstance(self.caption, str) and min(self.ids) < 0:
            raise ValueError(f"expected token ids >= 0; got {self}")

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of captions and prompts; none if the marks are words."""
        return tuple(mark for mark in (self.caption, self.prompt) if not isinstance(mark, str))

    def marked(self, texts: Sequence[str], is_prompt: Sequence[bool]) -> list[str]:
        """Puts words before texts. Ids change no text."""
        if self.ids:
            return list(texts)
        marks = (f"{self.caption} ".lstrip(), f"{self.prompt} ".lstrip())
        return [marks[prompt] + text for text, prompt in zip(texts, is_prompt, strict=True)]


@dataclass(frozen=True, kw_only=True)
class TokenRows:
    """Makes the token rows of a batch with one call of a tokenizer.

    Attributes:
        tokenizer: The tokenizer.
        trim: Rows end with the longest text of the batch, at a multiple of so many ids; None: all rows have the
            tokenizer's ``context_length``. Text towers give the same features for trimmed rows, up to rounding.
        source_tokens: The marks of captions and prompts; None: no marks.

    Raises:
        ValueError: ``trim`` is below 1.

    Example:
        >>> from unicl import ClipTokenizer
        >>> TokenRows(tokenizer=ClipTokenizer(), trim=4)(["a dog", "two dogs play"], [False, False])
        tensor([[49406,   320,  1929, 49407,     0,     0,     0,     0],
                [49406,  1237,  3255,  1453, 49407,     0,     0,     0]])
    """

    tokenizer: Tokenizer
    trim: int | None = 8
    source_tokens: SourceTokens | None = None

    def __post_init__(self) -> None:
        if self.trim is not None and self.trim < 1:
            raise ValueError(f"expected trim >= 1, or None for rows of full length; got {self.trim}")

    def __call__(self, texts: Sequence[str], is_prompt: Sequence[bool]) -> Int64[Tensor, "n length"]:
        """Tokenizes texts.

        Args:
            texts: n texts.
            is_prompt: Whether each is the prompt of a class.
        """
        marks = self.source_tokens
        inserted = 1 if marks and marks.ids else 0
        longest = self.tokenizer.context_length
        columns = self.tokenizer.batch_encode(
            marks.marked(texts, is_prompt) if marks else texts,
            context_length=longest - inserted,
            threads=threads_of_process(),
        )
        ids: np.ndarray = columns["input_ids"]
        if marks and inserted:
            ids = np.insert(ids, 1, np.array(marks.ids)[np.array(is_prompt, dtype=np.intp)], axis=1)
        if self.trim is not None:
            used = int(columns["attention_mask"].sum(axis=1).max(initial=1)) + inserted
            ids = ids[:, : min(-(-used // self.trim) * self.trim, longest)]
        return torch.from_numpy(np.ascontiguousarray(ids))
