"""Tokenizers as torch and Hugging Face's datasets call them: captions in, token tensors out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor
from torch.utils.data import get_worker_info

from unicl.text import Captions, Tokenizer


@dataclass(frozen=True)
class TokenTransform:
    """A tokenizer that gives tensors. It is called like open_clip's tokenizers, so it can replace one.

    It pickles, so workers of a DataLoader and processes of ``datasets.map`` take it. It runs on one thread in a worker
    of a DataLoader, and on all cores elsewhere.

    Attributes:
        tokenizer: A ``unicl.ClipTokenizer``, or another tokenizer that is called the same way.

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
        """The number of ids in a row, unless a call asks for another."""
        return self.tokenizer.context_length

    def __call__(self, texts: Captions, context_length: int | None = None) -> Int64[Tensor, "n length"]:
        """Encodes captions as rows of ids.

        Args:
            texts: A caption, a sequence of captions, or an Arrow column of strings.
            context_length: The number of ids in a row; None: the tokenizer's.

        Returns:
            One row a caption.

        Raises:
            TypeError, ValueError, ModuleNotFoundError: The tokenizer refuses a caption; the message names the row.
        """
        return torch.from_numpy(self.tokenizer(texts, context_length=context_length, threads=threads_of_process()))

    def on_column(self, column: str = "caption", *, context_length: int | None = None) -> ColumnTransform:
        """Gives the function for ``datasets.map(batched=True)`` of Hugging Face's datasets.

        Args:
            column: The column with the captions.
            context_length: The number of ids in a row; None: the tokenizer's.

        Example:
            >>> from unicl import ClipTokenizer
            >>> tokenize = TokenTransform(ClipTokenizer()).on_column("text", context_length=4)
            >>> tokenize({"text": ["a dog", ""], "id": [7, 8]})["attention_mask"].tolist()
            [[1, 1, 1, 1], [1, 1, 0, 0]]
        """
        return ColumnTransform(tokenizer=self.tokenizer, column=column, context_length=context_length)


@dataclass(frozen=True, kw_only=True)
class ColumnTransform:
    """Makes the token columns of a batch of columns. :meth:`TokenTransform.on_column` gives it.

    Attributes:
        tokenizer: The tokenizer of the :class:`TokenTransform`.
        column: The column with the captions.
        context_length: The number of ids in a row; None: the tokenizer's.
    """

    tokenizer: Tokenizer
    column: str
    context_length: int | None = None

    def __call__(self, batch: Any) -> Any:
        """Encodes the captions of n examples.

        Args:
            batch: Columns by name, or a ``pyarrow.Table``, which ``map`` gives under the format "arrow".

        Returns:
            The new columns "input_ids" and "attention_mask", int64 (n, context_length). For a table, the table with
            these columns after its own.

        Raises:
            KeyError: The batch has no such column.
            TypeError, ValueError, ModuleNotFoundError: The tokenizer refuses a caption; the message names the row of
                the batch.
        """
        if isinstance(batch, Mapping) and self.column not in batch:
            names = ", ".join(map(repr, batch))
            raise KeyError(f"expected a column {self.column!r}; got {names}: name the one with captions")
        columns = self.tokenizer.batch_encode(
            batch[self.column], context_length=self.context_length, threads=threads_of_process()
        )
        if not hasattr(batch, "append_column"):
            return columns
        import pyarrow as pa

        for name, rows in columns.items():
            batch = batch.append_column(name, pa.FixedSizeListArray.from_arrays(rows.ravel(), rows.shape[1]))
        return batch


def threads_of_process() -> int | None:
    """Gives one thread in a worker of a DataLoader; None, so all cores, elsewhere."""
    return None if get_worker_info() is None else 1
