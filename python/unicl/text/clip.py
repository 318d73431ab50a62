"""CLIP's byte-pair tokenizer."""

from __future__ import annotations

import html
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from unicl._native import ClipTokenizer as _Native
from unicl._native import read_merges
from unicl.text.clip_files import CLIP_MERGES, ClipSettings, hub_file, read_settings, write
from unicl.text.tokenizer import NativeTokenizer, checked_length

if TYPE_CHECKING:
    from typing import Unpack

    import numpy as np
    from numpy.typing import NDArray

    from unicl.text.captions import Captions


class ClipTokenizer(NativeTokenizer):
    """CLIP's byte-pair tokenizer: captions in, rows of token ids out, equal to open_clip's on every caption.

    The work is done in Rust with the GIL released. A few captions are first cleaned in Python as open_clip does it,
    about 20,000 a second. They need a decision of ftfy: they contain ``&``, a control character, a rare script, or
    neighbours that wrongly decoded text could have. Without the ftfy package such a caption is refused, because it
    would get other ids. ``clean="hf"`` and ``clean="none"`` never need ftfy.

    A tokenizer keeps at most one word cache of 2 MiB for each thread that has worked for it, and nothing that grows. It
    pickles with its vocabulary (200 kB). Several threads may use it, and it works after ``fork``.

    Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision"; byte pairs:
    Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2.

    Args:
        merges: The merges file of a CLIP model (``bpe_simple_vocab_16e6.txt.gz`` or a ``merges.txt``), or its
            ``tokenizer.json``, of which only the vocabulary is read; plain or gzip. None: the merges of
            OpenAI's CLIP, which come with this package.
        clean: How a caption is cleaned. "openai": ftfy, HTML entities unescaped twice, lower case, as in OpenAI's CLIP
            and open_clip. "hf": NFC and lower case character by character, as in transformers, which knows fewer of the
            characters that Unicode added after version 14. "none": not at all, and case stays.
        context_length: Ids in a row, at least 2: the start token, the text, the end token, padding.
        pad_id: The id after the end token: 0 in OpenAI's CLIP and open_clip, the end token in transformers.
        special_tokens: The meaning of the names of start and end token inside a caption. "text": they are text, so a
            caption cannot forge the tokens. "open_clip": ``<start_of_text>`` and ``<end_of_text>`` are the tokens, as
            in open_clip. "openai": ``<|startoftext|>`` and ``<|endoftext|>`` are the tokens, as in OpenAI's CLIP and
            in transformers. In transformers (``clean="hf"``) they are tokens inside punctuation too, but not in
            capitals.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line of the file is malformed (the error names it), a ``tokenizer.json`` is not a CLIP model's
            (the error gives the reason), or an argument is none of the above.

    Example:
        >>> tokenizer = ClipTokenizer()
        >>> tokenizer(["a dog", "Two dogs play."], context_length=7)
        array([[49406,   320,  1929, 49407,     0,     0,     0],
               [49406,  1237,  3255,  1453,   269, 49407,     0]])
        >>> tokenizer.decode([49406, 320, 1929, 49407, 0, 0])
        'a dog'
    """

    _native: _Native

    def __init__(
        self,
        merges: str | PathLike[str] | None = None,
        *,
        clean: Literal["openai", "hf", "none"] = "openai",
        context_length: int = 77,
        pad_id: int = 0,
        special_tokens: Literal["text", "open_clip", "openai"] = "text",
    ) -> None:
        self.clean = clean
        self.special_tokens = special_tokens
        self._native = self._make_native(read_merges(CLIP_MERGES if merges is None else Path(merges)))
        if not 0 <= pad_id < self.vocab_size:
            raise ValueError(f"expected pad_id from 0 to {self.vocab_size - 1}, an id of the vocabulary; got {pad_id}")
        self.context_length = checked_length(context_length)
        self.pad_id = pad_id

    @classmethod
    def from_hub(cls, name: str, *, revision: str | None = None, **settings: Unpack[ClipSettings]) -> Self:
        """Makes a tokenizer with the vocabulary of a model on the Hugging Face hub.

        The vocabulary is downloaded once and cached. Nothing else of the model is read. For the ids of transformers,
        pass ``clean="hf"``, ``special_tokens="openai"`` and ``pad_id=49407``.

        Args:
            name: The name of the model, such as ``"openai/clip-vit-base-patch32"``.
            revision: A branch, tag or commit. None: the main branch.
            settings: The arguments of the class except `merges`.

        Raises:
            ModuleNotFoundError: The huggingface_hub package is not installed.
            FileNotFoundError: The model has no ``tokenizer.json`` and no ``merges.txt``.
            ValueError: Its vocabulary is not CLIP's.
        """
        return cls(hub_file(name, revision), **settings)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        """Makes the tokenizer that `save` wrote.

        Raises:
            FileNotFoundError: There is no such folder, or a file in it is missing.
            ValueError: `save` did not write it, or it was damaged since.
        """
        return cls(Path(folder) / "tokenizer.json", **read_settings(Path(folder)))

    def save(self, folder: str | PathLike[str]) -> None:
        """Writes the vocabulary and the settings to a folder, as files that transformers reads too.

        ``transformers.AutoTokenizer.from_pretrained(folder)`` gives the ids that this tokenizer gives with
        ``clean="hf"`` and ``special_tokens="openai"``: transformers cleans in no other way. It pads with the end token,
        because padding with a symbol of the vocabulary would make that symbol a control token.

        Each file is written under another name and then moved into its place, so a file is never there in part.

        Args:
            folder: It is made if it does not exist. A ``tokenizer.json`` and a ``tokenizer_config.json`` in it are
                replaced.

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
        write(Path(folder), self._native.symbols(), self._native.vocabulary, settings)

    @property
    def start_id(self) -> int:
        """The id that every row begins with: 49406 for CLIP's file."""
        return self._native.start_id

    @property
    def end_id(self) -> int:
        """The id that follows the text in every row: 49407 for CLIP's file.

        The end token is the first `end_id` of a row. If `pad_id` is the same id, ``argmax`` finds it only if it takes
        the first of equal ids.
        """
        return self._native.end_id

    def batch_encode(
        self,
        captions: Captions,
        *,
        context_length: int | None = None,
        dtype: Literal["int64", "int32"] = "int64",
        threads: int | None = None,
        truncate: bool = True,
    ) -> dict[str, NDArray[Any]]:
        """Encodes captions as rows of ids and masks, under the names that the models of transformers use.

        The mask tells the end token from padding, even if `pad_id` is the end token's id as in transformers.

        Args:
            captions: n captions.
            context_length: Ids in a row. None: the tokenizer's.
            dtype: The type of both arrays.
            threads: The number of threads. None: all cores.
            truncate: Whether text that does not fit is cut or refused.

        Returns:
            Two arrays of shape (n, context_length). "input_ids": the rows that a call gives. "attention_mask": 1 on the
            start token, the text and the end token, 0 on padding.

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
        length = self._row_length(context_length)
        ids, mask = self._native.encode_masked(
            captions, length, self.pad_id, dtype, repair=_repair, threads=threads, truncate=truncate
        )
        return {"input_ids": ids, "attention_mask": mask}

    def __repr__(self) -> str:
        return (
            f"ClipTokenizer(clean={self.clean!r}, context_length={self.context_length}, pad_id={self.pad_id}, "
            f"special_tokens={self.special_tokens!r}, vocab_size={self.vocab_size})"
        )

    def _make_native(self, vocabulary: bytes) -> _Native:
        return _Native(vocabulary, self.clean, self.special_tokens)

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
        return self._native.encode_padded(
            captions, length, self.pad_id, dtype, out=out, repair=_repair, threads=threads, truncate=truncate
        )

    def _encode_ragged(self, captions: Captions, threads: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self._native.encode_ragged(captions, repair=_repair, threads=threads)


def _repair(captions: list[str]) -> list[str]:
    """Cleans captions as open_clip does; Rust calls it with the captions that need ftfy."""
    try:
        import ftfy
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'expected the ftfy package, with which clean="openai" repairs captions such as {captions[0][:80]!r}; '
            'got none: pip install ftfy, or choose clean="hf" or clean="none"'
        ) from error
    return [" ".join(html.unescape(html.unescape(ftfy.fix_text(text))).split()).lower() for text in captions]
