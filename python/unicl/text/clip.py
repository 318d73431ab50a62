"""CLIP's byte-pair tokenizer."""

from __future__ import annotations

import html
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict

import numpy as np

from unicl._native import ClipTokenizer as _Native
from unicl._native import read_merges
from unicl.text import clip_files as clip_vocabulary
from unicl.text.ids import one_row

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike, NDArray

    from unicl.text.captions import Captions


class ClipSettings(TypedDict, total=False):
    """What `ClipTokenizer` takes beside its vocabulary, by name; its documentation says what each means."""

    clean: Literal["openai", "hf", "none"]
    context_length: int
    pad_id: int
    special_tokens: Literal["text", "open_clip", "openai"]


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
        merges: The merges file (``bpe_simple_vocab_16e6.txt.gz``, a ``merges.txt``) or the ``tokenizer.json`` of a CLIP
            model, of which nothing but the vocabulary is read; plain or gzip. None: the merges file of the installed
            open_clip, which is found without importing it.
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
        ValueError: If a line of the file is malformed (it is named), a ``tokenizer.json`` is no CLIP model's (it says
            why), or an argument is none of the above.

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
        packed_merges = read_merges(Path(merges) if merges is not None else clip_vocabulary.open_clip_merges())
        self._native = _Native(packed_merges, clean, special_tokens)
        if not 0 <= pad_id < self.vocab_size:
            raise ValueError(f"pad_id must be an id of the vocabulary, 0 to {self.vocab_size - 1}; got {pad_id}")
        self.clean = clean
        self.context_length = _checked_length(context_length)
        self.pad_id = pad_id
        self.special_tokens = special_tokens

    @classmethod
    def from_hub(cls, name: str, *, revision: str | None = None, **settings: Unpack[ClipSettings]) -> Self:
        """Make a tokenizer with the vocabulary of a model on the Hugging Face hub, which is downloaded once and cached.

        Nothing else is read of the model: for the ids of transformers, ask for ``clean="hf"``,
        ``special_tokens="openai"`` and ``pad_id=49407``.

        Args:
            name: Of the model: ``"openai/clip-vit-base-patch32"``.
            revision: A branch, tag or commit; None: the main branch.
            settings: Those of the class, but for `merges`.

        Raises:
            ModuleNotFoundError: If the huggingface_hub package is not installed.
            FileNotFoundError: If the model has no ``tokenizer.json`` and no ``merges.txt``.
            ValueError: If its vocabulary is not CLIP's.
        """
        return cls(clip_vocabulary.hub_file(name, revision), **settings)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        """Make the tokenizer that `save` wrote.

        Raises:
            FileNotFoundError: If there is no such folder, or a file of it is missing.
            ValueError: If `save` did not write it, or it was damaged since.
        """
        return cls(Path(folder) / "tokenizer.json", **clip_vocabulary.read_settings(Path(folder)))

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the vocabulary and the settings to a folder, as files that transformers reads as well.

        ``transformers.AutoTokenizer.from_pretrained(folder)`` gives the ids that this tokenizer gives with
        ``clean="hf"`` and ``special_tokens="openai"``, and pads with the end token: it has no other way of cleaning,
        and to pad with a symbol of the vocabulary would make a control token of it.

        Each file is written aside and moved into its place, so that none is ever there in part.

        Args:
            folder: Made if it is not there; a ``tokenizer.json`` and a ``tokenizer_config.json`` in it are replaced.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     ClipTokenizer(clean="none", context_length=12).save(folder)
            ...     ClipTokenizer.load(folder)
            ClipTokenizer(clean='none', context_length=12, pad_id=0, special_tokens='text', vocab_size=49408)
        """
        settings: ClipSettings = {
            "clean": self.clean,
            "context_length": self.context_length,
            "pad_id": self.pad_id,
            "special_tokens": self.special_tokens,
        }
        clip_vocabulary.write(Path(folder), self._native.symbols(), self._native.packed_merges, settings)

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
        truncate: bool = True,
    ) -> NDArray[Any]:
        """Encode captions as rows of ids: the start token, the text, the end token, padding.

        Text that does not fit is cut, and the end token stays, unless `truncate` is False. The end token is the first
        `end_id` of a row; it is not found by ``argmax`` where `pad_id` is the same id, unless the first of equals is
        taken. `torch.from_numpy` takes the rows without a copy.

        Args:
            captions: A caption, a sequence of them, or an Arrow column of strings; n of them.
            context_length: Ids in a row; None: the tokenizer's.
            dtype: Of the rows, unless `out` is given.
            out: A C-contiguous int64 or int32 array of shape (n, context_length) that is filled and returned.
            threads: None: all cores. In a DataLoader's worker, 1.
            truncate: Whether text that does not fit is cut, as open_clip does, or refused, as OpenAI's CLIP does.

        Returns:
            Ids of shape (n, context_length); (1, context_length) for one `str`.

        Raises:
            TypeError: If a caption is not a `str` or is missing (the row is named), or `out` is no such array.
            ValueError: If a caption has a lone surrogate, or does not fit and `truncate` is False (the row and its
                number of tokens are named), or `out` has another shape.
            ModuleNotFoundError: If a caption needs ftfy and it is not installed.
            KeyboardInterrupt: Within a second of Ctrl-C. `out` may then be partly filled; after the other errors it is
                as it was.

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
            captions, length, self.pad_id, dtype, out=out, repair=_repair, threads=threads, truncate=truncate
        )

    def batch_encode(
        self,
        captions: Captions,
        *,
        context_length: int | None = None,
        dtype: Literal["int64", "int32"] = "int64",
        threads: int | None = None,
        truncate: bool = True,
    ) -> dict[str, NDArray[Any]]:
        """Encode captions as rows of ids and masks, named as the models of transformers take them.

        The mask tells the end token from padding even where `pad_id` is the end token's id, as in transformers.

        Args:
            captions: A caption, a sequence of them, or an Arrow column of strings; n of them.
            context_length: Ids in a row; None: the tokenizer's.
            dtype: Of both arrays.
            threads: None: all cores.
            truncate: Whether text that does not fit is cut or refused.

        Returns:
            "input_ids", the rows that a call gives, and "attention_mask", 1 where the start token, the text and the end
            token stand and 0 on padding; both of shape (n, context_length).

        Raises:
            TypeError, ValueError, ModuleNotFoundError, KeyboardInterrupt: As when called.

        Example:
            >>> batch = ClipTokenizer(pad_id=49407).batch_encode(["a dog", "a"], context_length=5)
            >>> batch["input_ids"]
            array([[49406,   320,  1929, 49407, 49407],
                   [49406,   320, 49407, 49407, 49407]])
            >>> batch["attention_mask"]
            array([[1, 1, 1, 1, 0],
                   [1, 1, 1, 0, 0]])
        """
        length = self.context_length if context_length is None else _checked_length(context_length)
        ids, mask = self._native.encode_masked(
            captions, length, self.pad_id, dtype, repair=_repair, threads=threads, truncate=truncate
        )
        return {"input_ids": ids, "attention_mask": mask}

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
        return self._native.decode(one_row(ids))

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
