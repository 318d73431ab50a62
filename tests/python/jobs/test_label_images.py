"""`label_files` with a relevance filter: labels that the images of the rows show, whatever holds the images."""

import csv
import io
import json
import math
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from unicl import DenseLabeler, LabelSets, LabelVocabulary
from unicl.files import Reading
from unicl.jobs import LabelOptions, label_files
from unicl.labels import LabelFilters, RelevanceFilter

VOCABULARY = LabelVocabulary.from_names(["dog", "ball", "grass"], synonyms={"dog": ["puppy"]})
CAPTIONS = [
    "A dog with two balls",
    "a dog on the grass",
    "it rains",
    "a dog, a puppy and a ball",
    "the grass",
    "a ball",
]
IMAGES = [Image.new("RGB", (8 + row, 6), (50 * row, 250 - 40 * row, 128)) for row in range(len(CAPTIONS))]


def score_of(image: Image.Image, phrase: str) -> float:
    """How red a image is for a dog, how green for all else."""
    red, green, _ = image.getpixel((0, 0))  # type: ignore[misc]
    return (red if "dog" in phrase or "puppy" in phrase else green) / 255


def scorer(images: Any, phrases: list[list[str]]) -> list[list[float]]:
    assert all(isinstance(image, Image.Image) and image.mode == "RGB" for image in images)
    return [[score_of(image, phrase) for phrase in row] for image, row in zip(images, phrases, strict=True)]


def png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


CONTENTS = [png(image) for image in IMAGES]


def write_bytes(path: Path, contents: list[bytes | None]) -> None:
    pq.write_table(pa.table({"image": pa.array(contents, pa.binary()), "caption": CAPTIONS}), path, row_group_size=4)


def write_structs(path: Path, contents: list[bytes | None]) -> None:
    """As HF datasets has images: one of them as a path alone."""
    rows = [{"bytes": content, "path": f"{row}.png"} for row, content in enumerate(contents)]
    if contents[1] is not None:
        (path.parent / "1.png").write_bytes(contents[1])
    rows[1]["bytes"] = None
    table = pa.table({"image": rows, "caption": CAPTIONS})
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)


