import io
import struct
import zlib

import pytest
from PIL import Image

from unicl.files import BadImageError, decode_image


def encoded(format_name, size=(5, 3), mode="RGB", colour=(200, 30, 60)):
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, format_name, **({"lossless": True} if format_name == "WEBP" else {}))
    return file.getvalue()


def png_header(width, height):
    """A PNG that promises a size and holds no pixels: 57 bytes."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "JPEG"])
def test_the_formats_of_the_web_are_read_as_rgb(format_name, tmp_path):
    data = encoded(format_name)
    (tmp_path / "image").write_bytes(data)  # the content decides, not the name
    for source in (io.BytesIO(data), tmp_path / "image", str(tmp_path / "image")):
        image = decode_image(source)
        assert (image.mode, image.size) == ("RGB", (5, 3))
        assert image.getpixel((2, 1)) == pytest.approx((200, 30, 60), abs=4)


@pytest.mark.parametrize(("mode", "colour"), [("L", 7), ("RGBA", (1, 2, 3, 4)), ("P", 1), ("1", 1), ("LA", (9, 9))])
def test_every_mode_becomes_rgb(mode, colour):
    assert decode_image(io.BytesIO(encoded("PNG", mode=mode, colour=colour))).mode == "RGB"


@pytest.mark.parametrize(("level", "seen"), [(0, 0), (300, 1), (30_000, 117), (65_535, 255)])
def test_sixteen_bits_of_grey_are_scaled_to_eight(level, seen):
    content = io.BytesIO()
    Image.new("I;16", (2, 2), level).save(content, "PNG")
    assert decode_image(io.BytesIO(content.getvalue())).getpixel((0, 0)) == (seen, seen, seen)


@pytest.mark.parametrize("format_name", ["GIF", "BMP", "TIFF", "PPM"])
def test_other_formats_never_reach_their_parser(format_name):
    with pytest.raises(BadImageError, match="not JPEG, PNG or WEBP: the file begins with b'") as caught:
        decode_image(io.BytesIO(encoded(format_name)))
    assert caught.value.reason == "not JPEG, PNG or WEBP"


def test_a_web_page_in_place_of_an_image_is_refused():
    with pytest.raises(BadImageError, match="the file begins with b'<!doctype ht'"):
        decode_image(io.BytesIO(b"<!doctype html><html>410 gone</html>"))


def test_an_empty_file_is_refused():
    with pytest.raises(BadImageError, match="empty file: 0 bytes"):
        decode_image(io.BytesIO(b""))


def test_the_limit_on_pixels_holds_exactly():
    data = encoded("PNG", size=(6, 4))
    assert decode_image(io.BytesIO(data), max_pixels=24).size == (6, 4)
    with pytest.raises(BadImageError, match="too many pixels: 6 x 4, at most 23 are allowed"):
        decode_image(io.BytesIO(data), max_pixels=23)


@pytest.mark.parametrize(("width", "height"), [(2**13, 2**13 + 1), (2**15, 2**15)])
def test_a_bomb_is_refused_by_its_header_alone(width, height):
    # Were it decoded, the missing pixels would be the complaint. The second is past Pillow's own limit too.
    with pytest.raises(BadImageError, match="too many pixels"):
        decode_image(io.BytesIO(png_header(width, height)))


@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "JPEG"])
def test_a_cut_off_file_is_refused_wherever_its_first_half_is_cut(format_name):
    data = encoded(format_name, size=(40, 40))
    for end in range(1, len(data) // 2, 7):
        with pytest.raises(BadImageError):
            decode_image(io.BytesIO(data[:end]))


def test_no_damage_raises_anything_else():
    reasons = set()
    for original in encoded("PNG", size=(9, 9)), encoded("WEBP", size=(9, 9)), encoded("JPEG", size=(9, 9)):
        for position in range(len(original)):
            damaged = bytearray(original)
            damaged[position] ^= 0xFF
            try:
                decode_image(io.BytesIO(bytes(damaged)))
            except BadImageError as error:
                reasons.add(error.reason)
    assert reasons == {"undecodable", "not JPEG, PNG or WEBP"}


def test_a_missing_file_is_the_callers_to_explain(tmp_path):
    with pytest.raises(FileNotFoundError):
        decode_image(tmp_path / "nowhere.jpg")
