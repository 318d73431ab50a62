"""Class folders are rows of an image and its class; what is no image or no class is counted or refused."""

import os
from collections import Counter
from pathlib import Path

import pytest

from unicl.files import ClassFolder, Reading, find_inputs, open_source, read_captions
from unicl.files.rows import BadRows


def write(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"an image")
    return root


def rows_of(path: Path, bad_rows: BadRows = "error", batch_rows: int = 2) -> list[tuple[str, str | None]]:
    reading = Reading(bad_rows=bad_rows, batch_rows=batch_rows)
    batches = read_captions(open_source(path, reading), reading, class_column="class")
    return [(row["image_path"], row["class"]) for batch in batches for row in batch.columns.to_pylist()]


def test_every_image_is_a_row_with_the_name_of_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "dog/2.JPEG", "dog/1.jpg", "cat/x.png", "cat/deeper/y.webp", "hot dog/é.jpeg")
    assert find_inputs([tmp_path]) == [tmp_path]
    expected = [("cat/x.png", "cat"), ("cat/deeper/y.webp", "cat"), ("dog/1.jpg", "dog"), ("dog/2.JPEG", "dog")]
    assert rows_of(tmp_path) == [*expected, ("hot dog/é.jpeg", "hot dog")]
    folder = open_source(tmp_path)
    assert isinstance(folder, ClassFolder)
    assert (folder.num_rows, folder.class_names, folder.class_ids.tolist()) == (
        5,
        ("cat", "dog", "hot dog"),
        [0, 0, 1, 1, 2],
    )
    assert [folder.images[row].as_py() for row in (4, 0)] == ["hot dog/é.jpeg", "cat/x.png"]


@pytest.mark.parametrize("splits", [("train",), ("train", "val"), ("Training", "test", "validation")])
def test_splits_are_an_input_each(tmp_path: Path, splits: tuple[str, ...]) -> None:
    for split in splits:
        write(tmp_path, f"{split}/dog/1.jpg", f"{split}/cat/2.jpg")
    assert find_inputs([tmp_path]) == sorted(tmp_path / split for split in splits)
    assert rows_of(tmp_path / splits[0]) == [("cat/2.jpg", "cat"), ("dog/1.jpg", "dog")]


def test_a_class_may_have_the_name_of_a_split(tmp_path: Path) -> None:
    write(tmp_path, "train/1.jpg", "bus/2.jpg")
    assert find_inputs([tmp_path]) == [tmp_path]
    assert rows_of(tmp_path) == [("bus/2.jpg", "bus"), ("train/1.jpg", "train")]


def test_what_is_no_image_is_counted_and_hidden_files_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, "dog/1.jpg", "dog/.2.jpg", "dog/Thumbs.db", "dog/scan.GIF", "dog/README", "cat/1.jpg")
    write(tmp_path, ".cache/x.jpg", "_old/x.jpg", "names.txt", "cat/boxes.txt")
    (tmp_path / "bird").mkdir()
    (tmp_path / "cat" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert rows_of(tmp_path) == [("cat/1.jpg", "cat"), ("dog/1.jpg", "dog")]
    folder = open_source(tmp_path)
    assert isinstance(folder, ClassFolder)
    underscore = "folder whose name begins with an underscore"
    counted = {".txt file": 2, ".db file": 1, ".gif file": 1, "file without an ending": 1, "broken link": 1}
    assert folder.ignored == Counter({**counted, "class folder without images": 1, underscore: 1})


def test_an_image_beside_the_class_folders_is_a_bad_row(tmp_path: Path) -> None:
    write(tmp_path, "dog/1.jpg", "cat/1.jpg", "stray.jpg")
    with pytest.raises(ValueError, match=r"image stray\.jpg: an image in no class folder: set bad_rows"):
        rows_of(tmp_path)
    assert rows_of(tmp_path, "skip") == [("stray.jpg", None), ("cat/1.jpg", "cat"), ("dog/1.jpg", "dog")]


@pytest.mark.parametrize(
    ("names", "got"),
    [(("dog/1.jpg",), "one, 'dog'"), (("1.jpg", "2.jpg"), "only images"), (("dog/.1.jpg", "cat/x.bmp"), "none")],
)
def test_one_class_or_none_is_refused(tmp_path: Path, names: tuple[str, ...], got: str) -> None:
    write(tmp_path, *names)
    with pytest.raises(ValueError, match=f"expected two class folders or more, .*; got {got}: name the folder that"):
        open_source(tmp_path)


def test_a_link_back_is_refused_and_other_links_are_followed(tmp_path: Path) -> None:
    write(tmp_path / "root", "dog/1.jpg")
    write(tmp_path / "elsewhere", "1.jpg")
    (tmp_path / "root" / "cat").symlink_to(tmp_path / "elsewhere")
    assert rows_of(tmp_path / "root") == [("cat/1.jpg", "cat"), ("dog/1.jpg", "dog")]
    (tmp_path / "root" / "dog" / "again").symlink_to(tmp_path / "root")
    with pytest.raises(ValueError, match=r"dog/again: expected a folder; got a link to a folder above it"):
        rows_of(tmp_path / "root")


def test_a_text_beside_the_image_of_its_name_is_a_caption_and_no_class(tmp_path: Path) -> None:
    write(tmp_path, "00000/1.jpg", "00000/1.txt", "00001/1.jpg")
    with pytest.raises(ValueError, match=r"got the text 00000/1\.txt beside the image of that name"):
        open_source(tmp_path)


def test_a_table_among_the_images_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "dog/1.jpg", "cat/1.jpg", "cat/labels.csv")
    with pytest.raises(ValueError, match=r"expected images in class folders; got .*labels\.csv beside them"):
        open_source(tmp_path)


def test_a_table_beside_a_folder_of_images_is_the_input(tmp_path: Path) -> None:
    write(tmp_path, "images/1.jpg")
    (tmp_path / "captions.csv").write_text("caption\na dog\n")
    assert find_inputs([tmp_path]) == [tmp_path / "captions.csv"]


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "dog/1.jpg", "cat/1.jpg")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/cat/\xff.jpg")).write_bytes(b"")
    except OSError:
        pytest.skip("the file system has names in UTF-8 only")
    with pytest.raises(ValueError, match=r"expected a name in UTF-8; got b'.*': rename the file"):
        open_source(tmp_path)
