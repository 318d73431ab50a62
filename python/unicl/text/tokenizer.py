"""Defines what the tokenizers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unicl.text.captions import Captions


class Tokenizer(Protocol):
    """What the tokenizers of :mod:`unicl.text` have in common."""

    @property
    def context_length(self) -> int:
        """Ids in a row."""
        ...

    @property
    def pad_id(self) -> int:
        """The id behind the text."""
        ...

    def __call__(
        self,
        captions: Captions,
        *,
        context_length: int | None = None,
        dtype: Literal["int64", "int32"] = "int64",
        threads: int | None = None,
    ) -> NDArray[Any]:
        """Ids of shape (n, context_length)."""
        ...

    def encode(self, captions: Captions, *, threads: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All ids without control tokens and padding, and n + 1 offsets."""
        ...
