"""A source that cannot be used is one error at once. It names the file, and the row or class."""

import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl.data import open_samples

from . import formats
from .formats import Row

ROWS = [Row(b"image %d" % number, (f"a dog {number}",), ("dog" if number % 2 else "cat",)) for number in range(6)]


def parquet(folder: Path, columns: dict, **options) -> Path:
    pq.write_table(pa.table(columns), folder / "rows.parquet", **options)
    return folder / "rows.parquet"


def refused(message: str, *arguments, error=ValueError, **options):
    start = time.perf_counter()
    with pytest.raises(error, match=message) as found:
        open_samples(*arguments, **options)
    assert time.perf_counter() - start < 5  # it takes milliseconds; the machine may be busy
    assert "\n" not in str(found.value)


IMAGES = {"image": [b"1", b"2", b"3"]}
NAMED = {"label": ["dog", "cat", "dog"]}


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (
            {"photo": [b"1"], "caption": ["a"]},
            {},
            "expected a column with the images; got 'photo', 'caption': name",
        ),
        (IMAGES, {}, "expected a column with captions, or one with classes; got 'image': name one with caption_column"),
        (
            IMAGES | NAMED,
            {"caption_column": "alt"},
            "expected a column 'alt'; got 'image', 'label': name .* caption_col",
        ),
        (IMAGES | NAMED, {"weight_column": "w"}, "expected a column 'w'; got .* weight_column"),
        ({"image": [1, 2, 3]} | NAMED, {}, "expected images as bytes, .*paths in the column 'image'; got int64: name"),
        (IMAGES | {"caption": [1, 2, 3]}, {}, "expected strings, or lists of them in the column 'caption'; got int64"),
        (IMAGES | {"label": [1.0, 2.0, 3.0]}, {}, "expected names or integers, .* in the column 'label'; got double"),
        (IMAGES | NAMED | {"weight": ["1", "2", "3"]}, {}, "expected numbers in the column 'weight'; got string"),
        (
            IMAGES | NAMED | {"weight": [1.0, 0.0, 1.0]},
            {},
            "rows.parquet, row 1: expected a finite weight above 0; got 0",
        ),
        (IMAGES | NAMED | {"weight": [1.0, 2.0, -3.0]}, {}, "row 2: expected a finite weight above 0; got -3"),
        (IMAGES | NAMED | {"weight": [1.0, 2.0, float("nan")]}, {}, "row 2: expected a finite weight above 0; got nan"),
        (IMAGES | NAMED | {"key": ["a", "b", "a"]}, {}, "row 0: expected a key of its own; got 'a', which .*row 2 has"),
        (IMAGES | {"label": ["dog", "dog", None]}, {}, "column 'label': expected two classes or more; got one, 'dog'"),
        (IMAGES | {"label": [None, " ", ""]}, {}, "column 'label': expected two classes or more; got none"),
        (IMAGES | {"label": [0, 1, 0]}, {}, "column 'label': expected names for the numbers .* give class_names"),
        (IMAGES | {"label": [0, 1, 0]}, {"class_names": ["a", "b", "a"]}, "one class 'a'; got it twice, for 0 and 2"),
        (IMAGES | {"label": [0, 1, 0]}, {"class_names": ["a", " "]}, "expected a name for class 1; got ' '"),
        (IMAGES | {"label": [0, 1, 0]}, {"class_names": ["a"]}, "expected two classes or more; got one, 'a'"),
        ({"image": [b"1"], "caption": ["a"]}, {"class_names": ["a", "b"]}, "the classes that class_names are for"),
        ({"image": pa.array([], pa.binary()), "label": pa.array([], pa.string())}, {}, "at least one row; got none"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, columns, options, message):
    refused(message, parquet(tmp_path, columns), **options)


def test_one_class_beside_captions_is_no_fault(tmp_path):
    source = open_samples(parquet(tmp_path, IMAGES | {"label": ["dog"] * 3, "caption": ["a", "b", "c"]}))
    assert source.class_names == ("dog",)


