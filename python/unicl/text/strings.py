"""Holds a text column: many strings in one buffer."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Strings:
    """Strings one after another in one buffer, as in a LargeUtf8 column of Arrow.

    Attributes:
        text: The UTF-8 of all strings, uint8 of shape (number of bytes,).
        offsets: Where each string begins in ``text``, and the end: int64 of shape (n + 1,).

    Example:
        >>> import numpy as np
        >>> strings = Strings(text=np.frombuffer(b"a dogcats", np.uint8), offsets=np.array([0, 5, 9]))
        >>> len(strings), strings[1], strings.to_list()
        (2, 'cats', ['a dog', 'cats'])
    """

    text: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        """The number of strings."""
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> str:
        """Gives one string."""
        if not 0 <= index < len(self):
            raise IndexError(f"expected an index from 0 to {len(self) - 1}; got {index}")
        return self.text[self.offsets[index] : self.offsets[index + 1]].tobytes().decode()

    def to_list(self) -> list[str]:
        """Gives all strings."""
        text, bounds = self.text.tobytes(), self.offsets.tolist()
        if text.isascii():  # bytes are then characters, and slices of one string are cheaper
            whole = text.decode("ascii")
            return [whole[start:end] for start, end in itertools.pairwise(bounds)]
        return [text[start:end].decode() for start, end in itertools.pairwise(bounds)]
