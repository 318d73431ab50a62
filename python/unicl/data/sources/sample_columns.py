"""Finds the columns of a table that samples are made of, and makes samples of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from unicl.data.skipped_samples import BadSampleError
from unicl.data.sources.checked_sample import checked_sample
from unicl.data.sources.class_names import GIVE_NAMES, ClassNames
from unicl.files import names_of_classes

if TYPE_CHECKING:
    from unicl.data.sample import Sample
    from unicl.data.sources.class_names import GivenNames

IMAGES = (
    "image",
    "img",
    "jpg",
    "jpeg",
    "png",
    "webp",
    "image_bytes",
    "image_path",
    "filepath",
    "file_name",
    "path",
    "url",
)
CAPTIONS = ("captions", "caption", "text", "txt", "TEXT", "title")
CLASSES = ("label", "labels", "class", "classes", "cls")
WEIGHTS = ("weight",)
KEYS = ("key", "__key__")
"""The names under which columns are looked for, in this order."""


@dataclass(frozen=True, kw_only=True)
class ColumnNames:
    """Names columns. None: a usual name is looked for. An empty string: no column.

    Attributes:
        image: Bytes, ``{bytes, path}``, or paths relative to the file.
        caption: A string or a list of them. Several columns can be named.
        classes: Names, numbers or lists of them.
        weight: The weight of a sample in the loss.
        key: What names a sample.
    """

    image: str | None = None
    caption: str | Sequence[str] | None = None
    classes: str | None = None
    weight: str | None = None
    key: str | None = None


class SampleColumns:
    """The columns of a table that samples are made of.

    Args:
        path: The file, for messages.
        schema: Its columns.
        names: Which columns to take.
        class_names: Names for the numbers or codes of classes.

    Attributes:
        all: The names of the columns that are read.
        classes: The column with the classes; None without.
        key: The column with the keys; None without.
        weight: The column with the weights; None without.

    Raises:
        ValueError: There is no such column, a column is there twice, or its type does not fit. The message lists the
            columns.
    """

    def __init__(
        self,
        path: object,
        schema: pa.Schema,
        names: ColumnNames,
        class_names: GivenNames | None,
    ) -> None:
        self._path, self._schema = path, schema
        image = self._find(names.image, IMAGES, "image_column")
        if image is None:
            raise self._missing("with the images", "image_column")
        self.image = image
        if names.caption is None or isinstance(names.caption, str):
            caption = self._find(names.caption, CAPTIONS, "caption_column")
            self.captions: tuple[str, ...] = () if caption is None else (caption,)
        else:
            self.captions = tuple(self._named(each, "caption_column") for each in names.caption)
        self.classes = self._find(names.classes, CLASSES, "class_column")
        self.weight = self._find(names.weight, WEIGHTS, "weight_column")
        self.key = self._find(names.key, KEYS, "key_column")
        self._check_types()
        given = class_names
        if self.classes is not None and given is None:
            given = names_of_classes(schema, self.classes)
        if self.classes is None and class_names is not None:
            raise self._missing("with the classes that class_names are for", "class_column")
        if self.classes is None and not self.captions:
            raise self._missing("with captions, or one with classes", "caption_column or class_column")
        place = path if self.classes is None else f"{path}, column {self.classes!r}"
        self.names = ClassNames(given, place=place)
        if self.classes is not None and not self.names.given and pa.types.is_integer(_plain(self._type(self.classes))):
            raise ValueError(f"{place}: expected names for the numbers of the classes; got none: {GIVE_NAMES}")
        self.all = tuple(
            dict.fromkeys(
                each for each in (self.image, *self.captions, self.classes, self.weight, self.key) if each is not None
            )
        )

    @property
    def schema(self) -> dict[str, str]:
        """The column of each part of a sample, by the name of the part."""
        parts = {"image": self.image, "captions": ", ".join(self.captions), "classes": self.classes}
        parts |= {"weight": self.weight, "key": self.key}
        return {part: column for part, column in parts.items() if column}

    def require(self, schema: pa.Schema, path: object) -> None:
        """Refuses another file that lacks a column, or has another type in its place.

        Raises:
            ValueError: The column is missing or different.
        """
        for name in self.all:
            got = schema.field(name).type if schema.names.count(name) == 1 else None
            if got is None:
                raise ValueError(
                    f"{path}: expected a column {name!r}, as in {self._path}; got {_listed(schema)}: put files "
                    "of other columns into another folder"
                )

    def sample(self, table: pa.Table, row: int, *, source: str, key: str, open_image: Callable[[str], bytes]) -> Sample:
        """Makes the sample of a row.

        Args:
            table: Rows with the columns :attr:`all`.
            row: A row of the table.
            source: The name of the source.
            key: Names the sample if its row has no key.
            open_image: Reads an image by its path, where the row has a path in place of bytes.

        Raises:
            BadSampleError: The row gives none.
            UnicodeDecodeError: A text is not UTF-8.
        """
        if self.key is not None and (own := table[self.key][row].as_py()) is not None:
            key = own.decode() if isinstance(own, bytes) else str(own)
        captions = [text for name in self.captions for text in _texts(table[name][row].as_py())]
        written = () if self.classes is None else _flat(table[self.classes][row].as_py())
        classes = [name for each in written if (name := self.names.name_of(each)) is not None]
        return checked_sample(
            source=source,
            key=key,
            image=_bytes_of(table[self.image][row].as_py(), open_image),
            captions=captions,
            classes=classes,
            weight=None if self.weight is None else table[self.weight][row].as_py(),
        )

    def _find(self, name: str | None, usual: Sequence[str], option: str) -> str | None:
        if name is not None:
            return self._named(name, option) if name else None
        found = next((each for each in usual if each in self._schema.names), None)
        return None if found is None else self._named(found, option)

    def _named(self, name: str, option: str) -> str:
        number = self._schema.names.count(name)
        if number == 0:
            raise self._missing(repr(name), option)
        if number > 1:
            raise ValueError(f"{self._path}: expected one column {name!r}; got {number}: rename all but one")
        return name

    def _missing(self, wanted: str, option: str) -> ValueError:
        return ValueError(
            f"{self._path}: expected a column {wanted}; got {_listed(self._schema)}: name one with {option}"
        )

    @property
    def several_classes(self) -> bool:
        """Whether a row can have several classes: whether the column holds lists."""
        return self.classes is not None and pa.types.is_nested(self._type(self.classes))

    def _type(self, name: str) -> pa.DataType:
        return self._schema.field(name).type

    def _check_types(self) -> None:
        image = self._type(self.image)
        fields = [image.field(index).name for index in range(image.num_fields)] if pa.types.is_struct(image) else []
        if not (_is_text(image) or _is_bytes(image) or "bytes" in fields or "path" in fields):
            raise self._wrong(self.image, "images as bytes, {bytes, path} or paths", "image_column")
        for name in self.captions:
            kind = _plain(self._type(name))
            if not (_is_text(kind) or _is_bytes(kind) or pa.types.is_null(kind)):
                raise self._wrong(name, "strings, or lists of them", "caption_column")
        if self.classes is not None:
            kind = _plain(self._type(self.classes))
            if not (_is_text(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
                raise self._wrong(self.classes, "names or integers, or lists of them", "class_column")
        if self.weight is not None:
            kind = self._type(self.weight)
            if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
                raise self._wrong(self.weight, "numbers", "weight_column")

    def _wrong(self, name: str, wanted: str, option: str) -> ValueError:
        return ValueError(
            f"{self._path}: expected {wanted} in the column {name!r}; got {self._type(name)}: name one with {option}"
        )


def distinct_classes(column: pa.ChunkedArray) -> set[int | str]:
    """Gives the names or numbers in a column of them or of lists of them, each once, and no text that is not UTF-8."""
    return {*_written_classes(column)}


def count_classes(columns: Iterable[pa.ChunkedArray], names: ClassNames) -> Counter[str]:
    """Counts the rows of each class in columns. What has no name is not counted."""
    counts: Counter[str] = Counter()
    for column in columns:
        for value, count in _written_classes(column).items():
            with suppress(BadSampleError):
                if (name := names.name_of(value)) is not None:
                    counts[name] += count
    return counts


def _written_classes(column: pa.ChunkedArray) -> Counter[int | str]:
    """Counts the names or numbers in a column of them or of lists of them, without text that is not UTF-8."""
    found: Counter[int | str] = Counter()
    for values in column.chunks:
        if any(is_list(values.type) for is_list in (pa.types.is_list, pa.types.is_large_list)):
            values = values.flatten()
        elif pa.types.is_fixed_size_list(values.type):
            values = values.drop_null().flatten()
        values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
        values = values.cast(pa.large_string()) if pa.types.is_string_view(values.type) else values
        for counted in values.drop_null().value_counts():
            with suppress(UnicodeDecodeError):  # that row is a bad sample
                found[counted["values"].as_py()] += counted["counts"].as_py()
    return found


def _bytes_of(image: Any, open_image: Callable[[str], bytes]) -> bytes | None:
    if isinstance(image, dict):
        path = image.get("path")
        image = path if image.get("bytes") is None else image["bytes"]
    if isinstance(image, str):
        return open_image(image) if image else None
    return image if image is None else bytes(image)


def _texts(value: Any) -> Iterator[str | bytes | None]:
    return iter([value] if value is None or isinstance(value, (str, bytes)) else value)


def _flat(value: Any) -> Iterable[int | str]:
    values = value if isinstance(value, (list, tuple)) else [value]
    return [each for each in values if each is not None]


def _plain(kind: pa.DataType) -> pa.DataType:
    """Gives the type of the values in a list or a dictionary, or that of a plain column."""
    if any(is_list(kind) for is_list in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)):
        kind = kind.value_type
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_bytes(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view))


def _is_text(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def _listed(schema: pa.Schema) -> str:
    return ", ".join(map(repr, schema.names)) or "none"