def test_a_file_that_is_not_parquet_is_named(tmp_path):
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 and nothing else")
    refused("rows.parquet is not Parquet, or is damaged", tmp_path / "rows.parquet")


def test_files_of_a_folder_need_the_columns_of_the_first(tmp_path):
    pq.write_table(pa.table(IMAGES | NAMED), tmp_path / "a.parquet")
    pq.write_table(pa.table(IMAGES), tmp_path / "b.parquet")
    refused("b.parquet: expected a column 'label', as in .*a.parquet; got 'image'", tmp_path)


def test_two_files_with_one_key_are_named(tmp_path):
    for name in "ab":
        pq.write_table(pa.table(IMAGES | NAMED | {"key": [f"{name}1", f"{name}2", "3"]}), tmp_path / f"{name}.parquet")
    refused(r"a.parquet, row 2: expected a key of its own; got '3', which .*b.parquet, row 2 has too", tmp_path)


@pytest.mark.parametrize("path", ["nowhere", "nowhere.parquet", "nowhere.tar", "nowhere.tsv", "nowhere.json"])
def test_a_missing_file_is_named(tmp_path, path):
    refused(f"expected .*; .*{path}", tmp_path / path, error=FileNotFoundError)


def test_a_file_of_another_format_is_refused(tmp_path):
    (tmp_path / "data.h5").write_bytes(b"HDF")
    refused("expected a file .parquet, .*; got the file .*data.h5", tmp_path / "data.h5")


def test_an_option_of_another_format_is_refused(tmp_path):
    refused("expected no class_names, as", formats.write_coco(tmp_path / "coco", ROWS), class_names=["a", "b"])
    refused("expected no image_folder, as", formats.write_parquet(tmp_path / "p", ROWS), image_folder="images")
    refused("expected no names of columns, as", formats.write_tar(tmp_path / "t", ROWS), caption_column="caption")
    with pytest.raises(TypeError, match="expected class_names as a list of names; got 'dog'"):
        open_samples(formats.write_tar(tmp_path / "u", ROWS), class_names="dog")


def test_a_folder_of_other_files_names_them(tmp_path):
    formats.write_tsv(tmp_path / "data", ROWS)
    refused("got the folder .*data with files .tsv: name one of them", tmp_path / "data")


def test_a_class_folder_without_images_is_an_error(tmp_path):
    folder = formats.write_class_folder(tmp_path / "classes", ROWS)
    (folder / "cow").mkdir()
    refused("classes/cow: expected images in the folder of a class; got none: remove the folder", folder)


def test_splits_are_neither_classes_nor_one_source(tmp_path):
    for split in ("train", "val"):
        formats.write_class_folder(tmp_path / "images" / split, ROWS)
    refused("images: expected folders of classes; got the splits train and val: name one, such as", tmp_path / "images")
    (tmp_path / "data").mkdir()
    for split in ("train", "test"):
        pq.write_table(pa.table(IMAGES | NAMED), tmp_path / "data" / f"{split}-00000-of-00001.parquet")
    refused("data: expected the files of one split; got test and train: name one, such as .*test-", tmp_path / "data")
    assert len(open_samples(f"{tmp_path}/data/train-*.parquet")) == 3
    refused(
        "named val-.*parquet that end in .parquet; got none",
        tmp_path / "data" / "val-*.parquet",
        error=FileNotFoundError,
    )


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_columns_may_have_any_type_of_string(tmp_path, kind):
    texts = pa.array(["dog", "cat", None]).cast(kind)
    table = pa.table(IMAGES | {"label": texts, "text": texts, "key": texts})
    pq.write_table(table, tmp_path / "rows.parquet")
    source = open_samples(tmp_path / "rows.parquet")
    assert source.class_names == ("cat", "dog")
    dog, cat, bad = source.take([0, 1, 2])
    assert (dog.key, dog.captions, dog.classes, cat.classes) == ("dog", ("dog",), ("dog",), ("cat",))
    assert bad.reason == "missing caption and class"


