"""COCO's annotations are rows of images with captions, classes or both; damage is counted or named."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from unicl.files import CocoJson, Reading, find_inputs, json_arrays, open_source, read_captions
from unicl.files.rows import BadRows

IMAGES = [{"id": 7, "file_name": "7.jpg"}, {"id": 3, "file_name": "3.jpg"}]
CAPTIONS = [
    {"id": 1, "image_id": 3, "caption": "a dog"},
    {"id": 2, "image_id": 7, "caption": "a café 😀"},
    {"id": 3, "image_id": 3, "caption": "two dogs"},
]
INSTANCES = [
    {"id": 1, "image_id": 3, "category_id": 18, "segmentation": [[1.5, 2]], "iscrowd": 0},
    {"id": 2, "image_id": 3, "category_id": 1},
    {"id": 3, "image_id": 3, "category_id": 18},
]
CATEGORIES = [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}]


def write(path: Path, **lists: Any) -> Path:
    content = json.dumps({"info": {"year": 2017}, **lists}, ensure_ascii=False).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def rows_of(path: Path, bad_rows: BadRows = "error", skipped: Counter[str] | None = None) -> list[dict[str, Any]]:
    reading = Reading(bad_rows=bad_rows, batch_rows=2)
    source = open_source(path, reading)
    column = "classes" if "classes" in source.schema.names else None
    batches = read_captions(source, reading, class_column=column, skipped=skipped)
    return [row for batch in batches for row in batch.columns.to_pylist()]


@pytest.mark.parametrize("name", ["captions_val.json", "x.JSON", "captions_val.json.gz"])
def test_every_caption_is_a_row_and_images_keep_their_order(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, images=IMAGES, licenses=[], annotations=CAPTIONS)
    assert rows_of(*find_inputs([path])) == [
        {"image_id": 7, "file_name": "7.jpg", "caption": "a café 😀"},
        {"image_id": 3, "file_name": "3.jpg", "caption": "a dog"},
        {"image_id": 3, "file_name": "3.jpg", "caption": "two dogs"},
    ]


def test_every_image_has_the_names_of_its_categories_once(tmp_path: Path) -> None:
    path = write(tmp_path / "instances_val.json", annotations=INSTANCES, categories=CATEGORIES, images=IMAGES)
    assert rows_of(path) == [
        {"image_id": 7, "file_name": "7.jpg", "classes": []},
        {"image_id": 3, "file_name": "3.jpg", "classes": ["person", "dog"]},
    ]
    source = open_source(path)
    assert isinstance(source, CocoJson)
    assert source.class_names == ("person", "dog")
    assert source.rows.take([1])["classes"].to_pylist() == [["person", "dog"]]


def test_a_row_may_have_a_caption_a_class_or_both(tmp_path: Path) -> None:
    images = [*IMAGES, {"id": 9, "file_name": "9.jpg"}]
    annotations = [*CAPTIONS[1:], *INSTANCES, {"image_id": 9, "category_id": 1}]
    path = write(tmp_path / "both.json", images=images, annotations=annotations, categories=CATEGORIES)
    found = [(row["image_id"], row["caption"], row["classes"]) for row in rows_of(path)]
    assert found == [(7, "a café 😀", []), (3, "two dogs", ["person", "dog"]), (9, None, ["person"])]


@pytest.mark.parametrize(
    ("images", "annotations", "categories", "reason", "place"),
    [
        ([], [{"image_id": 5, "caption": "a"}], None, "an annotation whose image_id is of no image", "image 5"),
        ([], [{"image_id": 5, "category_id": 1}], CATEGORIES, "an annotation whose image_id is of no image", "[2]"),
        ([], [{"caption": "a"}], None, "an annotation without image_id", "annotations[2]"),
        ([], [{"image_id": 3}], None, "an annotation without caption or category_id", "annotations[2]"),
        ([], [{"image_id": 3, "caption": 4}], None, "a caption that is no text", "annotations[2]"),
        ([], [{"image_id": 3, "category_id": 5}], CATEGORIES, "whose category_id is of no category", "[2]"),
        ([], [{"image_id": [3], "caption": "a"}], None, "an annotation without image_id", "annotations[2]"),
        ([], ["a dog"], None, "not a JSON object", "annotations[2]"),
        ([{"file_name": "x.jpg"}], [], None, "an image without id", "images[2]"),
        ([{"id": 3, "file_name": "x.jpg"}], [], None, "an image whose id another has", "images[2]"),
        ([], [], [{"id": 1}], "a category without id or name", "categories[0]"),
        ([{"id": 4}], [], None, "null caption", "image 4"),
    ],
)
def test_a_bad_element_is_named_or_counted(
    tmp_path: Path, images: list[Any], annotations: list[Any], categories: list[Any] | None, reason: str, place: str
) -> None:
    good = [{"image_id": 7, "caption": "a cat"}, {"image_id": 3, "caption": "a dog"}]
    lists = {"images": [*IMAGES, *images], "annotations": [*good, *annotations]}
    path = write(tmp_path / "x.json", **lists, **({} if categories is None else {"categories": categories}))
    with pytest.raises(ValueError, match="set bad_rows=") as raised:
        rows_of(path)
    assert str(path) in str(raised.value)
    assert reason in str(raised.value)
    assert place in str(raised.value)
    skipped: Counter[str] = Counter()
    assert [row["caption"] for row in rows_of(path, "skip", skipped)][:2] == ["a cat", "a dog"]
    assert skipped.total() == 1
    assert reason in next(iter(skipped))


WHOLE = json.dumps({"images": IMAGES, "annotations": CAPTIONS, "categories": []})


@pytest.mark.parametrize("cut", [1, 12, 40, len(WHOLE) // 2, len(WHOLE) - 1])
@pytest.mark.parametrize("chunk", [7, 1 << 20])
def test_a_file_that_is_cut_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int, chunk: int) -> None:
    monkeypatch.setattr(json_arrays, "CHUNK_BYTES", chunk)
    (tmp_path / "x.json").write_text(WHOLE[:cut])
    with pytest.raises(ValueError, match=r"x\.json is not COCO's JSON, or is damaged after .*: .* \(\.jsonl\)"):
        open_source(tmp_path / "x.json")


@pytest.mark.parametrize(
    "text",
    ["", " ", "nothing", WHOLE + "x", WHOLE.replace(":", "=", 1), '{"images": [' + "[" * 100_000, '{"images": 1}', "7"],
    ids=["empty", "blank", "word", "more", "equals", "deep", "number", "top"],
)
def test_what_is_no_json_of_coco_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=r"x\.json") as raised:
        open_source(tmp_path / "x.json")
    assert "\n" not in str(raised.value)


def test_a_file_without_images_has_no_rows(tmp_path: Path) -> None:
    assert rows_of(write(tmp_path / "x.json", images=[], annotations=[])) == []
    assert rows_of(write(tmp_path / "y.json", images=[], annotations=[], categories=[])) == []


def test_images_alone_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "image_info.json", images=IMAGES, annotations=[])
    with pytest.raises(ValueError, match="expected annotations with captions or categories; got none"):
        open_source(path)


@pytest.mark.parametrize("chunk", [1, 5, 64])
def test_the_size_of_the_parts_read_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    path = write(tmp_path / "x.json", images=[{"id": 123456}], annotations=[{"image_id": 123456, "caption": "é😀"}])
    expected = rows_of(path)
    monkeypatch.setattr(json_arrays, "CHUNK_BYTES", chunk)
    assert rows_of(path) == expected


def test_ids_may_be_texts(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", images=[{"id": "a"}], annotations=[{"image_id": "a", "caption": "a dog"}])
    assert rows_of(path) == [{"image_id": "a", "file_name": None, "caption": "a dog"}]


def test_a_folder_of_annotations_is_read_and_other_json_beside_data_is_not(tmp_path: Path) -> None:
    for name in ("captions_val2017.json", "instances_val2017.json", "person_keypoints_val2017.json", "stats.json"):
        write(tmp_path / name, images=IMAGES, annotations=CAPTIONS)
    assert [path.name for path in find_inputs([tmp_path])] == ["captions_val2017.json", "instances_val2017.json"]
    (tmp_path / "x.txt").write_text("a dog\n")
    assert find_inputs([tmp_path]) == [tmp_path / "x.txt"]
