"""Defines the captions that every text function accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable


@runtime_checkable
class ArrowArray(Protocol):
    """One Arrow array: a pyarrow.Array, or another object with the Arrow C data interface."""

    def __arrow_c_array__(self, requested_schema: Any | None = None) -> tuple[Any, Any]:
        """Gives the schema and the array as a pair of PyCapsules."""
        ...


@runtime_checkable
class ArrowStream(Protocol):
    """A stream of Arrow arrays: a pyarrow.ChunkedArray, a polars.Series, a pandas.Series."""

    def __arrow_c_stream__(self, requested_schema: Any | None = None) -> Any:
        """Gives the stream as a PyCapsule."""
        ...


Captions: TypeAlias = str | Sequence[str] | ArrowArray | ArrowStream
"""One caption, a sequence of captions, or an Arrow column of strings.

The column is of type Utf8, LargeUtf8 or Utf8View, or a dictionary of one of these.
"""