def test_one_class_folder_alone_is_an_error(tmp_path):
    folder = formats.write_class_folder(tmp_path / "classes", ROWS[:1])
    refused("classes: expected two class folders or more, .*; got one, 'cat'", folder)


def test_class_folders_need_a_name_each(tmp_path):
    folder = formats.write_class_folder(tmp_path / "classes", ROWS)
    refused("expected as many class_names as there are class folders, 2; got 3", folder, class_names=["a", "b", "c"])
    refused("classes/dog: expected a name for this class in class_names", folder, class_names={"cat": "Katze"})
    refused("expected one class 'a'; got it twice, for cat and dog", folder, class_names={"cat": "a", "dog": "a"})


def test_a_category_twice_or_alone_is_an_error(tmp_path):
    file = formats.write_coco(tmp_path / "coco", [Row(row.image, (), row.classes) for row in ROWS])
    content = json.loads(file.read_text())
    content["categories"][1]["name"] = "cat"
    file.write_text(json.dumps(content))
    refused("instances_train.json: expected one category 'cat'; got it twice", file)
    del content["categories"][1]
    file.write_text(json.dumps(content))
    refused("instances_train.json: expected two categories or more; got one, 'cat'", file)


def test_coco_without_its_images_names_the_folders(tmp_path):
    file = formats.write_coco(tmp_path / "coco", ROWS)
    (tmp_path / "coco" / "train").rename(tmp_path / "elsewhere")
    refused("expected the image 000000.jpg in one of .*annotations, .*coco/train.*; got none: give image_folder", file)
    assert len(open_samples(file, image_folder=tmp_path / "elsewhere")) == len(ROWS)
    refused("no folder .*nowhere", file, image_folder=tmp_path / "nowhere", error=FileNotFoundError)


def test_coco_without_images_has_no_rows(tmp_path):
    (tmp_path / "captions.json").write_text('{"images": [], "annotations": []}')
    refused("captions.json: expected at least one row; got none", tmp_path / "captions.json")


def test_a_table_without_its_images_is_refused(tmp_path):
    file = formats.write_tsv(tmp_path / "data", ROWS)
    (tmp_path / "data" / "images").rename(tmp_path / "images")
    refused("captions.tsv, row 0: expected the image 'images/0.jpg' in .*data; got none of the first 6 images", file)
    assert len(open_samples(file, image_folder=tmp_path)) == len(ROWS)
    refused(
        "expected image_folder to be .*; no folder .*nowhere", file, image_folder="nowhere", error=FileNotFoundError
    )


def test_a_table_without_rows_is_refused(tmp_path):
    (tmp_path / "empty.tsv").write_text("")
    (tmp_path / "header.csv").write_text("image,caption\n")
    (tmp_path / "lines.tsv").write_text("a caption alone\n")
    refused("empty.tsv: expected at least one row; got none", tmp_path / "empty.tsv")
    refused("header.csv: expected at least one row; got none", tmp_path / "header.csv")
    refused("lines.tsv: expected a header with .*; got 'a caption alone'", tmp_path / "lines.tsv")


def test_a_weight_that_is_no_number_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("image,caption,weight\n1.jpg,a,1\n2.jpg,b,much\n")
    refused("rows.csv: expected numbers in the column 'weight'; got another: .*much", tmp_path / "rows.csv")


def test_a_shard_without_images_or_texts_is_refused(tmp_path):
    refused("expected captions .* or classes", formats.write_tar(tmp_path / "t", [Row(b"image")] * 6))
    with tarfile.open(tmp_path / "texts.tar", "w") as archive:
        (tmp_path / "1.txt").write_text("a dog")
        archive.add(tmp_path / "1.txt", "1.txt")
    refused("texts.tar: expected members that end in .jpg", tmp_path / "texts.tar")


