"""Tar files by a seed: made by Python's ``tarfile`` with members of every kind, and damaged."""

import io
import random
import tarfile

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
STEMS = (
    "0",
    "00000/000001",
    "a b",
    "ä/ö",
    "_x",
    "../up",
    "/root/0",
    "d.d/e",
    "n" * 120,
    "f/" * 60 + "x",
    "m" * 300,
    "\udce4",
)
ENDINGS = ("jpg", "JPG", "jpeg", "png", "Webp", "txt", "TXT", "json", "cls", "npy", "seg.png", "05.txt", "")
CONTENT = (
    b"", b"a dog\n", b"two\ndogs\n\n", b"\xff\xfe", b'{"caption": "a cat"}', b'{"caption": null, "n": 1}', b"[1]",
    b'\xef\xbb\xbf{"caption": "\\u00e4", "caption": "last"} ', b" 12\n", b"tabby cat", b"x" * 511, b"y" * 512,
    b"z" * 9000,
)  # fmt: skip
OTHER_KINDS = (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"Z")


OBJECTS = (b'{"caption": "a cat"}', b'{"caption": null, "n": 1}', b"{}", b"")
TEXTS = (b"", b"a dog\n", b"two\ndogs\n\n", b"\xc3\xa4", b"z" * 9000)


def random_tar(seed: int, *, is_readable: bool = False) -> bytes:
    """An archive that is whole. If it ``is_readable``, all texts in it are too."""
    draw = random.Random(seed)  # noqa: S311
    file = io.BytesIO()
    form = draw.choice(FORMATS)
    with tarfile.open(fileobj=file, mode="w", format=form, errors="surrogateescape") as archive:
        stem = "0"
        for _ in range(draw.randrange(12)):
            stem = draw.choice(STEMS) if draw.random() < 0.4 else stem
            if form == tarfile.USTAR_FORMAT:
                stem = stem[:60]
            hidden = "._" if draw.random() < 0.1 else ""
            folder, slash, name = stem.rpartition("/")
            ending = draw.choice(ENDINGS)
            member = tarfile.TarInfo(f"{folder}{slash}{hidden}{name}{'.' if ending else ''}{ending}")
            member.type = draw.choice(OTHER_KINDS) if draw.random() < 0.15 else tarfile.REGTYPE
            member.mtime = draw.choice([0, 1, 1.5, 2**33])
            if form == tarfile.USTAR_FORMAT:
                member.mtime = int(member.mtime) % 2**33
            member.uid = draw.choice([0, 1000, 0o7777777])
            if form == tarfile.PAX_FORMAT and draw.random() < 0.1:
                member.pax_headers = {"comment": "c" * draw.randrange(2000), "SCHILY.xattr.user.x": "1=2"}
            contents = CONTENT if not is_readable else OBJECTS if ending == "json" else TEXTS
            content = draw.choice(contents) if member.isreg() or member.type == b"Z" else b""
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def seal(block: bytearray) -> None:
    """Writes the checksum that fits a header."""
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)


def damaged(content: bytes, seed: int) -> bytes:
    """The archive with one to three kinds of damage, half of them under a right checksum."""
    draw = random.Random(-1 - seed)  # noqa: S311
    new = bytearray(content)
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(0, len(new), tarfile.BLOCKSIZE)
        kind = draw.randrange(8)
        block = new[at : at + tarfile.BLOCKSIZE]
        if kind == 0:
            del new[draw.randrange(1, len(new)) :]
        elif kind == 1:
            new[at:at] = bytes(tarfile.BLOCKSIZE * draw.randint(1, 3))
        elif kind == 2:
            new[draw.randrange(len(new))] ^= 1 << draw.randrange(8)
        elif kind == 3:
            new[at:at] = block
        elif kind == 4:
            del new[at : at + tarfile.BLOCKSIZE]
        elif len(block) == tarfile.BLOCKSIZE:
            if kind == 5:
                size = draw.choice(
                    [
                        b"77777777777\0",
                        b"\x80" + b"\0" * 3 + b"\xff" * 8,
                        b"\xff" * 12,
                        b"-1\0" + bytes(9),
                        b"1_0\0" + bytes(8),
                    ]
                )
                block[124:136] = size
            elif kind == 6:
                block[156] = draw.choice(b"\x0001234567SKLxgXDZ")
            else:
                block[draw.randrange(tarfile.BLOCKSIZE)] = draw.randrange(256)
            seal(block)
            new[at : at + tarfile.BLOCKSIZE] = block
        if not new:
            break
    return bytes(new)
