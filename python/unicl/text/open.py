"""Opens a tokenizer by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from unicl.text.clip import ClipTokenizer
from unicl.text.wordpiece import WordPieceTokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from unicl.text.tokenizer import Tokenizer


def open_tokenizer(
    name: Literal["clip", "wordpiece"],
    file: Path | None = None,
    *,
    clean: Literal["openai", "hf", "none"] = "openai",
    lowercase: bool = True,
    context_length: int = 77,
) -> Tokenizer:
    """Makes a tokenizer from the file with its vocabulary.

    Args:
        name: "clip": :class:`unicl.ClipTokenizer`; "wordpiece": :class:`unicl.text.WordPieceTokenizer`.
        file: For "clip" the merges file or a ``tokenizer.json``. None: the merges of OpenAI's CLIP. For
            "wordpiece" a ``vocab.txt``, or a ``tokenizer.json``, which has the settings too.
        clean: For "clip": how a caption is cleaned.
        lowercase: For "wordpiece" from a ``vocab.txt``: True for uncased models, False for cased ones.
        context_length: Ids in a row.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is malformed, or "wordpiece" has none.
    """
    if name == "clip":
        return ClipTokenizer(file, clean=clean, context_length=context_length)
    if file is None:
        raise ValueError(
            "expected the vocabulary of the WordPiece tokenizer; got none: name a vocab.txt or a tokenizer.json"
        )
    if file.suffix == ".json":
        return WordPieceTokenizer.from_file(file, context_length=context_length)
    return WordPieceTokenizer(file, lowercase=lowercase, context_length=context_length)
