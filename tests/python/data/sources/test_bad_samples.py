"""A row that cannot be used is a bad sample in its place, and never an error."""

import io
import json
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl.data import BadSample, Sample, open_samples

from . import formats
from .formats import Row

ROWS = [Row(b"image %d" % number, (f"a dog {number}",), ("dog" if number % 2 else "cat",)) for number in range(6)]


def reasons(source):
    """The reason of each bad sample; the captions and classes of the good ones."""
    found = source.take(range(len(source)))
    assert all(sample.key for sample in found)
    return [sample.reason if isinstance(sample, BadSample) else [*sample.captions, *sample.classes] for sample in found]


def not_utf8(*texts):
    return pa.array(texts, pa.binary()).view(pa.string())


def test_rows_of_parquet(tmp_path):
    columns = {
        "image": [b"1", b"", None, b"4", b"5", b"6", b"7", b"8", b"9"],
        "caption": not_utf8(b" a dog\n", b"b", b"c", None, b"\xff", b"  ", b"g", b"h", b"i"),
        "label": pa.array([0, 0, 0, -1, 1, 1, 7, None, 1]),
    }
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet", row_group_size=4)
    source = open_samples(tmp_path / "rows.parquet", class_names=["dog", "cat"])
    assert reasons(source) == [
        ["a dog", "dog"],
        "empty image",
        "missing image",
        "missing caption and class",
        "not UTF-8",
        ["cat"],
        "unknown class",
        ["h"],
        ["i", "cat"],
    ]
    bad = source.take([4])[0]
    assert (bad.key, bad.detail) == ("rows, rows.parquet:4", r"byte 0 of b'\xff'")


def test_captions_in_lists(tmp_path):
    captions = pa.array([["a", "", None, " b "], [], None, [None], ["c"]])
    pq.write_table(pa.table({"image": [b"1"] * 5, "captions": captions}), tmp_path / "rows.parquet")
    missing = "missing caption and class"
    assert reasons(open_samples(tmp_path / "rows.parquet")) == [["a", "b"], missing, missing, missing, ["c"]]


def test_paths_in_parquet(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"image 1")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()
    paths = ["1.jpg", "2.jpg", "empty.jpg", "folder.jpg", "", None, "a\0b.jpg", "x" * 5000]
    pq.write_table(pa.table({"image_path": paths, "text": ["a"] * 8}), tmp_path / "rows.parquet")
    assert reasons(open_samples(tmp_path / "rows.parquet")) == [
        ["a"],
        "missing image",
        "empty image",
        "missing image",
        "missing image",
        "missing image",
        "missing image",
        "unreadable image",
    ]


def test_a_damaged_row_group_costs_its_rows_alone(tmp_path):
    columns = {"image": [bytes([number]) * 1000 for number in range(8)], "caption": list("abcdefgh")}
    pq.write_table(
        pa.table(columns), tmp_path / "rows.parquet", row_group_size=2, compression="zstd", use_dictionary=False
    )
    place = pq.ParquetFile(tmp_path / "rows.parquet").metadata.row_group(1).column(0).data_page_offset
    content = bytearray((tmp_path / "rows.parquet").read_bytes())
    content[place : place + 60] = b"\xff" * 60
    (tmp_path / "rows.parquet").write_bytes(content)
    source = open_samples(tmp_path / "rows.parquet")
    damaged = "damaged row group"
    assert reasons(source) == [["a"], ["b"], damaged, damaged, ["e"], ["f"], ["g"], ["h"]]


def test_a_parquet_file_that_changes_is_an_error(tmp_path):
    folder = formats.write_parquet(tmp_path / "data", ROWS, files=1)
    source = open_samples(folder)
    pq.write_table(pq.read_table(folder / "train-00000.parquet").slice(1), folder / "train-00000.parquet")
    with pytest.raises(ValueError, match=r"train-00000.parquet: expected the rows that it had when it was opened"):
        source.take([0])


def test_samples_of_a_shard(tmp_path):
    members = {
        "1.jpg": b"1", "1.txt": b"a dog",
        "2.txt": b"no image",
        "3.jpg": b"", "3.txt": b"c",
        "4.jpg": b"4",
        "5.jpg": b"5", "5.txt": b"\xff",
        "6.jpg": b"6", "6.cls": b"1",
        "7.jpg": b"7", "7.cls": b"9",
        "8.jpg": b"8", "8.json": b'{"caption": "h"}',
    }  # fmt: skip
    with tarfile.open(tmp_path / "rows.tar", "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    assert reasons(open_samples(tmp_path / "rows.tar", class_names=["dog", "cat"])) == [
        ["a dog"],
        "missing image",
        "empty image",
        "missing caption and class",
        "missing caption and class",
        ["cat"],
        "unknown class",
        ["h"],
    ]


def test_images_of_class_folders(tmp_path):
    folder = formats.write_class_folder(tmp_path / "data", ROWS)
    (folder / "stray.jpg").write_bytes(b"in no folder")
    (folder / "cat" / "0.jpg").write_bytes(b"")
    source = open_samples(folder)
    (folder / "dog" / "000005.jpg").unlink()
    assert reasons(source) == [
        "missing caption and class",
        "empty image",
        *[["cat"]] * 3,
        *[["dog"]] * 2,
        "missing image",
    ]


def test_images_of_coco(tmp_path):
    file = formats.write_coco(tmp_path / "data", ROWS)
    content = json.loads(file.read_text())
    content["images"] += [{"id": 6, "file_name": "nowhere.jpg"}, {"id": 7}, {"id": "8", "file_name": "000000.jpg"}]
    content["annotations"] += [
        {"image_id": 6, "caption": "a"},
        {"image_id": 7, "caption": "b"},
        {"image_id": 99, "caption": "of no image"},
        {"image_id": 0, "caption": 7},
    ]
    file.write_text(json.dumps(content))
    assert reasons(open_samples(file))[6:] == [
        "missing image",
        "missing image",
        "missing caption and class",
        "bad annotation",
        "bad annotation",
    ]


def test_rows_of_a_table(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"image 1")
    lines = [b"a cat\t1.jpg", b"no image at all", b"", b"\t1.jpg", b"a dog\t", b"a bird\t9.jpg", b"un \xe9t\xe9\t1.jpg"]
    (tmp_path / "rows.tsv").write_bytes(b"\n".join(lines))
    source = open_samples(tmp_path / "rows.tsv")
    assert reasons(source) == [
        ["a cat"],
        "too few or too many values",
        "missing caption and class",
        "missing image",
        "missing image",
        "not UTF-8",
    ]


def test_rows_of_a_data_set(tmp_path):
    import datasets

    data = {
        "image": [{"bytes": b"1", "path": None}, {"bytes": None, "path": str(tmp_path / "no.jpg")}, None],
        "text": ["a", "b", "c"],
        "label": [0, 1, -1],
    }
    features = datasets.Features(
        image=datasets.Image(), text=datasets.Value("string"), label=datasets.ClassLabel(names=["dog", "cat"])
    )
    source = open_samples(datasets.Dataset.from_dict(data, features=features))
    assert reasons(source) == [["a", "dog"], "missing image", "missing image"]


def test_good_samples_keep_key_and_weight(tmp_path):
    columns = {"image": [b"1", b"2"], "text": ["a", "b"], "__key__": ["x", None], "weight": [0.5, None]}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    assert open_samples(tmp_path / "rows.parquet", name="mine").take([1, 0]) == [
        Sample(key="rows.parquet:1", image=b"2", captions=("b",), source="mine"),
        Sample(key="x", image=b"1", captions=("a",), weight=0.5, source="mine"),
    ]
