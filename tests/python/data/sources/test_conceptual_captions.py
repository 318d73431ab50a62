"""Tables with and without a header, and the names that downloaders give to images."""

import gzip
import hashlib
import zlib

import pytest

from unicl.data import open_samples

URL = "http://images.example/cat.jpg?size=large"
CRC = zlib.crc32(URL.encode())


@pytest.fixture
def folder(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(b"image %d" % number)
    return tmp_path


def take(path, **options):
    source = open_samples(path, **options)
    return [
        (sample.image[-1:].decode(), *sample.captions, *sample.classes) for sample in source.take(range(len(source)))
    ]


@pytest.mark.parametrize(
    "name", [f"1_{CRC}", f"1_{CRC}.jpg", str(CRC), f"{CRC}.webp", f"{hashlib.sha256(URL.encode()).hexdigest()}.jpg"]
)
@pytest.mark.parametrize("order", ["{caption}\t{url}", "{url}\t{caption}"])
def test_a_url_is_found_under_the_names_that_downloaders_write(folder, name, order):
    (folder / "3.jpg").rename(folder / name)
    lines = [
        order.format(caption=caption, url=url) for caption, url in (("a dog", "http://b.example/1"), ("a cat", URL))
    ]
    (folder / "rows.tsv").write_text("\n".join(lines))
    (folder / str(zlib.crc32(b"http://b.example/1"))).write_bytes(b"image 8")
    assert take(folder / "rows.tsv") == [("8", "a dog"), ("3", "a cat")]


def test_the_row_in_a_downloaders_name_must_be_this_row(folder):
    (folder / f"2_{CRC}").write_bytes(b"another")
    (folder / "rows.tsv").write_text(f"a dog\t1.jpg\na cat\t{URL}\n")
    assert open_samples(folder / "rows.tsv").take([1])[0].reason == "missing image"


def test_a_third_column_that_names_a_file_goes_first(folder):
    (folder / "rows.tsv").write_text(f"a cat\t{URL}\t2.jpg\na dog\t1.jpg\tcat,dog\na hen\t0.jpg\t\n")
    assert take(folder / "rows.tsv") == [("2", "a cat"), ("1", "a dog"), ("0", "a hen")]


def test_the_quotes_of_a_tsv_belong_to_the_caption(folder):
    (folder / "rows.tsv").write_bytes(b'Title\tFilePath\r\n"a" dog\t1.jpg\r\n')
    assert take(folder / "rows.tsv") == [("1", '"a" dog')]


def test_a_csv_has_quotes_and_may_begin_with_a_byte_order_mark(folder):
    (folder / "rows.csv").write_bytes(b'\xef\xbb\xbfimage,caption\r\n1.jpg,"a, ""dog"""\r\n')
    assert take(folder / "rows.csv") == [("1", 'a, "dog"')]


def test_a_compressed_table_with_columns_of_own_names(folder):
    with gzip.open(folder / "rows.tsv.gz", "wt") as file:
        file.write("Place\tAlt\tAgain\n2.jpg\ta\tb\n")
    options = {"image_column": "Place", "caption_column": ["Alt", "Again"]}
    assert take(folder / "rows.tsv.gz", **options) == [("2", "a", "b")]


def test_paths_are_relative_to_the_folder_or_absolute(folder, tmp_path_factory):
    table = tmp_path_factory.mktemp("elsewhere") / "rows.tsv"
    table.write_text(f"a\t1.jpg\nb\t{folder / '2.jpg'}\n")
    assert take(table, image_folder=folder) == [("1", "a"), ("2", "b")]


def test_numbers_of_classes_need_names(folder):
    (folder / "rows.csv").write_text("filepath,label\n1.jpg,0\n2.jpg,1\n")
    with pytest.raises(ValueError, match=r"rows.csv, column 'label': expected names of classes; got numbers, such as"):
        open_samples(folder / "rows.csv")
    assert take(folder / "rows.csv", class_names=["dog", "cat"]) == [("1", "dog"), ("2", "cat")]
