"""The index of a shard: what a sample is, when an index is kept, and what does not fit."""

import io
import os
import pickle
import tarfile
from multiprocessing import get_context
from pathlib import Path

import pytest

from unicl.files import TarIndex, find_inputs, find_shards, index_shard, sidecar_of

Members = list[tuple[str, bytes]]


def write_shard(path: Path, members: Members) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def indexed(path: Path, members: Members) -> TarIndex:
    write_shard(path, members)
    index_shard(path, sidecar_of(path), overwrite=True)
    return TarIndex(path)


def sample_members(count: int) -> Members:
    return [(f"{row:05d}.{end}", f"{end} {row}".encode()) for row in range(count) for end in ("jpg", "txt")]


@pytest.mark.parametrize(
    ("members", "samples"),
    [
        ([("a.jpg", b"i"), ("a.txt", b"a dog\n")], [("a", b"i", "a dog", None)]),
        ([("a.json", b'{"caption": "json"}'), ("a.txt", b"txt"), ("a.png", b"i")], [("a", b"i", "json", None)]),
        ([("a.json", b'{"url": "x"}'), ("a.txt", b"txt")], [("a", None, "txt", None)]),
        ([("a.json", b"broken"), ("a.txt", b"txt")], [("a", None, "txt", None)]),
        ([("a.cls", b"7\n"), ("a.jpg", b"i")], [("a", b"i", None, "7")]),
        ([("a.json", b'{"label": " tabby cat"}')], [("a", None, None, "tabby cat")]),
        ([("a.json", b'{"class": 7, "caption": "c"}'), ("a.cls", b"8")], [("a", None, "c", "8")]),
        ([("a.json", b'{"cls": 7}'), ("b.json", b'{"label": [7]}')], [("a", None, None, "7"), ("b", None, None, None)]),
        ([("a.cls", b" tabby cat ")], [("a", None, None, "tabby cat")]),
        ([("a.cls", b"\xff"), ("a.txt", b"\xff")], [("a", None, None, None)]),
        ([("a.JPG", b"1"), ("a.jpg", b"2"), ("a.Txt", b"t")], [("a", b"1", "t", None)]),
        ([("d.e/a.b.jpg", b"i"), ("d.e/a.jpg", b"j"), ("d.e/a", b"")], [("d.e/a", b"j", None, None)]),
        ([("._a.jpg", b"i"), ("a.npy", b"n")], [("a", None, None, None)]),
        ([("a.jpg", b""), ("a.txt", b"")], [("a", b"", "", None)]),
        (
            [("a.jpg", b"1"), ("b.jpg", b"2"), ("a.txt", b"t")],
            [("a", b"1", None, None), ("b", b"2", None, None), ("a", None, "t", None)],
        ),
    ],
)  # fmt: skip
def test_a_sample_is_a_run_of_members_with_one_key(
    tmp_path: Path, members: Members, samples: list[tuple[object, ...]]
) -> None:
    index = indexed(tmp_path / "x.tar", members)
    assert index.take(range(len(index))) == samples


def test_members_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    members = [("a.txt", b"\xff"), ("a.txt", b"2"), ("a.json", b"3"), ("b.cls", b"\xff"), ("a.jpg", b"")]
    counts = indexed(tmp_path / "x.tar", members).counts
    assert {name: counts[name] for name in ("samples", "repeated", "bad_captions", "bad_labels", "repeated_keys")} == {
        "samples": 3, "repeated": 1, "bad_captions": 2, "bad_labels": 1, "repeated_keys": 1,
    }  # fmt: skip


def test_a_key_that_comes_again_can_be_refused(tmp_path: Path) -> None:
    indexed(tmp_path / "x.tar", sample_members(3)).refuse_repeated_keys()
    index = indexed(tmp_path / "y.tar", [("a.jpg", b"1"), ("b.jpg", b"2"), ("a.txt", b"t")])
    with pytest.raises(ValueError, match=r"y\.tar: expected the members .*; got the key 'a' in rows 0 and 2: write"):
        index.refuse_repeated_keys()


def test_large_members_are_counted_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unicl.files.tar_index.MAX_ROW_BYTES", 10)
    monkeypatch.setattr("unicl.files.tar_index.MAX_IMAGE_BYTES", 20)
    index = indexed(
        tmp_path / "x.tar", [("a.txt", b"x" * 11), ("a.jpg", b"x" * 21), ("b.txt", b"x" * 10), ("b.jpg", b"x" * 20)]
    )
    assert index.take([0, 1]) == [("a", None, None, None), ("b", b"x" * 20, "x" * 10, None)]
    assert index.counts["too_large"] == 2


def test_samples_are_read_in_any_order_and_from_other_processes(tmp_path: Path) -> None:
    index = indexed(tmp_path / "x.tar", sample_members(300))
    rows = [299, 0, 7, 7]
    expected = [(f"{row:05d}", f"jpg {row}".encode(), f"txt {row}", None) for row in rows]
    assert index.take(rows) == expected
    assert pickle.loads(pickle.dumps(index)).take(rows) == expected  # noqa: S301
    for method in ("fork", "spawn"):
        with get_context(method).Pool(1) as pool:
            assert pool.apply(index.take, (rows,)) == expected
    for row in (-1, 300):
        with pytest.raises(IndexError, match=f"expected a row from 0 to 299; got {row}"):
            index.take([row])


