"""Names the classes of a source: names as they are written, or names for numbers and codes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from unicl.data.skipped_samples import BadSampleError

GivenNames: TypeAlias = Sequence[str] | Mapping[int, str] | Mapping[str, str]
NO_CLASS = -1
"""The number that HF datasets have for no class."""
GIVE_NAMES = "give class_names, in the order of the numbers"


def numbers_of(texts: Iterable[str]) -> set[int | str]:
    """Gives the classes in files of text, where numbers are texts too.

    Example:
        >>> sorted(numbers_of(["7", "-1"])), numbers_of(["dog"])
        ([-1, 7], {'dog'})
    """
    return {int(text) if re.fullmatch(r"\s*-?[0-9]+\s*", text) else text for text in texts}


class ClassNames:
    """Gives the name of a class for what a file writes.

    Args:
        names: The names in the order of their numbers; or the name of each number or code, such as ``n01440764``;
            None: files write names.
        place: The file, for messages.

    Attributes:
        all: All names, sorted; None as long as only the files know them.

    Raises:
        TypeError: ``names`` is one string.
        ValueError: A name is blank, or occurs twice.
    """

    def __init__(self, names: GivenNames | None, *, place: object) -> None:
        if isinstance(names, (str, bytes)):
            raise TypeError(f"expected class_names as a list of names; got {names!r}: write class_names=[...]")
        self._place = place
        self._names: dict[int | str, str] | None = None
        self.all: tuple[str, ...] | None = None
        if names is None:
            return
        pairs = names.items() if isinstance(names, Mapping) else enumerate(names)
        self._names = dict(pairs)
        first: dict[str, int | str] = {}
        for value, name in self._names.items():
            if not isinstance(name, str) or not name.strip():
                raise ValueError(f"{place}: expected a name for class {value}; got {name!r}: give it one")
            if name in first:
                raise ValueError(
                    f"{place}: expected one class {name!r}; got it twice, for {first[name]} and {value}: rename one"
                )
            first[name] = value
        self.all = tuple(sorted(first))
        self._known = frozenset(first)

    @property
    def given(self) -> bool:
        """Whether names were given."""
        return self._names is not None

    def name_of(self, value: int | str) -> str | None:
        """Names a class; None for no class: a blank name or the number -1.

        Raises:
            BadSampleError: The class has no name.
        """
        if isinstance(value, str):
            value = value.strip()
            if not value:
                return None
            if self._names is None or value in self._known:
                return value
            name = self._names.get(value)
            if name is None and value.lstrip("-").isdecimal():
                return self.name_of(int(value))
        else:
            if value == NO_CLASS:
                return None
            name = None if self._names is None else self._names.get(value, self._names.get(str(value)))
        if name is None:
            raise BadSampleError("unknown class", f"{value!r} has no name in class_names")
        return name

    def close(self, found: set[int | str], *, alone: bool) -> None:
        """Takes the classes that occur, if names were not given, and checks them.

        Args:
            found: What the files write.
            alone: Whether the classes are all that a sample has: then one class is an error.

        Raises:
            ValueError: There are only numbers, and no names; or there is one class alone.
        """
        if self._names is None:
            written = {each.strip() if isinstance(each, str) else each for each in found} - {"", NO_CLASS}
            numbers = [each for each in written if not isinstance(each, str)]
            if numbers:
                raise ValueError(
                    f"{self._place}: expected names of classes; got numbers, such as {numbers[0]}: {GIVE_NAMES}"
                )
            self.all = tuple(sorted(map(str, written)))
        if alone and len(self.all or ()) < 2:
            got = f"one, {self.all[0]!r}" if self.all else "none"
            raise ValueError(
                f"{self._place}: expected two classes or more; got {got}: it teaches nothing without captions"
            )
