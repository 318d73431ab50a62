"""Images in memory: the header first, then the pixels as the image is shown, by either decoder."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from unicl.files import BadImageError, EncodedImage, decode_image

HEIGHT, WIDTH = 45, 70
RAMP = np.stack(
    [
        np.broadcast_to(np.linspace(0, 255, WIDTH), (HEIGHT, WIDTH)),
        np.broadcast_to(np.linspace(255, 0, HEIGHT)[:, None], (HEIGHT, WIDTH)),
        np.full((HEIGHT, WIDTH), 90),
    ],
    axis=-1,
).astype(np.uint8)
"""Red grows to the right and green upwards, so every turn of it looks different."""


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    content = io.BytesIO()
    lossless = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}, "PNG": {}}[format_name]
    image.save(content, format_name, **(lossless | options))
    return content.getvalue()


def both(data: bytes) -> list[np.ndarray]:
    """The pixels by both functions, which must agree on what an image is."""
    image = EncodedImage(data)
    pixels = image.decode()
    assert (image.height, image.width, 3) == pixels.shape
    return [pixels, np.asarray(decode_image(io.BytesIO(data)))]


def difference(found: np.ndarray, expected: np.ndarray) -> int:
    return int(np.abs(found.astype(int) - expected.astype(int)).max())


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}])
def test_a_jpeg_has_the_pixels_that_pillow_gives(mode, options):
    data = encoded(Image.fromarray(RAMP).convert(mode), "JPEG", **options)
    fast, pillow = both(data)
    assert difference(fast, pillow) <= 1


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(9))
def test_an_image_is_turned_as_its_exif_data_ask(format_name, orientation):
    turn = {
        2: lambda stored: stored[:, ::-1],
        3: lambda stored: stored[::-1, ::-1],
        4: lambda stored: stored[::-1],
        5: lambda stored: stored.transpose(1, 0, 2),
        6: lambda stored: stored[::-1].transpose(1, 0, 2),
        7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
        8: lambda stored: stored[:, ::-1].transpose(1, 0, 2),
    }.get(orientation, lambda stored: stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for pixels in both(encoded(Image.fromarray(RAMP), format_name, exif=exif)):
        assert pixels.shape == turn(RAMP).shape
        assert difference(pixels, turn(RAMP)) <= 12


@pytest.mark.parametrize("damage", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"])
def test_damaged_exif_data_cost_no_image(damage):
    data = encoded(Image.fromarray(RAMP), "JPEG")
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(damage) + 2) + damage + data[2:]
    for pixels in both(data):
        assert difference(pixels, RAMP) <= 12


@pytest.mark.parametrize(("mode", "format_name"), [("LA", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("RGBA", "WEBP")])
def test_transparent_parts_are_white(mode, format_name):
    image = Image.fromarray(RAMP).convert("RGBA")
    image.putalpha(
        Image.fromarray((np.arange(WIDTH) < WIDTH // 2).astype(np.uint8) * np.full((HEIGHT, 1), 255, np.uint8))
    )
    image = image.quantize() if mode == "P" else image.convert(mode)
    for pixels in both(encoded(image, format_name, **({"exact": True} if format_name == "WEBP" else {}))):
        assert (pixels[:, WIDTH // 2 + 1 :] == 255).all()
        assert (pixels[:, : WIDTH // 2 - 1].min(axis=2) < 255).all()


def test_one_transparent_colour_of_a_palette_is_white():
    image = Image.new("P", (4, 2), 0)
    image.putpalette([0, 0, 0, 200, 10, 10])
    image.putpixel((1, 0), 1)
    for pixels in both(encoded(image, "PNG", transparency=0)):
        assert pixels[0].tolist() == [[255] * 3, [200, 10, 10], [255] * 3, [255] * 3]


def test_cmyk_looks_like_its_colours():
    for pixels in both(encoded(Image.fromarray(RAMP).convert("CMYK"), "JPEG")):
        assert difference(pixels, RAMP) <= 20


def sixteen_bit_png(colour_type: int, channels: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + struct.pack(">H", level * 257) * channels * 3 for level in (0, 100, 255))
    header = struct.pack(">IIBBBBB", 3, 3, 16, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3)])
def test_sixteen_bits_keep_their_brightness(colour_type, channels):
    for pixels in both(sixteen_bit_png(colour_type, channels)):
        assert pixels[:, 1].tolist() == [[0] * 3, [100] * 3, [255] * 3]


@pytest.mark.parametrize("format_name", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(format_name):
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue", "lime")]
    data = encoded(frames[0], format_name, save_all=True, append_images=frames[1:])
    for pixels in both(data):
        assert difference(pixels, np.full((6, 8, 3), (255, 0, 0))) <= 2


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9])
def test_a_cut_off_file_is_refused(format_name, share):
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), format_name)
    with pytest.raises(BadImageError):
        EncodedImage(data[: int(len(data) * share)]).decode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"<!doctype html><html>404</html>", "not JPEG, PNG or WEBP"),
        (b"GIF89a\1\0\1\0\0\0\0;", "not JPEG, PNG or WEBP"),
        (b"\xff\xd8\xff", "not JPEG, PNG or WEBP"),
        (b"\0" * 100, "not JPEG, PNG or WEBP"),
    ],
)
def test_what_is_no_image_is_refused_by_its_header(data, reason):
    with pytest.raises(BadImageError) as caught:
        EncodedImage(data)
    assert caught.value.reason == reason


def jpeg_of_claimed_size(height: int, width: int) -> bytes:
    data = bytearray(encoded(Image.fromarray(RAMP), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def test_a_bomb_is_refused_by_the_pixels_that_it_claims(monkeypatch):
    import simplejpeg

    monkeypatch.setattr(simplejpeg, "decode_jpeg", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(BadImageError, match="too many pixels: 60000 x 60000, at most 67108864 are allowed"):
        EncodedImage(jpeg_of_claimed_size(60_000, 60_000))
    with pytest.raises(BadImageError, match="too many pixels: 70 x 45, at most 3149 are allowed"):
        EncodedImage(encoded(Image.fromarray(RAMP), "JPEG"), max_pixels=HEIGHT * WIDTH - 1)


@pytest.mark.parametrize(
    ("shrink", "factor"), [(0.5, 1), (1, 1), (1.99, 1), (2, 2), (3.9, 2), (4, 4), (7, 4), (8, 8), (99, 8)]
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_jpeg_is_decoded_at_the_smallest_size_that_is_allowed(shrink, factor, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = EncodedImage(encoded(Image.fromarray(RAMP), "JPEG", exif=exif))
    assert image.decode(shrink=shrink).shape[:2] == (-(-image.height // factor), -(-image.width // factor))


def test_a_small_decoded_jpeg_shows_the_whole_image():
    image = EncodedImage(encoded(Image.fromarray(RAMP), "JPEG", subsampling=0))
    expected = np.asarray(Image.fromarray(RAMP).resize((35, 23), Image.Resampling.BOX))
    assert np.abs(image.decode(shrink=2).astype(int) - expected).mean() < 4


def test_an_image_can_be_decoded_again():
    for format_name in ("JPEG", "PNG"):
        image = EncodedImage(encoded(Image.fromarray(RAMP), format_name))
        assert np.array_equal(image.decode(), image.decode())


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP"])
def test_no_damage_raises_anything_but_a_bad_image(format_name):
    original = encoded(Image.fromarray(RAMP[:9, :9]), format_name)
    decoded = 0
    for position in range(len(original)):
        for flip in (0xFF, 0x01):
            damaged = bytearray(original)
            damaged[position] ^= flip
            try:
                decoded += bool(EncodedImage(bytes(damaged), max_pixels=10_000).decode().size)
            except BadImageError:
                continue
    assert decoded > 0
