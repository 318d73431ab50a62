"""Captions to token tensors: where a tokenizer of `unicl.text` meets torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import get_worker_info

if TYPE_CHECKING:
    from unicl.text import Captions, Tokenizer


@dataclass(frozen=True)
class TokenTransform:
    """A tokenizer that gives tensors: callable like open_clip's, so that it stands wherever one of those does.

    It pickles, so workers of a DataLoader and processes of ``datasets.map`` take it. In a worker of a DataLoader it
    runs on one thread, elsewhere on all cores.

    Attributes:
        tokenizer: A `unicl.ClipTokenizer`, or another one that is called the same way.

    Example:
        >>> from unicl import ClipTokenizer
        >>> transform = TokenTransform(ClipTokenizer(context_length=5))
        >>> transform(["a dog", "dogs"])
        tensor([[49406,   320,  1929, 49407,     0],
                [49406,  3255, 49407,     0,     0]])
        >>> transform("a dog")[0]  # as a webdataset pipeline of open_clip calls it
        tensor([49406,   320,  1929, 49407,     0])
    """

    tokenizer: Tokenizer

    @property
    def context_length(self) -> int:
        """Ids in a row, unless a call asks for another number."""
        return self.tokenizer.context_length

    def __call__(self, texts: Captions, context_length: int | None = None) -> torch.Tensor:
        """Encode captions as rows of ids.

        Args:
            texts: A caption, a sequence of them, or an Arrow column of strings; n of them.
            context_length: Ids in a row; None: the tokenizer's.

        Returns:
            int64 (n, context_length); (1, context_length) for one `str`.

        Raises:
            TypeError, ValueError, ModuleNotFoundError: As the tokenizer does, naming the row.
        """
        return torch.from_numpy(self.tokenizer(texts, context_length=context_length, threads=_threads()))

    def on_column(self, column: str = "caption", *, context_length: int | None = None) -> ColumnTransform:
        """Give the function for ``datasets.map(batched=True)`` of Hugging Face's datasets.

        Args:
            column: The one with the captions.
            context_length: Ids in a row; None: the tokenizer's.

        Example:
            >>> from unicl import ClipTokenizer
            >>> tokenize = TokenTransform(ClipTokenizer()).on_column("text", context_length=4)
            >>> tokenize({"text": ["a dog", ""], "id": [7, 8]})["attention_mask"].tolist()
            [[1, 1, 1, 1], [1, 1, 0, 0]]
        """
        return ColumnTransform(tokenizer=self.tokenizer, column=column, context_length=context_length)


@dataclass(frozen=True, kw_only=True)
class ColumnTransform:
    """A batch of columns in, the columns of its tokens out: what `TokenTransform.on_column` gives.

    Attributes:
        tokenizer: As `TokenTransform.tokenizer`.
        column: The column with the captions.
        context_length: Ids in a row; None: the tokenizer's.
    """

    tokenizer: Tokenizer
    column: str
    context_length: int | None = None

    def __call__(self, batch: Any) -> Any:
        """Encode the captions of n examples.

        Args:
            batch: Columns by name, or a ``pyarrow.Table``, as ``map`` gives it under the format "arrow".

        Returns:
            New columns, int64 (n, context_length): "input_ids" and "attention_mask"; or the table with these behind its
            own.

        Raises:
            KeyError: If the batch has no such column.
            TypeError, ValueError, ModuleNotFoundError: As the tokenizer does, naming the row of the batch.
        """
        if isinstance(batch, Mapping) and self.column not in batch:
            names = ", ".join(map(repr, batch))
            raise KeyError(f"no column {self.column!r} among {names}; name the one with captions")
        columns = self.tokenizer.batch_encode(
            batch[self.column], context_length=self.context_length, threads=_threads()
        )
        if not hasattr(batch, "append_column"):
            return columns
        import pyarrow as pa

        for name, rows in columns.items():
            batch = batch.append_column(name, pa.FixedSizeListArray.from_arrays(rows.ravel(), rows.shape[1]))
        return batch


def _threads() -> int | None:
    return None if get_worker_info() is None else 1