def write_paths(path: Path, contents: list[bytes | None]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filepath", "caption"])
        for row, (content, caption) in enumerate(zip(contents, CAPTIONS, strict=True)):
            writer.writerow([f"{row}.photo", caption])
            if content is not None:
                (path.parent / f"{row}.photo").write_bytes(content)


def write_shard(path: Path, contents: list[bytes | None]) -> None:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for row, (content, caption) in enumerate(zip(contents, CAPTIONS, strict=True)):
            members = {"PNG": content, "txt": caption.encode(), "json": json.dumps({"caption": caption}).encode()}
            for extension, member_content in members.items():
                if member_content is not None:
                    member = tarfile.TarInfo(f"{row:09d}.{extension}")
                    member.size = len(member_content)
                    archive.addfile(member, io.BytesIO(member_content))


WRITERS: dict[str, Callable[[Path, list[bytes | None]], None]] = {
    "x.parquet": write_bytes,
    "x.arrow": write_structs,
    "x.csv": write_paths,
    "x.tar": write_shard,
    "x.tar.gz": write_shard,
}


def sets_in(folder: Path) -> LabelSets:
    done = pq.read_table(folder / "x.parquet")
    return LabelSets.from_arrow(done["labels"], done["label_weights"])


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("batch_rows", [2, 32_768])
@pytest.mark.parametrize(("weigh", "threads"), [(False, 1), (True, 3)])
def test_labels_and_weights_are_those_of_the_labeler_with_the_same_images(
    tmp_path: Path,
    name: str,
    batch_rows: int,
    weigh: bool,  # noqa: FBT001
    threads: int,
) -> None:
    WRITERS[name](tmp_path / name, [*CONTENTS])
    relevance = RelevanceFilter(scorer=scorer, weigh=weigh)
    options: dict[str, Any] = {"relevance": relevance, "reading": Reading(batch_rows=batch_rows), "threads": threads}
    _, stats = label_files([tmp_path / name], tmp_path / "out", VOCABULARY, **options)
    expected = DenseLabeler(VOCABULARY, filters=LabelFilters(relevance=relevance))(CAPTIONS, images=IMAGES)
    assert sets_in(tmp_path / "out").to_list() == expected.to_list()
    weights = [1.0] * len(expected.indices) if expected.weights is None else expected.weights.tolist()
    assert sets_in(tmp_path / "out").weights.tolist() == weights  # type: ignore[union-attr]
    assert stats.dropped["relevance"] > 0
    assert stats.images == 5
    assert stats.labelled + stats.filtered + stats.phrase_without_label + stats.no_phrase == len(CAPTIONS)


def test_weights_by_rarity_and_relevance_are_multiplied(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x.parquet", [*CONTENTS])
    relevance = RelevanceFilter(scorer=scorer, weigh=True)
    label_files(
        [tmp_path / "x.parquet"], tmp_path / "out", VOCABULARY, LabelOptions(weights="idf"), relevance=relevance
    )
    expected = DenseLabeler(VOCABULARY, filters=LabelFilters(relevance=relevance))(CAPTIONS, images=IMAGES)
    rarity = DenseLabeler(VOCABULARY).count(CAPTIONS).rarity()
    assert sets_in(tmp_path / "out").weights.tolist() == expected.weighted(rarity).weights.tolist()  # type: ignore[union-attr]


def test_images_stay_in_the_column_they_are_in_and_out_of_the_output_of_a_shard(tmp_path: Path) -> None:
    relevance = RelevanceFilter(scorer=scorer)
    write_bytes(tmp_path / "x.parquet", [*CONTENTS])
    label_files([tmp_path / "x.parquet"], tmp_path / "out", VOCABULARY, relevance=relevance)
    assert pq.read_table(tmp_path / "out" / "x.parquet")["image"].to_pylist() == CONTENTS
    label_files(
        [tmp_path / "x.parquet"], tmp_path / "bare", VOCABULARY, LabelOptions(copy_columns=False), relevance=relevance
    )
    assert pq.read_table(tmp_path / "bare" / "x.parquet").column_names == ["labels", "label_weights"]
    write_shard(tmp_path / "x.tar", [*CONTENTS])
    label_files([tmp_path / "x.tar"], tmp_path / "shard", VOCABULARY, relevance=relevance)
    names = ["__key__", "txt", "caption", "labels", "label_weights"]
    assert pq.read_table(tmp_path / "shard" / "x.parquet").column_names == names


def test_of_a_folder_of_img2dataset_the_shards_are_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_shard(tmp_path / "in" / "x.tar", [*CONTENTS])
    pq.write_table(pa.table({"caption": CAPTIONS}), tmp_path / "in" / "x.parquet")
    _, stats = label_files([tmp_path / "in"], tmp_path / "out", VOCABULARY, relevance=RelevanceFilter(scorer=scorer))
    assert (stats.files, stats.images) == (1, 5)


BAD = {
    "not JPEG, PNG or WEBP": b"GIF89a",
    "undecodable": png(Image.effect_noise((64, 64), 99))[:900],
    "empty file": b"",
    "missing": None,
}


@pytest.mark.parametrize("reason", BAD)
@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.csv", "x.tar"])
def test_an_image_that_cannot_be_read_is_named_or_counted(tmp_path: Path, name: str, reason: str) -> None:
    WRITERS[name](tmp_path / name, [CONTENTS[0], BAD[reason], *CONTENTS[2:]])
    relevance = RelevanceFilter(scorer=scorer)
    place = "sample 000000001" if name == "x.tar" else "row 3" if name == "x.csv" else "row 1"
    with pytest.raises(ValueError, match=rf"{name}, {place}: image {reason}: .*: set bad_rows=\"skip\" to count"):
        label_files([tmp_path / name], tmp_path / "out", VOCABULARY, relevance=relevance)
    assert list((tmp_path / "out").iterdir()) == []
    reading = Reading(bad_rows="skip")
    _, stats = label_files(
        [tmp_path / name],
        tmp_path / "out",
        VOCABULARY,
        LabelOptions(phrases=True),
        relevance=relevance,
        reading=reading,
    )
    done = pq.read_table(tmp_path / "out" / "x.parquet")
    expected = DenseLabeler(VOCABULARY, filters=LabelFilters(relevance=relevance))(CAPTIONS, images=IMAGES).to_list()
    assert done["labels"].to_pylist() == [expected[0], None, *expected[2:]]
    assert done["noun_phrases"].to_pylist()[:3] == [["a dog", "balls"], None, []]
    assert stats.skipped == {f"image {reason}": 1}
    assert stats.captions == len(CAPTIONS)
    good = stats.labelled + stats.filtered + stats.phrase_without_label + stats.no_phrase
    assert good + 1 == len(CAPTIONS)


def test_a_path_that_is_not_utf8_is_one_bad_image(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(CONTENTS[0])
    paths = pa.array([b"0.png", b"\xff.png"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"image": paths, "caption": ["a dog", "a dog"]}), tmp_path / "x.parquet")
    _, stats = label_files(
        [tmp_path / "x.parquet"],
        tmp_path / "out",
        VOCABULARY,
        relevance=RelevanceFilter(scorer=scorer),
        reading=Reading(bad_rows="skip"),
    )
    assert (stats.images, stats.skipped) == (1, {"image unreadable": 1})


def test_an_image_is_opened_only_where_a_label_depends_on_it(tmp_path: Path) -> None:
    contents: list[bytes | None] = [*CONTENTS]
    contents[2] = None  # its caption has no label
    write_bytes(tmp_path / "x.parquet", contents)
    _, stats = label_files(
        [tmp_path / "x.parquet"], tmp_path / "out", VOCABULARY, relevance=RelevanceFilter(scorer=scorer)
    )
    assert stats.skipped == {}


def test_a_scorer_gets_a_bounded_number_of_images_and_pixels_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def remember(images: Any, phrases: list[list[str]]) -> list[list[float]]:
        sizes.append([image.width * image.height for image in images])
        return scorer(images, phrases)

    write_bytes(tmp_path / "x.parquet", [*CONTENTS])
    run: dict[str, Any] = {"relevance": RelevanceFilter(scorer=remember), "overwrite": True}
    monkeypatch.setattr("unicl.jobs.label_images.MOST_IMAGES", 2)
    label_files([tmp_path / "x.parquet"], tmp_path / "out", VOCABULARY, **run)
    assert [len(part) for part in sizes] == [2, 2, 1]
    monkeypatch.setattr("unicl.jobs.label_images.MOST_PIXELS", 50)
    label_files([tmp_path / "x.parquet"], tmp_path / "out", VOCABULARY, **run)
    assert sizes[3:] == [[48, 54], [66], [72], [78]]


def test_the_blocks_of_a_shard_are_short_where_images_are_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unicl.files.shards.BATCH_BYTES", 100)
    write_shard(tmp_path / "x.tar", [*CONTENTS])
    relevance = RelevanceFilter(scorer=scorer)
    label_files([tmp_path / "x.tar"], tmp_path / "out", VOCABULARY, relevance=relevance)
    expected = DenseLabeler(VOCABULARY, filters=LabelFilters(relevance=relevance))(CAPTIONS, images=IMAGES)
    assert sets_in(tmp_path / "out").to_list() == expected.to_list()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            lambda _, phrases: [[math.nan] * len(row) for row in phrases],
            "for .*x.parquet, row 0, phrase .*; got nan",
        ),
        (
            lambda _, phrases: [[0.5] for _ in phrases],
            "expected 2 scores for the phrases of .*x.parquet, row 0 .*; got 1",
        ),
        (lambda *_: [], "a row of scores for each of 5 images .*; got 0 rows"),
    ],
)
def test_a_scorer_that_gives_no_scores_ends_the_run_and_leaves_nothing(
    tmp_path: Path, wrong: Any, message: str
) -> None:
    write_bytes(tmp_path / "x.parquet", [*CONTENTS])
    with pytest.raises(ValueError, match=message):
        label_files([tmp_path / "x.parquet"], tmp_path / "out", VOCABULARY, relevance=RelevanceFilter(scorer=wrong))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("table", "column", "message"),
    [
        (
            {"caption": CAPTIONS},
            None,
            r"expected a column named 'image', 'jpg', .* or 'filepath'; got 'caption': name one with image_column=NAME",
        ),
        (
            {"caption": CAPTIONS, "image": CONTENTS},
            "photo",
            "expected a column 'photo'; got 'caption', 'image': name one with image_column=NAME",
        ),
        (
            {"caption": CAPTIONS, "image": [1.0] * len(CAPTIONS)},
            None,
            r"expected images in the column 'image', as bytes, \{bytes, path\} or paths; got double",
        ),
    ],
)
def test_a_file_without_images_is_refused_before_any_work(
    tmp_path: Path, table: dict[str, Any], column: str | None, message: str
) -> None:
    pq.write_table(pa.table(table), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=message):
        label_files(
            [tmp_path / "x.parquet"],
            tmp_path / "out",
            VOCABULARY,
            LabelOptions(image_column=column),
            relevance=RelevanceFilter(scorer=scorer),
        )
    assert not (tmp_path / "out").exists()
