"""What every text function takes as captions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable


@runtime_checkable
class ArrowArray(Protocol):
    """One Arrow array: pyarrow.Array, and whatever else speaks the Arrow C data interface."""

    def __arrow_c_array__(self, requested_schema: Any | None = None) -> tuple[Any, Any]:
        """Give the schema and the array as a pair of PyCapsules."""
        ...


@runtime_checkable
class ArrowStream(Protocol):
    """Arrow arrays one after another: pyarrow.ChunkedArray, polars.Series, pandas.Series."""

    def __arrow_c_stream__(self, requested_schema: Any | None = None) -> Any:
        """Give the stream as a PyCapsule."""
        ...


Captions: TypeAlias = str | Sequence[str] | ArrowArray | ArrowStream
"""One caption, a batch of them, or an Arrow column of strings (Utf8, LargeUtf8, Utf8View, or a dictionary of them)."""
