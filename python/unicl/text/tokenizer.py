"""Defines the calls of a tokenizer, and the base class of both tokenizers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unicl.text.captions import Captions


@runtime_checkable
class Tokenizer(Protocol):
    """The calls that jobs and data sets make of a tokenizer; the tokenizers of :mod:`unicl.text` have them."""

    @property
    def context_length(self) -> int:
        """Ids in a row, unless a call asks for another number."""
        ...

    @property
    def pad_id(self) -> int:
        """The id of padding, which fills a row after the text."""
        ...

    def __call__(
        self,
        captions: Captions,
        *,
        context_length: int | None = None,
        dtype: Literal["int64", "int32"] = "int64",
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Encodes n captions as rows of ids, of shape (n, context_length)."""
        ...

    def batch_encode(
        self,
        captions: Captions,
        *,
        context_length: int | None = None,
        threads: int | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Encodes n captions as arrays (n, context_length), under the names that transformers' models use."""
        ...

    def encode(self, captions: Captions, *, threads: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Encodes captions without control tokens and padding: all ids, and n + 1 offsets."""
        ...


class _Native(Protocol):
    """The part of a Rust tokenizer that the base class uses."""

    @property
    def vocab_size(self) -> int: ...

    @property
    def vocabulary(self) -> bytes: ...

    def decode(self, ids: NDArray[np.int64]) -> str: ...


class NativeTokenizer(ABC):
    """A tokenizer that works in Rust: rows of ids, ids without padding, and back to text.

    Captions are one caption, a sequence of captions, or an Arrow column of strings. A row has a control token before
    the text and one after it: CLIP's start and end token, or BERT's class token and separator. The work is done with
    the GIL released.

    A tokenizer keeps at most one word cache of 2 MiB for each thread that has worked for it, and nothing that grows. It
    pickles with its vocabulary. Several threads may use it, and it works after ``fork``.

    Attributes:
        context_length: Ids in a row, unless a call asks for another number.
    """

    context_length: int
    _native: _Native

    @property
    def vocab_size(self) -> int:
        """The number of ids, with those of control tokens and added tokens."""
        return self._native.vocab_size

    def __call__(
        self,
        captions: Captions,
        *,
        context_length: int | None = None,
        dtype: Literal["int64", "int32"] = "int64",
        out: NDArray[np.int64] | NDArray[np.int32] | None = None,
        threads: int | None = None,
        truncate: bool = True,
    ) -> NDArray[Any]:
        """Encodes captions as rows of ids: a control token, the text, a control token, padding.

        Text that does not fit is cut unless `truncate` is False; the control token after it stays. ``torch.from_numpy``
        uses the rows without a copy.

        Args:
            captions: n captions.
            context_length: Ids in a row, at least 2. None: the tokenizer's.
            dtype: The type of the ids, unless `out` is given.
            out: A C-contiguous int64 or int32 array of shape (n, context_length). It is filled and returned.
            threads: The number of threads. None: all cores. In a worker of a DataLoader, use 1.
            truncate: Whether text that does not fit is cut (as open_clip does) or refused (as OpenAI's CLIP does).

        Returns:
            Ids of shape (n, context_length), or (1, context_length) for one ``str``.

        Raises:
            TypeError: A caption is not a ``str`` or is missing (the error names the row), or `out` is no such array.
            ValueError: A caption has a lone surrogate, or does not fit and `truncate` is False (the error names the row
                and its number of tokens), or `out` has another shape.
            ModuleNotFoundError: A caption of a :class:`ClipTokenizer` needs ftfy, which is not installed.
            KeyboardInterrupt: Within a second of Ctrl-C. `out` may then be partly filled. After other errors it is
                unchanged.

        Example:
            >>> from unicl.text import ClipTokenizer
            >>> rows = np.empty((2, 5), np.int32)
            >>> ClipTokenizer()(["a very long caption", ""], context_length=5, out=rows) is rows
            True
            >>> rows
            array([[49406,   320,  1070,  1538, 49407],
                   [49406, 49407,     0,     0,     0]], dtype=int32)
        """
        length = self._row_length(context_length)
        return self._encode_padded(captions, length, dtype, out=out, threads=threads, truncate=truncate)

    def encode(self, captions: Captions, *, threads: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Encodes captions without control tokens and padding, and does not cut them.

        Args:
            captions: n captions.
            threads: The number of threads. None: all cores.

        Returns:
            The ids of all captions one after another, and offsets of shape (n + 1,). Caption i has
            ``ids[offsets[i]:offsets[i + 1]]``.

        Raises:
            TypeError, ValueError, ModuleNotFoundError: As when called.

        Example:
            >>> from unicl.text import ClipTokenizer
            >>> ids, offsets = ClipTokenizer().encode(["a dog", "", "dogs"])
            >>> ids, offsets
            (array([ 320, 1929, 3255]), array([0, 2, 2, 3]))
        """
        return self._encode_ragged(captions, threads)

    def decode(self, ids: ArrayLike) -> str:
        """Gives the text of one row of ids, as the ids have it: with one space between pieces or words.

        A :class:`ClipTokenizer` gives the text before the first end token, without start tokens, in lower case
        ("don 't"). Bytes that are not UTF-8, as at the end of a text that was cut inside a character, become U+FFFD. A
        :class:`WordPieceTokenizer` removes class, separator and padding tokens and keeps the other control tokens.

        Args:
            ids: Integers of shape (length,): a list, an array or a tensor.

        Raises:
            TypeError: The ids are not integers.
            ValueError: They are not one row, or an id is not in the vocabulary.
        """
        row = np.asarray(ids)
        if row.ndim != 1:
            raise ValueError(f"expected one row of ids, of shape (length,); got shape {row.shape}")
        if row.size and not np.issubdtype(row.dtype, np.integer):
            raise TypeError(f"expected ids as integers; got {row.dtype}")
        return self._native.decode(np.ascontiguousarray(row, dtype=np.int64))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_native": self._native.vocabulary}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._native = self._make_native(state["_native"])

    @abstractmethod
    def _make_native(self, vocabulary: bytes) -> Any:
        """Makes the Rust tokenizer with the settings of this one."""

    @abstractmethod
    def _encode_padded(
        self,
        captions: Captions,
        length: int,
        dtype: str,
        *,
        out: NDArray[np.int64] | NDArray[np.int32] | None,
        threads: int | None,
        truncate: bool,
    ) -> NDArray[Any]:
        """Calls the Rust tokenizer for rows of this length."""

    @abstractmethod
    def _encode_ragged(self, captions: Captions, threads: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Calls the Rust tokenizer for ids without padding."""

    def _row_length(self, context_length: int | None, *, control_tokens: int = 2) -> int:
        """The checked length of a row with this number of control tokens; None: the tokenizer's."""
        length = self.context_length if context_length is None else context_length
        return checked_length(length, control_tokens)


def checked_length(context_length: int, control_tokens: int = 2) -> int:
    """Gives a length of rows that has room for the control tokens.

    Raises:
        ValueError: It has no room for them.
    """
    if context_length < control_tokens:
        raise ValueError(f"expected context_length >= {control_tokens}, for the control tokens; got {context_length}")
    return context_length
