"""The Rust extension: caption tokenization, noun phrases and label mapping.

Private: use :mod:`unicl.text` and :mod:`unicl.labels`, which say what the values mean. Every function that takes
captions takes a ``str``, a sequence of ``str``, or an Arrow column of strings, and copies none of them; works with
the GIL released; takes ``threads`` (None: all cores; each call starts and ends its own, so it is safe after
``fork``); and raises ``TypeError`` or ``ValueError`` naming the row. A ``RuntimeError`` that begins with
"bug in unicl" is one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from unicl.text.captions import Captions

__all__ = ["ClipTokenizer", "read_merges"]

# Text: tokenizers.

def read_merges(path: Path) -> bytes:
    """Read a merges file of byte pairs, plain or gzip, and pack it for `ClipTokenizer`.

    Raises:
        FileNotFoundError, OSError: If it cannot be read.
        ValueError: Naming the line, if it is not two known symbols or makes what an earlier line makes.
    """

@final
class ClipTokenizer:
    """CLIP's byte-pair tokenizer with its word caches; see `unicl.text.ClipTokenizer`."""

    def __new__(cls, packed_merges: bytes, clean: str, special_tokens: str) -> ClipTokenizer:
        """Make a tokenizer of what `read_merges` gave."""

    @property
    def packed_merges(self) -> bytes:
        """What the tokenizer was made of."""

    @property
    def vocab_size(self) -> int:
        """How many ids there are."""

    @property
    def start_id(self) -> int:
        """The id that every row begins with."""

    @property
    def end_id(self) -> int:
        """The id that follows the text in every row."""

    def encode_padded(
        self,
        captions: Captions,
        context_length: int,
        pad_id: int,
        dtype: str,
        *,
        out: NDArray[Any] | None,
        repair: Callable[[list[str]], list[str]],
        threads: int | None,
    ) -> NDArray[Any]:
        """Encode to rows of `context_length`, at least 2; `repair` gets the captions that ftfy might change."""

    def encode_ragged(
        self, captions: Captions, *, repair: Callable[[list[str]], list[str]], threads: int | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Encode without start, end and padding: all ids, and n + 1 offsets."""

    def decode(self, ids: NDArray[np.int64]) -> str:
        """Give the text before the first end token of one contiguous row."""
