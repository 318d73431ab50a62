import hashlib
import pickle
import zlib

import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from unicl.data import BadRow, CaptionedImage, ConceptualCaptions, collate_captioned_images

URL = "http://images.example/cat.jpg?size=large"
CRC = zlib.crc32(URL.encode())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(4):
        Image.new("RGB", (8, 6), (40 * number, 0, 0)).save(tmp_path / "images" / f"{number}.png")
    return tmp_path


def write(folder, *lines):
    path = folder / "captions.tsv"
    path.write_bytes(b"".join(line.encode() + b"\n" if isinstance(line, str) else line + b"\n" for line in lines))
    return path


def red(image):
    return torch.full((3, 2, 2), float(image.getpixel((0, 0))[0]))


def test_rows_come_in_order_with_stripped_captions_and_rgb_images(folder):
    data = ConceptualCaptions(write(folder, " a cat \timages/1.png", 'a "dog"\timages/2.png\r'))
    assert data.captions == ["a cat", 'a "dog"']
    assert len(data) == 2
    second = data[1]
    assert (second.row, second.caption) == (2, 'a "dog"')
    assert (second.image.mode, second.image.getpixel((0, 0))) == ("RGB", (80, 0, 0))


def test_paths_are_below_the_given_folder_or_absolute(folder, tmp_path_factory):
    tsv = tmp_path_factory.mktemp("elsewhere") / "captions.tsv"
    tsv.write_text(f"a\t1.png\nb\t{folder / 'images' / '2.png'}\n")
    data = ConceptualCaptions(tsv, image_root=folder / "images", transform=red)
    assert [data[i].image[0, 0, 0].item() for i in range(2)] == [40.0, 80.0]


@pytest.mark.parametrize(
    "name", [f"1_{CRC}", f"1_{CRC}.jpg", str(CRC), f"{CRC}.webp", f"{hashlib.sha256(URL.encode()).hexdigest()}.jpg"]
)
def test_a_url_is_found_under_the_names_that_downloaders_write(folder, name):
    (folder / "images" / "3.png").rename(folder / name)
    data = ConceptualCaptions(write(folder, "a dog\timages/1.png", f"a cat\t{URL}"), transform=red)
    assert data[1].image[0, 0, 0].item() == 120.0


def test_the_row_in_a_downloaders_name_must_be_this_row(folder):
    (folder / "images" / "3.png").rename(folder / f"2_{CRC}")
    data = ConceptualCaptions(write(folder, "a dog\timages/1.png", f"a cat\t{URL}"))
    assert data.skipped.counts == {"missing image": 1}


def test_a_third_column_that_names_a_file_goes_first(folder):
    tsv = write(
        folder,
        f"a cat\t{URL}\timages/2.png",
        "a dog\timages/1.png\tcat,dog",
        f"a cow\t{URL}\t",
        "a hen\timages/0.png\t",
    )
    data = ConceptualCaptions(tsv, transform=red)
    assert [data[i].image[0, 0, 0].item() for i in range(3)] == [80.0, 40.0, 0.0]
    assert data.skipped.counts == {"missing image": 1}


def test_conceptual_12m_has_its_columns_the_other_way_round(folder):
    (folder / "images" / "3.png").rename(folder / f"0_{CRC}")
    assert ConceptualCaptions(write(folder, f"{URL}\ta cat")).captions == ["a cat"]


@pytest.mark.parametrize("header", ["title\tfilepath", "Caption\tURL"])
def test_a_first_line_that_names_the_columns_is_not_a_row(folder, header):
    data = ConceptualCaptions(write(folder, header, "a cat\timages/1.png"))
    assert (data.captions, data.rows, data.skipped.total, len(data.skipped)) == (["a cat"], [2], 1, 0)


