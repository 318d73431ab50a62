"""The index of a shard has the rows that Python's ``tarfile`` gives, whatever the archive; or the shard is refused."""

import io
import json
import struct
import tarfile
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from unicl.files import Reading, TarIndex, index_shard, open_source, sidecar_of
from unicl.files.tar_members import open_tar

from .hostile_tars import damaged, random_tar, seal

WHOLE, DAMAGED = 200, 600
REFUSED = " is not a tar file, or is damaged: "
Row = tuple[str, str | None, int | None, int | None, str | None, str | None]


def text_of(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="replace")


def naive_rows(path: Path) -> list[Row]:
    """The rows, one member after another, in plain Python."""
    file = path.read_bytes()
    with open_tar(path) as archive:
        members = [(member.name, member.offset_data, member.size, member.issparse()) for member in archive]
    parts = [(*split, member) for member in members if (split := split_name(member[0])) is not None]
    return [
        naive_row(key, [(ending, *member) for _, ending, member in run], file)
        for key, run in groupby(parts, lambda part: part[0])
    ]


def split_name(name: str) -> tuple[str, str] | None:
    folder, slash, file = name.rpartition("/")
    stem, _, ending = file.partition(".")
    return (f"{folder}{slash}{stem}", ending.lower()) if stem else None


def naive_row(key: str, members: list[Any], file: bytes) -> Row:
    first: dict[str, tuple[str, int, int, bytes | None]] = {}
    for ending, name, offset, size, is_sparse in members:
        kind = "image" if ending in ("jpg", "jpeg", "png", "webp") else ending
        first.setdefault(kind, (name, offset, size, None if is_sparse else file[offset : offset + size]))
    image = first.get("image")
    name, offset, size = (
        (text_of(image[0]), image[1], image[2]) if image and image[3] is not None else (None, None, None)
    )
    return text_of(key), name, offset, size, caption_of(first), label_of(first)


def caption_of(first: dict[str, Any]) -> str | None:
    try:
        caption = json.loads((first["json"][3] or b"").removeprefix(b"\xef\xbb\xbf") or b"{}")["caption"]
        if isinstance(caption, str):
            return caption
    except (KeyError, ValueError, TypeError):
        pass
    try:
        text = first["txt"][3]
        return None if text is None else text.decode().removesuffix("\n")
    except (KeyError, UnicodeDecodeError):
        return None


def label_of(first: dict[str, Any]) -> str | None:
    try:
        return (first["cls"][3] or b"").strip().decode() or None
    except (KeyError, UnicodeDecodeError):
        return None


def rows_of(path: Path) -> list[Row]:
    index_shard(path, sidecar_of(path), overwrite=True)
    return [tuple(row.values()) for row in TarIndex(path).table.to_pylist()]


def counts_of(path: Path) -> Counter[str]:
    return index_shard(path, sidecar_of(path), overwrite=True)[0]


