"""BERT's WordPiece tokenizer."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from unicl._native import WordPieceTokenizer as _Native
from unicl.text.tokenizer import NativeTokenizer, checked_length
from unicl.text.wordpiece_files import (
    Template,
    WordPieceSettings,
    bert_templates,
    hub_file,
    read_settings,
    read_tokenizer_json,
    read_vocabulary,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from unicl.text.captions import Captions


class WordPieceTokenizer(NativeTokenizer):
    """BERT's WordPiece tokenizer: captions or pairs in, rows of token ids out, equal to transformers' on every caption.

    The work is done in Rust with the GIL released. Characters are classified as in Hugging Face's tokenizers, whose
    tables of Unicode are older than this Python's.

    A tokenizer keeps at most one word cache of 2 MiB for each thread that has worked for it, and nothing that grows. It
    pickles with its vocabulary (230 kB for BERT's). Several threads may use it, and it works after ``fork``.

    Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding";
    word pieces: Wu et al. 2016, "Google's Neural Machine Translation System", section 4.1. The names of the settings
    are Hugging Face's.

    Args:
        vocabulary: The path of a ``vocab.txt``, with one token a line in the order of their ids, or the tokens
            themselves. Use `from_file` for a ``tokenizer.json``.
        lowercase: Whether letters are lowered: True for uncased models, False for cased ones.
        strip_accents: Whether accents are removed. None: as `lowercase`.
        handle_chinese_chars: Whether each Chinese character is a word of its own.
        clean_text: Whether control characters are removed and every kind of whitespace counts as a space.
        unk_token: The token of a word that the vocabulary cannot spell.
        cls_token: The token that every row begins with.
        sep_token: The token that follows each text.
        pad_token: The token of padding, after the last text.
        mask_token: The token of a hidden word, if the vocabulary has it.
        added_tokens: Names of further control tokens, such as BLIP's ``[DEC]`` and ``[ENC]``. Those that the vocabulary
            lacks get the ids after its own.
        continuing_subword_prefix: The prefix of a piece that does not begin a word.
        max_input_chars_per_word: A longer word is unknown.
        context_length: Ids in a row, at least 2: the class token, the text, the separator, padding.
        special_tokens: The meaning of the names of control tokens inside a caption. "text": they are text, so a caption
            cannot forge the tokens, as in transformers with ``split_special_tokens=True``. "bert": they are the tokens,
            as in transformers by default.
        single_template: The parts of a row with one text, each with its token type: ``"$A"`` is the text, and other
            names are control tokens. None: BERT's, ``[("[CLS]", 0), ("$A", 0), ("[SEP]", 0)]``.
        pair_template: The parts of a row with two texts, ``"$A"`` and ``"$B"``. None: BERT's, which are those of one
            text and then ``("$B", 1), ("[SEP]", 1)``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line of the vocabulary is malformed or repeated (the error names it), a control token is missing
            from it, a template lacks a text or has an unknown token, or an argument is none of the above.

    Example:
        >>> tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "dog", "##s", "play", "##ing", "."]
        >>> tokenizer = WordPieceTokenizer(tokens, context_length=7)
        >>> tokenizer(["A dog.", "dogs playing"])
        array([[2, 4, 5, 9, 3, 0, 0],
               [2, 5, 6, 7, 8, 3, 0]])
        >>> tokenizer.decode([2, 5, 6, 7, 8, 3, 0])
        'dogs playing'
        >>> tokenizer.encode(["dogs", "", "dog"])
        (array([5, 6, 5]), array([0, 2, 2, 3]))
    """

    _native: _Native

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
        single_template: Sequence[tuple[str, int]] | None = None,
        pair_template: Sequence[tuple[str, int]] | None = None,
    ) -> None:
        if isinstance(added_tokens, str):
            raise TypeError(f"expected added_tokens as a sequence of str; got the str {added_tokens!r}")
        if max_input_chars_per_word < 1:
            raise ValueError(f"expected max_input_chars_per_word >= 1; got {max_input_chars_per_word}")
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
        self.special_tokens = special_tokens
        single, pair = bert_templates(cls_token, sep_token)
        self.single_template: Template = single if single_template is None else tuple(single_template)
        self.pair_template: Template = pair if pair_template is None else tuple(pair_template)
        self._native = self._make_native(read_vocabulary(vocabulary))
        self.context_length = checked_length(context_length, self._native.control_tokens[0])

    @classmethod
    def from_file(
        cls,
        path: str | PathLike[str],
        *,
        context_length: int = 77,
        special_tokens: Literal["text", "bert"] = "text",
    ) -> Self:
        """Makes the tokenizer that a ``tokenizer.json`` describes: BERT's, or one like it, as of MiniLM and MPNet.

        All settings are read from the file except truncation and padding. Those are settings of a call here: rows have
        `context_length` ids, whatever the file asks for.

        Args:
            path: The file.
            context_length: Ids in a row.
            special_tokens: As in the class.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It describes no tokenizer like BERT's; the error gives the difference.
        """
        tokens, settings = read_tokenizer_json(Path(path))
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
        """Makes the tokenizer of a model on the Hugging Face hub; its ``tokenizer.json`` is downloaded once and cached.

        Args:
            name: The name of the model, such as ``"google-bert/bert-base-uncased"``.
            revision: A branch, tag or commit. None: the main branch.
            context_length: Ids in a row.
            special_tokens: As in the class.

        Raises:
            ModuleNotFoundError: The huggingface_hub package is not installed.
            FileNotFoundError: The model has no ``tokenizer.json``.
            ValueError: As in `from_file`.
        """
        path = hub_file(name, revision)
        return cls.from_file(path, context_length=context_length, special_tokens=special_tokens)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        """Makes the tokenizer that `save` wrote.

        Raises:
            FileNotFoundError: There is no such folder, or a file in it is missing.
            ValueError: `save` did not write it, or it was damaged since.
        """
        settings = read_settings(Path(folder))
        return cls.from_file(Path(folder) / "tokenizer.json", **settings)

    def save(self, folder: str | PathLike[str]) -> None:
        """Writes ``vocab.txt``, ``tokenizer.json`` and ``tokenizer_config.json``, which transformers reads too.

        ``transformers.AutoTokenizer.from_pretrained(folder)`` gives the same ids, whatever `special_tokens` is. Each
        file is written under another name and then moved into its place, so a file is never there in part.

        Args:
            folder: It is made if it does not exist. Files of these names in it are replaced.
        """
        write(Path(folder), self._tokens(), self._settings())

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
        """The id of padding, after the last text."""
        return self._native.control_ids[3]

    @property
    def mask_id(self) -> int | None:
        """The id of a hidden word, or None if the vocabulary has no `mask_token`."""
        return self._native.mask_id

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
        """Encodes captions or pairs of texts as ids, masks and token types, named as in transformers' models.

        If a pair does not fit, the longer text is cut first, until both are of one length. This is transformers'
        ``longest_first``.

        Args:
            captions: n captions.
            pairs: n second texts, or None.
            context_length: Ids in a row, at least its control tokens: for BERT 2, with pairs 3. None: the tokenizer's.
            dtype: The type of all three arrays.
            threads: The number of threads. None: all cores.
            truncate: Whether text that does not fit is cut or refused.

        Returns:
            Three arrays of shape (n, context_length). "input_ids": the rows. "attention_mask": 0 on padding, 1
            elsewhere. "token_type_ids": for BERT 1 on a second text and its separator, and 0 elsewhere; else those of
            the templates.

        Raises:
            TypeError, ValueError, KeyboardInterrupt: As when called. Also ValueError if there is not one second text
                for each caption.

        Example:
            >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "dog", "##s"])
            >>> for name, rows in tokenizer.batch_encode(["dogs"], ["dog"], context_length=7).items():
            ...     print(name, rows[0])
            input_ids [2 4 5 3 4 3 0]
            attention_mask [1 1 1 1 1 1 0]
            token_type_ids [0 0 0 0 1 1 0]
        """
        length = self._row_length(context_length, control_tokens=self._native.control_tokens[pairs is not None])
        ids, mask, types = self._native.encode_batch(captions, pairs, length, dtype, threads=threads, truncate=truncate)
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}

    def __repr__(self) -> str:
        return (
            f"WordPieceTokenizer(lowercase={self.lowercase}, context_length={self.context_length}, "
            f"special_tokens={self.special_tokens!r}, vocab_size={self.vocab_size})"
        )

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
            single_template=list(self.single_template),
            pair_template=list(self.pair_template),
        )

    def _row_length(self, context_length: int | None, *, control_tokens: int | None = None) -> int:
        control_tokens = self._native.control_tokens[0] if control_tokens is None else control_tokens
        return super()._row_length(context_length, control_tokens=control_tokens)

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
        return self._native.encode_padded(captions, length, dtype, out=out, threads=threads, truncate=truncate)

    def _encode_ragged(self, captions: Captions, threads: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self._native.encode_ragged(captions, threads=threads)

    def _tokens(self) -> list[str]:
        return self._native.vocabulary.decode().split("\n")[:-1]

    def _settings(self) -> WordPieceSettings:
        names = WordPieceSettings.__optional_keys__
        return {name: getattr(self, name) for name in names}  # type: ignore[return-value]