def test_bad_rows_are_skipped_counted_and_named_by_line(folder):
    tsv = write(
        folder,
        "a cat\timages/1.png",
        "no image at all",
        "",
        "\timages/1.png",
        "a dog\t",
        "a bird\timages/9.png",
        b"un \xe9t\xe9\timages/1.png",
        f"a cow\t{URL}",
        "a folder\timages",
    )
    data = ConceptualCaptions(tsv, max_bad_fraction=0.9)
    assert data.captions == ["a cat"]
    assert data.skipped.total == 8
    assert data.skipped.counts == {"missing image": 3, "empty column": 2, "missing column": 1, "not UTF-8": 1}
    assert "missing column (first: row 2, expected a caption, a tab and an image; got 'no image at all')" in str(
        data.skipped
    )
    assert "missing image (first: row 6, images/9.png)" in str(data.skipped)
    assert "not UTF-8 (first: row 7, byte 3 of the line)" in str(data.skipped)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_image_leaves_its_batch_and_is_counted_where_the_loop_runs(folder, workers):
    (folder / "images" / "2.png").write_bytes(b"<html>gone</html>")
    tsv = write(folder, *(f"image {number}\timages/{number}.png" for number in range(4)))
    data = ConceptualCaptions(tsv, transform=red)
    for _ in range(2):  # two epochs meet it twice
        (images, captions, bad_rows) = next(
            iter(DataLoader(data, 4, collate_fn=collate_captioned_images, num_workers=workers))
        )
        data.skipped.record(bad_rows)
        assert captions == ["image 0", "image 1", "image 3"]
        assert images[:, 0, 0, 0].tolist() == [0.0, 40.0, 120.0]
    assert data.skipped.counts == {"not JPEG, PNG or WEBP": 1}
    assert f"first: row 3, {folder}/images/2.png: the file begins with" in str(data.skipped)


def test_a_huge_image_is_a_bad_row(folder):
    bad = ConceptualCaptions(write(folder, "a cat\timages/1.png"), max_pixels=47)[0]
    assert bad == BadRow(1, "too many pixels", f"{folder}/images/1.png: 8 x 6, at most 47 are allowed")


def test_an_image_that_went_away_is_a_bad_row(folder):
    data = ConceptualCaptions(write(folder, "a cat\timages/1.png"))
    (folder / "images" / "1.png").unlink()
    assert data[0] == BadRow(1, "unreadable file", f"{folder}/images/1.png: No such file or directory")


def test_a_batch_of_bad_rows_alone_is_empty():
    batch = collate_captioned_images([BadRow(1, "undecodable", ""), BadRow(2, "undecodable", "")])
    assert (len(batch.images), batch.captions, len(batch.bad_rows)) == (0, [], 2)


def test_past_the_limit_reading_stops_with_the_reasons(folder):
    tsv = write(folder, "a cat\timages/1.png", "a dog\timages/7.png", "a cow\timages/8.png")
    with pytest.raises(
        ValueError,
        match=r"at most max_bad_fraction=0.5 of .*: 2 of the 3 rows .* 2 missing image \(first: row 2, images/7.png\)$",
    ):
        ConceptualCaptions(tsv)
    assert len(ConceptualCaptions(tsv, max_bad_fraction=0.7)) == 1


def test_no_usable_row_is_an_error_whatever_the_limit(folder):
    with pytest.raises(ValueError, match=r"expected at least one usable row: 1 of the 1 rows .* 1 missing image"):
        ConceptualCaptions(write(folder, "a cat\timages/9.png"), max_bad_fraction=1.0)
    with pytest.raises(ValueError, match="expected at least one usable row: 0 of the 0 rows"):
        ConceptualCaptions(write(folder, ""))


def test_a_missing_folder_is_named(folder):
    with pytest.raises(
        FileNotFoundError, match=r"expected image_root to be the folder of the images that .*; no folder .*nowhere"
    ):
        ConceptualCaptions(write(folder, "a\tb"), image_root=folder / "nowhere")


def test_it_travels_to_worker_processes(folder):
    data = pickle.loads(pickle.dumps(ConceptualCaptions(write(folder, "a cat\timages/1.png"))))  # noqa: S301
    assert isinstance(data[0], CaptionedImage)