def test_many_samples_go_through_several_batches(tmp_path: Path) -> None:
    count = (1 << 16) + 1000
    path = tmp_path / "x.tar"
    header = bytearray(tarfile.TarInfo("00000.jpg").tobuf(tarfile.USTAR_FORMAT))
    total = int(header[148:154], 8) - 5 * ord("0")
    with path.open("wb") as file:
        for row in range(count):
            header[:5] = digits = b"%05d" % row
            header[148:154] = b"%06o" % (total + sum(digits))
            file.write(header)
        file.write(bytes(1024))
    index_shard(path, sidecar_of(path))
    keys = TarIndex(path).table["key"]
    assert keys.to_pylist() == [f"{row:05d}" for row in range(count)]
    assert keys.num_chunks > 1


def test_an_index_that_fits_is_kept(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "x.tar", sample_members(5))
    sidecar = sidecar_of(path)
    counts, was_there = index_shard(path, sidecar)
    assert not was_there
    state = sidecar.stat()
    assert index_shard(path, sidecar) == (counts, True)
    assert sidecar.stat() == state
    assert index_shard(path, sidecar, overwrite=True) == (counts, False)


@pytest.mark.parametrize("change", ["content", "time", "version"])
def test_an_index_that_does_not_fit_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    path = write_shard(tmp_path / "x.tar", sample_members(5))
    index_shard(path, sidecar_of(path))
    if change == "content":
        write_shard(path, sample_members(50))
    elif change == "time":
        os.utime(path, (1, 1))
    else:
        monkeypatch.setattr("unicl.files.tar_index.VERSION", 3)
        with pytest.raises(ValueError, match=r"expected an index of version 3; got .*: run unicl index"):
            TarIndex(path)
    assert index_shard(path, sidecar_of(path))[1] is False
    assert len(TarIndex(path)) == (50 if change == "content" else 5)


def test_a_file_that_is_no_index_stays(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "x.tar", sample_members(5))
    for content in (b"", b"mine", b"ARROW1\0\0" + bytes(100)):
        sidecar_of(path).write_bytes(content)
        for call in (lambda: index_shard(path, sidecar_of(path)), lambda: TarIndex(path)):
            with pytest.raises(
                ValueError, match=r"got .*x\.tar\.index, which is another file or is damaged: remove it"
            ):
                call()
        assert sidecar_of(path).read_bytes() == content
    index_shard(path, sidecar_of(path), overwrite=True)
    assert len(TarIndex(path)) == 5


def test_a_damaged_index_is_an_error_or_harmless(tmp_path: Path) -> None:
    index = indexed(tmp_path / "x.tar", sample_members(20))
    whole = index.sidecar.read_bytes()
    rows = range(len(index))
    expected = index.take(rows)
    del index
    for at in range(0, len(whole), 7):
        for content in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            # As a new file: the old one may still be mapped.
            sidecar_of(tmp_path / "x.tar").unlink()
            sidecar_of(tmp_path / "x.tar").write_bytes(content)
            try:
                found = TarIndex(tmp_path / "x.tar").take(rows)
            except (ValueError, OSError):
                continue
            assert len(found) == len(expected)


def test_a_shard_that_the_index_does_not_fit_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    indexed(path, sample_members(5))
    with pytest.raises(
        FileNotFoundError, match=r"expected the index of .*y\.tar; got no file .*: make it with unicl index "
    ):
        TarIndex(write_shard(tmp_path / "y.tar", sample_members(5)))
    write_shard(path, sample_members(50))
    with pytest.raises(
        ValueError, match=r"expected the index of .*x\.tar; got .*, which does not fit: the shard has .* bytes"
    ):
        TarIndex(path)
    write_shard(path, [(f"other {name}", content) for name, content in sample_members(5)])
    with pytest.raises(ValueError, match="does not fit: the headers in the shard are not those that were indexed"):
        TarIndex(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        TarIndex(path)


def test_a_shard_that_became_shorter_is_an_error(tmp_path: Path) -> None:
    index = indexed(tmp_path / "x.tar", sample_members(5))
    os.truncate(index.shard, 3000)
    with pytest.raises(ValueError, match="the shard ends before the image of the sample 00004"):
        index.take([4])


def test_a_shard_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "x.tar", sample_members(5))
    with pytest.raises(ValueError, match="expected a file that stays the same; got one that was changed meanwhile"):
        index_shard(path, sidecar_of(path), advance=lambda _: os.utime(path, (1, 1)))
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_with_an_index_has_no_further_input(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "x.tar", sample_members(5))
    index_shard(path, sidecar_of(path))
    assert find_inputs([tmp_path]) == find_shards([tmp_path]) == [path]
    with pytest.raises(ValueError, match=r"expected a file whose name ends in .*; got .*x\.tar\.index"):
        find_inputs([sidecar_of(path)])


def test_only_plain_tar_files_are_shards(tmp_path: Path) -> None:
    for name in ("b.tar", "a.TAR", ".c.tar", "_d.tar", "e.txt", "f.tar.gz"):
        (tmp_path / name).touch()
    assert [path.name for path in find_shards([tmp_path])] == ["a.TAR", "b.tar"]
    (tmp_path / "empty").mkdir()
    for paths, error in (
        ([], "expected a shard; got none"),
        ([tmp_path / "f.tar.gz"], r"expected a plain tar file; got .*f\.tar\.gz: decompress it"),
        ([tmp_path / "e.txt"], r"expected a file whose name ends in \.tar; got .*e\.txt"),
        ([tmp_path / "empty"], r"expected files in .*empty whose names end in \.tar; got none"),
    ):
        with pytest.raises(ValueError, match=error):
            find_shards(paths)
    with pytest.raises(FileNotFoundError, match="which does not exist"):
        find_shards([tmp_path / "none.tar"])
    with pytest.raises(TypeError, match="expected a list"):
        find_shards("x.tar")
