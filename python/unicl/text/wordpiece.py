"""BERT's WordPiece tokenizer."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict

import numpy as np

from unicl._native import WordPieceTokenizer as _Native
from unicl.text import wordpiece_files
from unicl.text.ids import one_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from unicl.text.captions import Captions


class ModelSettings(TypedDict, total=False):
    """What `WordPieceTokenizer` takes beside its vocabulary that a model was trained with, by name."""

    lowercase: bool
    strip_accents: bool | None
    handle_chinese_chars: bool
    clean_text: bool
    unk_token: str
    cls_token: str
    sep_token: str
    pad_token: str
    mask_token: str
    added_tokens: Sequence[str]
    continuing_subword_prefix: str
    max_input_chars_per_word: int


class WordPieceSettings(ModelSettings, total=False):
    """All that `WordPieceTokenizer` takes beside its vocabulary, by name; its documentation says what each means."""

    context_length: int
    special_tokens: Literal["text", "bert"]


class WordPieceTokenizer:
    """BERT's WordPiece tokenizer: captions or pairs in, rows of token ids out, equal to transformers' on every caption.

    The work is done in Rust with the GIL released. Characters are taken for what Hugging Face's tokenizers takes them
    for, whose tables of Unicode are older than this Python's. A tokenizer holds up to one word cache of 2 MiB for each
    thread that has worked for it, and nothing that grows. It pickles (with its vocabulary, 230 kB for BERT's) and may
    be used from several threads and after ``fork``.

    Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding";
    word pieces: Wu et al. 2016, "Google's Neural Machine Translation System", section 4.1. The names of the settings
    are Hugging Face's.

    Args:
        vocabulary: The path of a ``vocab.txt``, one token a line in the order of their ids; or the tokens themselves.
            Use `from_file` for a ``tokenizer.json``.
        lowercase: Whether letters are lowered: True for uncased models, False for cased ones.
        strip_accents: Whether accents are dropped. None: as `lowercase`.
        handle_chinese_chars: Whether each Chinese character is a word of its own.
        clean_text: Whether control characters are dropped and every kind of whitespace counts as a space.
        unk_token: The token of a word that the vocabulary cannot spell.
        cls_token: The token that every row begins with.
        sep_token: The token that follows each text.
        pad_token: The token behind the last text.
        mask_token: The token of a hidden word, if the vocabulary has it.
        added_tokens: Names of further control tokens, such as BLIP's ``[DEC]`` and ``[ENC]``; those that the vocabulary
            lacks get the ids that follow its own.
        continuing_subword_prefix: What the vocabulary writes before a piece that does not begin a word.
        max_input_chars_per_word: A longer word is unknown.
        context_length: Ids in a row, at least 2: the class token, the text, the separator, padding.
        special_tokens: What the names of control tokens mean inside a caption. "text": text like any other, so that a
            caption cannot forge them, as in transformers with ``split_special_tokens=True``. "bert": the tokens, as in
            transformers by default.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line of the vocabulary is malformed or repeated (it is named), a control token is missing from
            it, or an argument is none of the above.

    Example:
        >>> tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "dog", "##s", "play", "##ing", "."]
        >>> tokenizer = WordPieceTokenizer(tokens, context_length=7)
        >>> tokenizer(["A dog.", "dogs playing"])
        array([[2, 4, 5, 9, 3, 0, 0],
               [2, 5, 6, 7, 8, 3, 0]])
        >>> tokenizer.decode([2, 5, 6, 7, 8, 3, 0])
        'dogs playing'
    """

    def __init__(
        self,
        vocabulary: str | PathLike[str] | Sequence[str],
        *,
        lowercase: bool = True,
        strip_accents: bool | None = None,
        handle_chinese_chars: bool = True,
        clean_text: bool = True,
        unk_token: str = "[UNK]",  # noqa: S107 - no password
        cls_token: str = "[CLS]",  # noqa: S107
        sep_token: str = "[SEP]",  # noqa: S107
        pad_token: str = "[PAD]",  # noqa: S107
        mask_token: str = "[MASK]",  # noqa: S107
        added_tokens: Sequence[str] = (),
        continuing_subword_prefix: str = "##",
        max_input_chars_per_word: int = 100,
        context_length: int = 77,
        special_tokens: Literal["text", "bert"] = "text",
    ) -> None:
        if isinstance(added_tokens, str):
            raise TypeError(f"added_tokens must be a sequence of str; got the str {added_tokens!r}")
        if max_input_chars_per_word < 1:
            raise ValueError(f"max_input_chars_per_word must be at least 1; got {max_input_chars_per_word}")
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.handle_chinese_chars = handle_chinese_chars
        self.clean_text = clean_text
        self.unk_token = unk_token
        self.cls_token = cls_token
        self.sep_token = sep_token
        self.pad_token = pad_token
        self.mask_token = mask_token
        self.added_tokens = tuple(added_tokens)
        self.continuing_subword_prefix = continuing_subword_prefix
        self.max_input_chars_per_word = max_input_chars_per_word
        self.context_length = _checked_length(context_length)
        self.special_tokens = special_tokens
        self._native = self._make_native(wordpiece_files.read_vocabulary(vocabulary))

    @classmethod
    def from_file(
        cls,
        path: str | PathLike[str],
        *,
        context_length: int = 77,
        special_tokens: Literal["text", "bert"] = "text",
    ) -> Self:
        """Make the tokenizer that a ``tokenizer.json`` describes: BERT's, or that of a model like it, such as MiniLM.

        All settings are read of it but truncation and padding, which are those of a call here: rows have
        `context_length` ids whatever the file says.

        Args:
            path: The file.
            context_length: Ids in a row.
            special_tokens: As in the class.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it describes no tokenizer like BERT's: it says what is different.
        """
        tokens, settings = wordpiece_files.read_tokenizer_json(Path(path))
        return cls(tokens, **settings, context_length=context_length, special_tokens=special_tokens)

    @classmethod
    def from_hub(
        cls,
        name: str,
        *,
        revision: str | None = None,
        context_length: int = 77,
        special_tokens: Literal["text", "bert"] = "text",
    ) -> Self:
        """Make the tokenizer of a model on the Hugging Face hub; its ``tokenizer.json`` is downloaded once and cached.

        Args:
            name: Of the model: ``"google-bert/bert-base-uncased"``.
            revision: A branch, tag or commit; None: the main branch.
            context_length: Ids in a row.
            special_tokens: As in the class.

        Raises:
            ModuleNotFoundError: If the huggingface_hub package is not installed.
            FileNotFoundError: If the model has no ``tokenizer.json``.
            ValueError: As `from_file`.
        """
        path = wordpiece_files.hub_file(name, revision)
        return cls.from_file(path, context_length=context_length, special_tokens=special_tokens)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        """Make the tokenizer that `save` wrote.

        Raises:
            FileNotFoundError: If there is no such folder, or a file of it is missing.
            ValueError: If `save` did not write it, or it was damaged since.
        """
        settings = wordpiece_files.read_settings(Path(folder))
        return cls.from_file(Path(folder) / "tokenizer.json", **settings)

    def save(self, folder: str | PathLike[str]) -> None:
        """Write ``vocab.txt``, ``tokenizer.json`` and ``tokenizer_config.json``, which transformers reads as well.

        ``transformers.AutoTokenizer.from_pretrained(folder)`` gives the same ids, whatever `special_tokens` is. Each
        file is written aside and moved into its place, so that none is ever there in part.

        Args:
            folder: Made if it is not there; files of these names in it are replaced.
        """
        wordpiece_files.write(Path(folder), self._tokens(), self._settings())

    @property
    def vocab_size(self) -> int:
        """How many ids there are, those of added tokens included: 30,522 for BERT uncased."""
        return self._native.vocab_size

    @property
    def unk_id(self) -> int:
        """The id of a word that the vocabulary cannot spell."""
        return self._native.control_ids[0]

    @property
    def cls_id(self) -> int:
        """The id that every row begins with."""
        return self._native.control_ids[1]

    @property
    def sep_id(self) -> int:
        """The id that follows each text."""
        return self._native.control_ids[2]

    @property
    def pad_id(self) -> int:
        """The id behind the last text."""
        return self._native.control_ids[3]

    @property
    def mask_id(self) -> int | None:
        """The id of a hidden word; None if the vocabulary has no `mask_token`."""
        return self._native.mask_id

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
        """Encode captions as rows of ids: the class token, the text, the separator, padding.

        Text that does not fit is cut, and the separator stays, unless `truncate` is False. `torch.from_numpy` takes the
        rows without a copy.

        Args:
            captions: A caption, a sequence of them, or an Arrow column of strings; n of them.
            context_length: Ids in a row; None: the tokenizer's.
            dtype: Of the rows, unless `out` is given.
            out: A C-contiguous int64 or int32 array of shape (n, context_length) that is filled and returned.
            threads: None: all cores. In a DataLoader's worker, 1.
            truncate: Whether text that does not fit is cut or refused.

        Returns:
            Ids of shape (n, context_length); (1, context_length) for one `str`.

        Raises:
            TypeError: If a caption is not a `str` or is missing (the row is named), or `out` is no such array.
            ValueError: If a caption has a lone surrogate, or does not fit and `truncate` is False (the row and its
                number of tokens are named), or `out` has another shape.
            KeyboardInterrupt: Within a second of Ctrl-C. `out` may then be partly filled; after the other errors it is
                as it was.

        Example:
            >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "dog", "##s"])
            >>> rows = np.empty((2, 4), np.int32)
            >>> tokenizer(["dogs dogs", "cat"], context_length=4, out=rows) is rows
            True
            >>> rows
            array([[2, 4, 5, 3],
                   [2, 1, 3, 0]], dtype=int32)
        """
        length = self.context_length if context_length is None else _checked_length(context_length)
        return self._native.encode_padded(captions, length, dtype, out=out, threads=threads, truncate=truncate)

    def batch_encode(
        self,
        captions: Captions,
        pairs: Captions | None = None,
        *,
        context_length: int | None = None,
        dtype: Literal["int64", "int32"] = "int64",
        threads: int | None = None,
        truncate: bool = True,
    ) -> dict[str, NDArray[Any]]:
        """Encode captions, or pairs of texts, as ids, masks and token types, named as transformers' models take them.

        Of a pair that does not fit, the longer text is cut first, until both are of one length (transformers'
        ``longest_first``).

        Args:
            captions: A caption, a sequence of them, or an Arrow column of strings; n of them.
            pairs: As many second texts.
            context_length: Ids in a row, with pairs at least 3; None: the tokenizer's.
            dtype: Of all three arrays.
            threads: None: all cores.
            truncate: Whether text that does not fit is cut or refused.

        Returns:
            "input_ids"; "attention_mask", 0 on padding and else 1; "token_type_ids", 1 on a second text and its
            separator and else 0; each of shape (n, context_length).

        Raises:
            TypeError, ValueError, KeyboardInterrupt: As when called, and ValueError if there is not one second text for
                each caption.

        Example:
            >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "dog", "##s"])
            >>> for name, rows in tokenizer.batch_encode(["dogs"], ["dog"], context_length=7).items():
            ...     print(name, rows[0])
            input_ids [2 4 5 3 4 3 0]
            attention_mask [1 1 1 1 1 1 0]
            token_type_ids [0 0 0 0 1 1 0]
        """
        length = self.context_length if context_length is None else context_length
        ids, mask, types = self._native.encode_batch(
            captions,
            pairs,
            _checked_length(length, least=2 if pairs is None else 3),
            dtype,
            threads=threads,
            truncate=truncate,
        )
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}

    def encode(self, captions: Captions, *, threads: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Encode captions without control tokens, without padding, and uncut.

        Args:
            captions: A caption, a sequence of them, or an Arrow column of strings; n of them.
            threads: None: all cores.

        Returns:
            The ids of all captions one after another, and offsets of shape (n + 1,): caption i has
            ``ids[offsets[i]:offsets[i + 1]]``.

        Raises:
            TypeError, ValueError: As when called.

        Example:
            >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "dog", "##s"])
            >>> tokenizer.encode(["dogs", "", "dog"])
            (array([4, 5, 4]), array([0, 2, 2, 3]))
        """
        return self._native.encode_ragged(captions, threads=threads)

    def decode(self, ids: ArrayLike) -> str:
        """Give the text of one row of ids: its words with a space between them ("don ' t").

        Class, separator and padding tokens are left out, the other control tokens stay.

        Args:
            ids: Integers of shape (length,): a list, an array or a tensor.

        Raises:
            TypeError: If the ids are not integers.
            ValueError: If they are not one row, or one of them is not in the vocabulary.
        """
        return self._native.decode(one_row(ids))

    def __repr__(self) -> str:
        return (
            f"WordPieceTokenizer(lowercase={self.lowercase}, context_length={self.context_length}, "
            f"special_tokens={self.special_tokens!r}, vocab_size={self.vocab_size})"
        )

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["_native"] = self._native.vocabulary
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._native = self._make_native(state["_native"])

    def _make_native(self, vocabulary: bytes) -> _Native:
        return _Native(
            vocabulary,
            unk_token=self.unk_token,
            cls_token=self.cls_token,
            sep_token=self.sep_token,
            pad_token=self.pad_token,
            mask_token=self.mask_token,
            added_tokens=list(self.added_tokens),
            continuing_subword_prefix=self.continuing_subword_prefix,
            max_input_chars_per_word=self.max_input_chars_per_word,
            clean_text=self.clean_text,
            handle_chinese_chars=self.handle_chinese_chars,
            strip_accents=self.lowercase if self.strip_accents is None else self.strip_accents,
            lowercase=self.lowercase,
            special_tokens=self.special_tokens,
        )

    def _tokens(self) -> list[str]:
        return self._native.vocabulary.decode().split("\n")[:-1]

    def _settings(self) -> WordPieceSettings:
        names = WordPieceSettings.__optional_keys__
        return {name: getattr(self, name) for name in names}  # type: ignore[return-value]


def _checked_length(context_length: int, *, least: int = 2) -> int:
    if context_length < least:
        raise ValueError(
            f"context_length must be at least {least}, for the class token and a separator after each text; "
            f"got {context_length}"
        )
    return context_length
