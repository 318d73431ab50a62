"""Reads COCO's annotation files (``captions_*.json``, ``instances_*.json``): images with captions, classes, or both."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from unicl.files.json_arrays import array_elements
from unicl.files.malformed import check_text, naming_file
from unicl.files.rows import RawBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from unicl.files.rows import Reading

ID, FILE, CAPTION, CLASSES = "image_id", "file_name", "caption", "classes"
LISTS = ("images", "annotations", "categories")
REMEDY = "COCO has lists of images, annotations and categories; write other JSON as lines, an object a caption (.jsonl)"
MAX_INT64 = (1 << 63) - 1


class CocoJson:
    """The images of a file of COCO's annotations, in the order of the file.

    An image has a row for each of its captions, or one row if it has none. The columns are ``image_id``,
    ``file_name``, ``caption`` if the file has captions, and ``classes`` if it has categories: the names of the
    image's categories, each once, in the order of the file. An image without captions has null there, and one without
    categories an empty list. An annotation that cannot be read or belongs to no image is a bad row at the end.

    The file is read once, an element at a time. The rows are kept, without polygons and boxes.

    Attributes:
        path: The file.
        class_names: The names of the categories, in the order of the file. Two can be the same.
        rows: All rows, as a table.
        bad: The bad rows, and why each is bad.

    Raises:
        ValueError: The file is no JSON, or has no images, or neither captions nor categories.
    """

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path, self._batch_rows = path, reading.batch_rows
        found, last = _Annotations(), "the beginning"
        check_text(path, "COCO's JSON")
        try:
            with naming_file(path, "COCO's JSON"):
                for name, number, element in array_elements(path, found.lists):
                    last = f"{name}[{number}]"
                    found.add(name, element, last)
        except ValueError as error:
            if str(error).startswith(str(path)):
                raise
            raise ValueError(f"{path} is not COCO's JSON, or is damaged after {last}: {error}: {REMEDY}") from None
        missing = [name for name in LISTS[:2] if name not in found.lists]
        if missing:
            raise ValueError(f"{path}: expected a list {missing[0]!r}; got none: {REMEDY}")
        found.has_classes |= "categories" in found.lists
        if found.images and not found.has_captions and not found.has_classes:
            raise ValueError(f"{path}: expected annotations with captions or categories; got none: {REMEDY}")
        self.class_column = CLASSES if found.has_classes else None
        self.class_names: tuple[str, ...] = tuple(found.categories.values())
        self.rows, self._places, self.bad = found.to_rows()
        self.schema = self.rows.schema
        self.num_rows: int | None = self.rows.num_rows

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[RawBatch]:
        """Gives the rows, in order."""
        rows = self.rows if columns is None else self.rows.select(list(columns))
        start = 0
        for batch in rows.combine_chunks().to_batches(self._batch_rows):
            inside = range(start, start + len(batch))
            bad = {row - start: reason for row, reason in self.bad.items() if row in inside}
            yield RawBatch(batch, self._place_from(start), bad)
            start += len(batch)

    def _place_from(self, start: int) -> Any:
        ids = self.rows.column(ID)
        return lambda row: self._places.get(start + row) or f"image {ids[start + row]}"


class _Annotations:
    """What the lists of a file hold, gathered element by element."""

    def __init__(self) -> None:
        self.lists: set[str] = set()
        self.images: dict[Any, str | None] = {}
        self.categories: dict[Any, str] = {}
        self.captions: dict[Any, list[str]] = defaultdict(list)
        self.classes: dict[Any, dict[Any, str]] = defaultdict(dict)
        """For an image and a category, the place of an annotation."""
        self.bad: list[tuple[str, str, Any, str | None]] = []
        """Reason, place, image and caption."""
        self.has_captions = self.has_classes = False

    def add(self, name: str, element: Any, place: str) -> None:
        """Adds an element of a list."""
        if name not in LISTS:
            return
        if not isinstance(element, dict):
            self.bad.append(("not a JSON object", place, None, None))
        elif name == "images":
            self._add_image(element, place)
        elif name == "categories":
            if _is_id(element.get("id")) and isinstance(element.get("name"), str):
                self.categories[element["id"]] = element["name"]
            else:
                self.bad.append(("a category without id or name", place, None, None))
        else:
            self._add_annotation(element, place)

    def _add_image(self, image: dict[str, Any], place: str) -> None:
        key, file = image.get("id"), image.get("file_name")
        if not _is_id(key):
            self.bad.append(("an image without id", place, None, None))
        elif key in self.images:
            self.bad.append(("an image whose id another has", place, key, None))
        else:
            self.images[key] = file if isinstance(file, str) else None

    def _add_annotation(self, annotation: dict[str, Any], place: str) -> None:
        image, caption, category = (annotation.get(name) for name in ("image_id", "caption", "category_id"))
        self.has_captions |= "caption" in annotation
        self.has_classes |= "category_id" in annotation
        if not _is_id(image):
            self.bad.append(("an annotation without image_id", place, None, caption))
        elif caption is not None and not isinstance(caption, str):
            self.bad.append(("a caption that is no text", place, image, None))
        elif caption is None and not _is_id(category):
            self.bad.append(("an annotation without caption or category_id", place, image, None))
        else:
            if caption is not None:
                self.captions[image].append(caption)
            if _is_id(category):
                self.classes[image].setdefault(category, place)

    def to_rows(self) -> tuple[pa.Table, dict[int, str], dict[int, str]]:
        """Gives the rows, the places of those that do not go by their image, and why some are bad."""
        rows: list[tuple[Any, str | None, str | None, list[str] | None]] = []
        bad = list(self.bad)
        order = {category: place for place, category in enumerate(self.categories)}
        for image, categories in self.classes.items():
            for category, place in categories.items():
                if image not in self.images:
                    bad.append(("an annotation whose image_id is of no image", place, image, None))
                elif category not in self.categories:
                    bad.append(("an annotation whose category_id is of no category", place, image, None))
        for image, captions in self.captions.items():
            if image not in self.images:
                reason = "an annotation whose image_id is of no image"
                bad += [(reason, f"a caption of image {image}", image, caption) for caption in captions]
        names = list(self.categories.values())
        for image, file in self.images.items():
            known = sorted(order[each] for each in self.classes.get(image, ()) if each in order)
            classes = list(dict.fromkeys(names[each] for each in known))
            rows += [(image, file, caption, classes) for caption in self.captions.get(image, [None])]
        first = len(rows)
        rows += [(image, None, caption if isinstance(caption, str) else None, None) for _, _, image, caption in bad]
        places = {first + at: place for at, (_, place, _, _) in enumerate(bad)}
        return self._table(rows), places, {first + at: reason for at, (reason, _, _, _) in enumerate(bad)}

    def _table(self, rows: Sequence[tuple[Any, str | None, str | None, list[str] | None]]) -> pa.Table:
        ids, files, captions, classes = zip(*rows, strict=True) if rows else ((), (), (), ())
        columns = {ID: _ids(ids), FILE: _texts(files)}
        if self.has_captions or not self.has_classes:
            columns[CAPTION] = _texts(captions)
        if self.has_classes:
            columns[CLASSES] = pa.array(classes, pa.list_(pa.string()))
        return pa.table(columns)


def _is_id(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INT64) or isinstance(
        value, str
    )


def _ids(ids: Sequence[Any]) -> pa.Array:
    if any(isinstance(each, str) for each in ids):
        return _texts(None if each is None else str(each) for each in ids)
    return pa.array(ids, pa.int64())


def _texts(texts: Iterable[str | None]) -> pa.Array:
    r"""Gives a column of texts, with U+FFFD in place of every half of a surrogate pair."""
    return pa.array([text if text is None else _whole(text) for text in texts], pa.string())


def _whole(text: str) -> str:
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
