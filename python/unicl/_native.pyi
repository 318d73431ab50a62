"""The Rust extension: tar shards, caption tokenization, noun phrases and label mapping.

Private: use :mod:`unicl.files`, :mod:`unicl.text`, :mod:`unicl.phrases` and :mod:`unicl.labels`, whose documentation
explains the values.

Every function that takes captions takes a ``str``, a sequence of ``str``, or an Arrow column of strings, and copies
none of them. It releases the GIL and lets Ctrl-C through. ``threads`` is a number, or None for all cores; a call starts
and ends its own threads, so it is safe after ``fork``. A bad row raises ``TypeError`` or ``ValueError``, and the error
names the row. A ``RuntimeError`` that begins with "bug in unicl" reports a bug of this library.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ClipTokenizer",
    "LabelColumns",
    "LabelMapper",
    "LabelVocabulary",
    "PosTagger",
    "TarIndexer",
    "WordPieceTokenizer",
    "convert_nltk_tagger",
    "count_names",
    "lemma",
    "mine_labels",
    "read_merges",
    "shown_name",
    "text_keys",
]

# Captions.

class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: Any | None = None) -> tuple[Any, Any]: ...

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: Any | None = None) -> Any: ...

_Captions: TypeAlias = str | Sequence[str] | _ArrowArray | _ArrowStream
"""One caption, a batch of captions, or an Arrow column of strings."""

# Files: tar shards.

@final
class TarIndexer:
    """Reads a tar shard once, from front to back, and gives its samples; see `unicl.files.TarIndex`.

    It is for one thread at a time. After an error it must not be used.
    """

    def __new__(cls, path: Path, *, max_text_bytes: int, max_image_bytes: int) -> TarIndexer:
        """Opens a plain tar file. Larger members are counted and not read.

        Raises:
            FileNotFoundError, OSError: The file cannot be opened.
        """
    def advance(self) -> bool:
        """Reads on for a fraction of a second, and tells whether there is more.

        Raises:
            ValueError: The file is no tar file, is damaged or is cut off; the error names the byte.
            OSError: The file cannot be read.
        """
    def take(self) -> Any:
        """Takes the samples that are complete.

        They are a ``pyarrow.RecordBatch`` with the columns key, member, offset, size, caption and label.
        """
    @property
    def is_full(self) -> bool:
        """Whether enough samples for a batch are complete: take them before the next ``advance``."""
    @property
    def position(self) -> int:
        """How many bytes of the file are done."""
    @property
    def counts(self) -> list[tuple[str, int]]:
        """The number of files, and of members that are no files or cannot be used, by reason."""

# Text: tokenizers.

def read_merges(path: Path) -> bytes:
    """Reads the merges of a merges file or a ``tokenizer.json``, plain or gzip, and packs them for `ClipTokenizer`.

    Raises:
        FileNotFoundError, OSError: The file cannot be read.
        ValueError: A line is not two known symbols, or makes the symbol of an earlier line; the error names the line.
            Or the ``tokenizer.json`` is not a CLIP model's; the error gives the reason.
    """

@final
class ClipTokenizer:
    """CLIP's byte-pair tokenizer with its word caches; see `unicl.text.ClipTokenizer`."""

    def __new__(cls, vocabulary: bytes, clean: str, special_tokens: str) -> ClipTokenizer:
        """Makes a tokenizer from the result of `read_merges`."""

    @property
    def vocabulary(self) -> bytes:
        """The packed merges that the tokenizer was made from."""

    def symbols(self) -> list[str]:
        """Gives the symbol of every id in the files, in order, without the start and the end token."""

    @property
    def vocab_size(self) -> int:
        """The number of ids."""

    @property
    def start_id(self) -> int:
        """The id that every row begins with."""

    @property
    def end_id(self) -> int:
        """The id that follows the text in every row."""

    def encode_padded(
        self,
        captions: _Captions,
        context_length: int,
        pad_id: int,
        dtype: str,
        *,
        out: NDArray[Any] | None,
        repair: Callable[[list[str]], list[str]],
        threads: int | None,
        truncate: bool,
    ) -> NDArray[Any]:
        """Encodes to rows of `context_length`, at least 2; `repair` gets the captions that need ftfy."""

    def encode_masked(
        self,
        captions: _Captions,
        context_length: int,
        pad_id: int,
        dtype: str,
        *,
        repair: Callable[[list[str]], list[str]],
        threads: int | None,
        truncate: bool,
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Encodes to rows of `context_length`, and to masks: 1 on start, text and end, 0 on padding."""

    def encode_ragged(
        self, captions: _Captions, *, repair: Callable[[list[str]], list[str]], threads: int | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Encodes without start, end and padding: all ids, and n + 1 offsets."""

    def decode(self, ids: NDArray[np.int64]) -> str:
        """Gives the text before the first end token of one contiguous row."""

@final
class WordPieceTokenizer:
    """BERT's WordPiece tokenizer with its word caches; see `unicl.text.WordPieceTokenizer`."""

    def __new__(
        cls,
        vocabulary: bytes,
        *,
        unk_token: str,
        cls_token: str,
        sep_token: str,
        pad_token: str,
        mask_token: str,
        added_tokens: list[str],
        continuing_subword_prefix: str,
        max_input_chars_per_word: int,
        clean_text: bool,
        handle_chinese_chars: bool,
        strip_accents: bool,
        lowercase: bool,
        special_tokens: str,
        single_template: list[tuple[str, int]],
        pair_template: list[tuple[str, int]],
    ) -> WordPieceTokenizer:
        """Makes a tokenizer from the content of a ``vocab.txt``.

        Raises:
            ValueError: A line is malformed, a control token is missing, or a template lacks a text.
        """

    @property
    def vocabulary(self) -> bytes:
        """The content that the tokenizer was made from, without the added tokens."""

    @property
    def vocab_size(self) -> int:
        """The number of ids."""

    @property
    def control_ids(self) -> list[int]:
        """The ids of the unknown, class, separator and padding token."""

    @property
    def control_tokens(self) -> list[int]:
        """How many control tokens a row has with one text, and with two."""

    @property
    def mask_id(self) -> int | None:
        """The id of the mask token, if there is one."""

    def encode_padded(
        self,
        captions: _Captions,
        context_length: int,
        dtype: str,
        *,
        out: NDArray[Any] | None,
        threads: int | None,
        truncate: bool,
    ) -> NDArray[Any]:
        """Encodes to rows of `context_length`, at least 2."""

    def encode_batch(
        self,
        captions: _Captions,
        pairs: _Captions | None,
        context_length: int,
        dtype: str,
        *,
        threads: int | None,
        truncate: bool,
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Encodes to rows of `context_length`, at least their control tokens, to masks and to token types."""

    def encode_ragged(self, captions: _Captions, *, threads: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Encodes without control tokens and padding: all ids, and n + 1 offsets."""

    def decode(self, ids: NDArray[np.int64]) -> str:
        """Gives the text of one contiguous row without class, separator and padding tokens."""

# Text: tagging and noun phrases.

_Columns: TypeAlias = tuple[
    NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8]
]
"""Row offsets (n + 1,), spans (pieces, 2) in characters, UTF-8, its offsets (pieces + 1,), tags (pieces,) or (0,)."""

@final
class PosTagger:
    """An averaged-perceptron tagger from the content of a tagger file."""

    def __new__(cls, content: bytes) -> PosTagger: ...
    @property
    def tag_names(self) -> list[str]: ...
    def tag(self, captions: _Captions, threads: int | None = None) -> _Columns: ...
    def tag_words(self, sentences: list[list[str]], threads: int | None = None) -> list[bytes]: ...
    def find_noun_phrases(
        self, captions: _Captions, grammar: str | None = None, threads: int | None = None
    ) -> _Columns: ...

def convert_nltk_tagger(weights: str, tagdict: str, classes: str) -> bytes:
    """Converts the content of NLTK's three JSON files to that of a tagger file."""

# Labels.

@final
class LabelVocabulary:
    """Label names with ids, and every text that means one of them; synonyms and parents are (label, other) pairs.

    A phrase that ends in a blocked text means no label.
    """

    def __new__(
        cls,
        names: list[str],
        synonyms: list[tuple[str, str]],
        parents: list[tuple[str, str]],
        blocked: list[str],
    ) -> LabelVocabulary: ...
    @property
    def parents(self) -> NDArray[np.int32]: ...
    def shared_forms(self) -> list[tuple[str, int, int]]:
        """Give texts that are a form of two labels, with the id of the label that they mean and that of the other."""

    def id(self, name: str) -> int | None: ...
    def nearest_kept(self, is_kept: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Gives for each label the nearest of itself and its ancestors that is kept; -1 for none."""

@final
class LabelMapper:
    """Maps phrases and captions to the labels of a vocabulary.

    An index that only some modes need is made at the first call that needs it.
    """

    def __new__(
        cls,
        vocabulary: LabelVocabulary,
        *,
        mode: Literal["canonical", "argmax"] = "canonical",
        nearest_kept: NDArray[np.int32] | None = None,
        fuzzy_threshold: float | None = None,
        known_words: PosTagger | None = None,
    ) -> LabelMapper:
        """Makes a mapper; words are corrected if there is both a threshold and a tagger that knows the right words."""

    def map(
        self, phrases: _Captions, *, threads: int | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.uint8]]:
        """Gives ids (-1: none), scores and rules."""

    def label(
        self,
        captions: _Captions,
        tagger: PosTagger,
        *,
        grammar: str | None = None,
        phrases: Literal["count", "label", "text", "lemma"] = "count",
        threads: int | None = None,
    ) -> LabelColumns:
        """Gives the labels of captions and of their noun phrases; `phrases` tells how much of these."""

@final
class LabelColumns:
    """The labels of a batch of captions, as columns. Columns that were not asked for are None."""

    @property
    def labels(self) -> NDArray[np.int32]:
        """The labels of all captions: ascending within a caption, each once."""
    @property
    def label_offsets(self) -> NDArray[np.int64]:
        """(captions + 1,): where the labels of each caption begin, and the end."""
    @property
    def phrase_offsets(self) -> NDArray[np.int64]:
        """(captions + 1,): where the phrases of each caption begin, and the end."""
    @property
    def ids(self) -> NDArray[np.int32] | None:
        """(phrases,): the label of each phrase; -1 for none."""
    @property
    def scores(self) -> NDArray[np.float32] | None:
        """(phrases,): the score of each label."""
    @property
    def rules(self) -> NDArray[np.uint8] | None:
        """(phrases,): the rule that gave each label."""
    @property
    def spans(self) -> NDArray[np.int32] | None:
        """(phrases, 2): the characters of the caption, from and to."""
    @property
    def text(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]] | None:
        """The phrases as UTF-8, and the (phrases + 1,) offsets in it."""
    @property
    def lemmas(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]] | None:
        """The phrases without determiners and with singular heads, as UTF-8, and the offsets in it."""

def mine_labels(
    captions: Any,
    tagger: PosTagger,
    min_document_frequency: int,
    max_document_frequency: int,
    top_k: int | None = None,
    grammar: str | None = None,
    threads: int | None = None,
) -> list[tuple[str, int]]:
    """Give the names within the limits, the most frequent first, and the number of captions with each."""

def count_names(
    captions: Any,
    tagger: PosTagger,
    grammar: str | None = None,
    threads: int | None = None,
) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """Give every name that ``mine_labels`` considers, in no order.

    Each has its key, the number of captions with it, and the forms in which it is written, with their numbers. There
    are no forms if it is written as its key only.
    """

def shown_name(key: str, forms: list[tuple[str, int]]) -> str:
    """Give the form of a counted name that is shown: singulars first, then the most frequent, then one with spaces."""

def text_keys(texts: list[str]) -> list[str]:
    """Give texts as vocabularies tell them apart.

    Lower case, NFKC, no leading determiners, no marks at the edges of words, spaces for underscores and hyphens.
    """

def lemma(word: str) -> str:
    """Give the singular of a lower-case English noun."""