def test_numbers_of_classes_in_shards_need_names(tmp_path):
    rows = [Row(b"image", (), (str(number % 3),)) for number in range(9)]
    shards = formats.write_tar(tmp_path / "t", rows)
    refused("expected names of classes; got numbers, such as .: give class_names", shards)
    source = open_samples(shards, class_names=["dog", "cat", "cow"])
    assert source.class_names == ("cat", "cow", "dog")
    assert [sample.classes for sample in source.take([1, 2, 3])] == [("cat",), ("cow",), ("dog",)]


def test_a_key_twice_in_a_shard_is_an_error(tmp_path):
    file = tmp_path / "twice.tar"
    (tmp_path / "image").write_bytes(b"image")
    with tarfile.open(file, "w") as archive:
        for name in ("1.jpg", "1.txt", "2.jpg", "1.jpg"):
            archive.add(tmp_path / "image", name)
    refused("twice.tar: expected the members of a sample one after another; got the key '1' in rows 0 and 2", file)


def test_a_shard_that_is_cut_off_is_an_error(tmp_path):
    shards = formats.write_tar(tmp_path / "t", ROWS)
    whole = (shards / "00001.tar").read_bytes()
    (shards / "00001.tar").write_bytes(whole[:1000])
    refused("00001.tar is not a tar file, or is damaged", shards)


def test_an_index_of_another_shard_is_an_error(tmp_path):
    shards = formats.write_tar(tmp_path / "t", ROWS)
    open_samples(shards)
    index, shard = shards / "00000.tar.index", shards / "00000.tar"
    (shards / "00001.tar.index").write_bytes(index.read_bytes())
    times = shard.stat().st_mtime_ns
    content = bytearray(shard.read_bytes())
    content[:100] = b"other.jpg".ljust(100, b"\0")
    shard.write_bytes(content)
    os.utime(shard, ns=(times, times))
    refused("expected the index of .*00000.tar; got .*00000.tar.index, which does not fit", shards)


def test_a_url_without_its_package_is_one_error():
    import fsspec

    fsspec.register_implementation("absent", "an_absent_package.Files", clobber=True, errtxt="install it")
    message = "expected the an_absent_package package, which absent://b/cc3m needs; got none: pip install an_absent"
    refused(message, "absent://b/cc3m", error=ModuleNotFoundError)
    refused("expected the an_absent_package package", "simplecache::absent://b/a.tar", error=ModuleNotFoundError)
    refused("expected a URL of a protocol that fsspec knows; got nosuch://bucket", "nosuch://bucket/cc3m")


@pytest.mark.parametrize(("package", "path"), [("fsspec", "s3://bucket/a.parquet"), ("datasets", "hf:saved")])
def test_a_package_that_is_not_installed_is_named(package, path):
    code = f"""
import sys
sys.modules[{package!r}] = None
from unicl.data import open_samples
try:
    open_samples({path!r})
except ModuleNotFoundError as error:
    print(error)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == f"expected the {package} package, which {path} needs; got none: pip install {package}\n"


def test_a_saved_data_set_needs_one_split(tmp_path):
    import datasets

    formats.write_hf(tmp_path / "one", ROWS)
    data = datasets.load_from_disk(tmp_path / "one")
    datasets.DatasetDict(train=data, test=data).save_to_disk(tmp_path / "splits")
    refused("splits: expected one split; got 'train', 'test': name one, such as hf:.*/train", f"hf:{tmp_path}/splits")
    assert len(open_samples(f"hf:{tmp_path}/splits/train")) == len(ROWS)
    refused("expected a folder that save_to_disk", f"hf:{tmp_path}", error=ValueError)
    refused("expected a folder that save_to_disk", f"hf:{tmp_path}/nowhere", error=FileNotFoundError)
    with pytest.raises(TypeError, match=r"expected a datasets.Dataset with a length; got IterableDataset"):
        open_samples(data.to_iterable_dataset())