def test_the_rows_are_those_of_tarfile(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    rows = 0
    for seed in range(WHOLE):
        path.write_bytes(random_tar(seed))
        with tarfile.open(path, "r:", errors="surrogateescape") as archive:
            files = [member.name for member in archive if member.isreg()]
        expected = naive_rows(path)
        assert rows_of(path) == expected, seed
        assert TarIndex(path).counts["files"] == len(files), seed
        rows += len(expected)
    assert rows > 2 * WHOLE


def test_damage_is_refused_or_changes_no_row_that_tarfile_finds(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    outcomes = Counter[str]()
    for seed in range(DAMAGED):
        path.write_bytes(damaged(random_tar(seed), seed))
        try:
            found = rows_of(path)
        except ValueError as error:
            outcomes[str(error)[: len(f"{path}{REFUSED}")].removeprefix(str(path))] += 1
            continue
        assert found == naive_rows(path), seed
        outcomes["the same rows"] += 1
    assert outcomes.keys() == {REFUSED, "the same rows"}
    assert min(outcomes.values()) > DAMAGED / 10


def test_an_index_has_the_rows_that_the_label_command_reads(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    captions = 0
    for seed in range(WHOLE):
        path.write_bytes(random_tar(seed, is_readable=True))
        source = open_source(path, Reading())
        rows = [row for batch in source.batches() for row in batch.columns.to_pylist()] if source.num_rows else []
        first = [row["txt"] if row.get("caption") is None else row["caption"] for row in rows if "txt" in row]
        found = rows_of(path)
        assert [row[0] for row in found] == [row["__key__"] for row in rows], seed
        if len(first) == len(rows):
            assert [row[4] for row in found] == first, seed
            captions += len(first) - first.count(None)
    assert captions > WHOLE / 4


def archive_of(*members: tuple[bytes, bytes]) -> bytes:
    return b"".join(header + body + bytes(-len(body) % 512) for header, body in members) + bytes(1024)


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE, **fields: bytes) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    block = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    for place, value in fields.items():
        at = int(place.removeprefix("at"))
        block[at : at + len(value)] = value
    seal(block)
    return bytes(block)


def test_sizes_may_be_written_in_base_256(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    size = b"\x80" + bytes(3) + struct.pack(">q", 5)
    path.write_bytes(archive_of((header("0.jpg", 0, at124=size), b"image"), (header("1.jpg", 1), b"x")))
    assert rows_of(path) == naive_rows(path)
    assert [sample.image for sample in TarIndex(path).take([1, 0])] == [b"x", b"image"]


def test_records_may_give_the_size_and_the_name(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    records = b"9 size=5\n21 path=folder/0.jpg\n"
    path.write_bytes(
        archive_of((header("x", len(records), b"x"), records), (header("y", 0), b"image"), (header("1.jpg", 1), b"x"))
    )
    assert rows_of(path) == naive_rows(path)
    assert rows_of(path)[0][:2] == ("folder/0", "folder/0.jpg")


def test_files_with_holes_are_counted_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    pieces = b"%011o\0%011o\0" % (0, 5) + b"\0" * 72
    old = header("0.jpg", 5, tarfile.GNUTYPE_SPARSE, at386=pieces, at482=b"\1", at483=b"00000001000\0")
    more = bytearray(512)
    records = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n25 GNU.sparse.name=1.jpg\n"
    new = (
        (header("x", len(records), b"x"), records),
        (header("GNUSparseFile/1.jpg", 513), b"1\n0\n1\n" + bytes(506) + b"x"),
    )
    path.write_bytes(
        archive_of((old + bytes(more), b"image"), (header("0.txt", 1), b"a"), *new, (header("2.jpg", 1), b"x"))
    )
    assert [row[:3] for row in rows_of(path)] == [("0", None, None), ("1", None, None), ("2", "2.jpg", 5632)]
    assert rows_of(path) == naive_rows(path)
    assert counts_of(path)["sparse"] == 2


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g", b"S", b"0", b"Z"])
@pytest.mark.parametrize("size", [b"77777777777\0", b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7, b"\xff" * 12])
def test_a_size_that_is_not_there_is_refused_without_memory_for_it(tmp_path: Path, kind: bytes, size: bytes) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(archive_of((header("0.txt", 0, kind, at124=size), b"a dog")))
    with pytest.raises(ValueError, match=r"x\.tar is not a tar file, or is damaged: "):
        rows_of(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_large_hole_after_a_text_header_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with path.open("wb") as file:
        file.write(header("0.txt", 8 << 30, at124=b"\x80" + bytes(3) + struct.pack(">q", 8 << 30)))
        file.truncate((8 << 30) + 512)
        file.seek(0, io.SEEK_END)
        file.write(archive_of((header("1.txt", 5), b"a dog")))
    counts = counts_of(path)
    assert (counts["samples"], counts["captions"], counts["too_large"]) == (2, 1, 1)


@pytest.mark.parametrize("records", [b"13 path=0.jpg", b"x", b"9 size=5\n9", b"9 path=g\n"])
def test_records_that_no_writer_makes_are_refused(tmp_path: Path, records: bytes) -> None:
    path = tmp_path / "x.tar"
    kind = b"g" if records.endswith(b"g\n") else b"x"
    path.write_bytes(archive_of((header("x", len(records), kind), records), (header("0.jpg", 0), b"")))
    with pytest.raises(ValueError, match="the header at byte 0 is damaged: its records"):
        rows_of(path)


def test_members_that_are_no_files_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    kinds = [b"5", b"1", b"2", b"3", b"4", b"6", b"Z", b"0", b"0", b"0"]
    names = ["a", "b", "c", "d", "e", "f", "g", "/h.jpg", "i/../j.jpg", "._k.jpg"]
    path.write_bytes(archive_of(*((header(name, 0, kind), b"") for name, kind in zip(names, kinds, strict=True))))
    found = {name: count for name, count in counts_of(path).items() if count}
    assert found == {
        "samples": 2, "images": 2, "files": 3, "folders": 1, "links": 2, "devices": 3, "unknown": 1, "hidden": 1,
        "unsafe_names": 2,
    }  # fmt: skip


def test_archives_may_follow_one_another(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    one, two = archive_of((header("0.jpg", 1), b"a")), archive_of((header("1.jpg", 1), b"b"))
    path.write_bytes(one + bytes(512) + two)
    assert rows_of(path) == naive_rows(path)
    assert [sample.image for sample in TarIndex(path).take(range(2))] == [b"a", b"b"]


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, 1023, 1024, 1025, 1536])
def test_a_shard_that_ends_early_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(archive_of((header("0.jpg", 1), b"a"), (header("1.jpg", 600), b"b" * 600))[:length])
    with pytest.raises(ValueError, match=r"x\.tar is not a tar file, or is damaged: (it ends at byte|the header)"):
        rows_of(path)
