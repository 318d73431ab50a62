"""CLIP's byte-pair tokenizer."""

from __future__ import annotations

import html
import importlib.util
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from unicl._native import ClipTokenizer as _Native
from unicl._native import read_merges

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unicl.text.captions import Captions


class ClipTokenizer:
    """CLIP's byte-pair tokenizer: captions in, rows of token ids out, equal to open_clip's on every caption.

    The work is done in Rust with the GIL released. Only captions whose repair takes ftfy's judgement (they contain
    ``&``, a control character, a rare script, or neighbours that text decoded wrongly could have) are first cleaned in
    Python as open_clip does it, about 20,000 a second. That needs the ftfy package, and without it such a caption is
    refused rather than given other ids. Not so with ``clean="hf"`` and ``clean="none"``.

    A tokenizer holds up to one word cache of 2 MiB for each thread that has worked for it, and nothing that grows. It
    pickles (with its vocabulary, 200 kB) and may be used from several threads and after ``fork``.

    Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision"; byte pairs:
    Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2.

    Args:
        merges: The merges file (``bpe_simple_vocab_16e6.txt.gz``, a ``merges.txt``), plain or gzip. None: that of the
            installed open_clip, which is found without importing it.
        clean: What happens to a caption first. "openai": ftfy, HTML entities unescaped twice, lower case, as in
            OpenAI's CLIP and open_clip. "hf": NFC and lower case character by character, as in transformers, which
            knows fewer of the characters that came after Unicode 14. "none": nothing, case stays.
        context_length: Ids in a row, at least 2: the start token, the text, the end token, padding.
        pad_id: The id behind the end token: 0 in OpenAI's CLIP and open_clip, the end token in transformers.
        special_tokens: What the names of the start and end token mean inside a caption. "text": text like any other, so
            that a caption cannot forge them. "open_clip": ``<start_of_text>`` and ``<end_of_text>`` are the tokens, as
            open_clip has it. "openai": ``<|startoftext|>`` and ``<|endoftext|>`` are, as in OpenAI's CLIP and in
            transformers (there, with ``clean="hf"``, inside punctuation too, and not in capitals).

    Raises:
        FileNotFoundError: If there is no such file, or `merges` is None and open_clip is not installed.
        ValueError: If a line of the file is malformed (it is named), or an argument is none of the above.

    Example:
        >>> tokenizer = ClipTokenizer()
        >>> tokenizer(["a dog", "Two dogs play."], context_length=7)
        array([[49406,   320,  1929, 49407,     0,     0,     0],
               [49406,  1237,  3255,  1453,   269, 49407,     0]])
        >>> tokenizer.decode([49406, 320, 1929, 49407, 0, 0])
        'a dog'
    """

    def __init__(
        self,
        merges: str | PathLike[str] | None = None,
        *,
        clean: Literal["openai", "hf", "none"] = "openai",
        context_length: int = 77,
        pad_id: int = 0,
        special_tokens: Literal["text", "open_clip", "openai"] = "text",
    ) -> None:
        packed_merges = read_merges(Path(merges) if merges is not None else _open_clip_merges())
        self._native = _Native(packed_merges, clean, special_tokens)
        if not 0 <= pad_id < self.vocab_size:
            raise ValueError(f"pad_id must be an id of the vocabulary, 0 to {self.vocab_size - 1}; got {pad_id}")
        self.clean = clean
        self.context_length = _checked_length(context_length)
        self.pad_id = pad_id
        self.special_tokens = special_tokens

    @property
    def vocab_size(self) -> int:
        """How many ids there are, the start and the end token included: 49,408 for CLIP's file."""
        return self._native.vocab_size

    @property
    def start_id(self) -> int:
        """The id that every row begins with: 49406 for CLIP's file."""
        return self._native.start_id

    @property
    def end_id(self) -> int:
        """The id that follows the text in every row: 49407 for CLIP's file."""
        return self._native.end_id

    def __call__(
        self,
        captions: Captions,
        *,
        context_length: int | None = None,
        dtype: Literal["int64", "int32"] = "int64",
        out: NDArray[np.int64] | NDArray[np.int32] | None = None,
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Encode captions as rows of ids: the start token, the text, the end token, padding.

        Text that does not fit is cut, and the end token stays. The end token is the first `end_id` of a row; it is not
        found by ``argmax`` where `pad_id` is the same id, unless the first of equals is taken. `torch.from_numpy` takes
        the rows without a copy.

        Args:
            captions: A caption, a sequence of them, or an Arrow column of strings; n of them.
            context_length: Ids in a row; None: the tokenizer's.
            dtype: Of the rows, unless `out` is given.
            out: A C-contiguous int64 or int32 array of shape (n, context_length) that is filled and returned.
            threads: None: all cores. In a DataLoader's worker, 1.

        Returns:
            Ids of shape (n, context_length); (1, context_length) for one `str`.

        Raises:
            TypeError: If a caption is not a `str` or is missing (the row is named), or `out` is no such array.
            ValueError: If a caption has a lone surrogate, or `out` has another shape.
            ModuleNotFoundError: If a caption needs ftfy and it is not installed.

        Example:
            >>> rows = np.empty((2, 5), np.int32)
            >>> ClipTokenizer()(["a very long caption", ""], context_length=5, out=rows) is rows
            True
            >>> rows
            array([[49406,   320,  1070,  1538, 49407],
                   [49406, 49407,     0,     0,     0]], dtype=int32)
        """
        length = self.context_length if context_length is None else _checked_length(context_length)
        return self._native.encode_padded(
            captions, length, self.pad_id, dtype, out=out, repair=_repair, threads=threads
        )

    def encode(self, captions: Captions, *, threads: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Encode captions without start and end token, without padding, and uncut.

        Args:
            captions: A caption, a sequence of them, or an Arrow column of strings; n of them.
            threads: None: all cores.

        Returns:
            The ids of all captions one after another, and offsets of shape (n + 1,): caption i has
            ``ids[offsets[i]:offsets[i + 1]]``.

        Raises:
            TypeError, ValueError, ModuleNotFoundError: As when called.

        Example:
            >>> ids, offsets = ClipTokenizer().encode(["a dog", "", "dogs"])
            >>> ids, offsets
            (array([ 320, 1929, 3255]), array([0, 2, 2, 3]))
        """
        return self._native.encode_ragged(captions, repair=_repair, threads=threads)

    def decode(self, ids: ArrayLike) -> str:
        """Give the text of one row of ids: what stands before the first end token, without start tokens.

        The text is as the ids have it: lower case, one space between pieces ("don 't"). Bytes that are not UTF-8, as at
        the end of a text cut inside a character, become U+FFFD.

        Args:
            ids: Integers of shape (length,): a list, an array or a tensor.

        Raises:
            TypeError: If the ids are not integers.
            ValueError: If they are not one row, or one of them is not in the vocabulary.
        """
        row = np.asarray(ids)
        if row.ndim != 1:
            raise ValueError(f"decode wants one row of ids, of shape (length,); got shape {row.shape}")
        if row.size and not np.issubdtype(row.dtype, np.integer):
            raise TypeError(f"decode wants integers; got {row.dtype}")
        return self._native.decode(np.ascontiguousarray(row, dtype=np.int64))

    def __repr__(self) -> str:
        return (
            f"ClipTokenizer(clean={self.clean!r}, context_length={self.context_length}, pad_id={self.pad_id}, "
            f"special_tokens={self.special_tokens!r}, vocab_size={self.vocab_size})"
        )

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["_native"] = self._native.packed_merges
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._native = _Native(state["_native"], self.clean, self.special_tokens)


def _checked_length(context_length: int) -> int:
    if context_length < 2:
        raise ValueError(f"context_length must be at least 2, for the start and the end token; got {context_length}")
    return context_length


def _open_clip_merges() -> Path:
    """The merges file that open_clip brings along; importing open_clip would import torch."""
    spec = importlib.util.find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "ClipTokenizer needs CLIP's merges file: pass its path as merges=, "
            "or install the open-clip-torch package, which has it"
        )
    return Path(spec.origin).parent / "bpe_simple_vocab_16e6.txt.gz"


def _repair(captions: list[str]) -> list[str]:
    """Clean captions as open_clip does; Rust calls it with those that take ftfy."""
    try:
        import ftfy
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'clean="openai" repairs captions such as {captions[0][:80]!r} with the ftfy package, '
            'which is not installed: install ftfy, or choose clean="hf" or clean="none"'
        ) from error
    return [" ".join(html.unescape(html.unescape(ftfy.fix_text(text))).split()).lower() for text in captions]
