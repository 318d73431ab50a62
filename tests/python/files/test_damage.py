"""A damaged or hostile file is an error that names it, in bounded memory; a folder says what it does not read."""

import gzip
import io
import os
import random
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl.files import Reading, find_inputs, open_source, read_captions

SKIP = Reading(bad_rows="skip")
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


def captions_of(path: Path, reading: Reading = SKIP) -> list[str]:
    return [
        caption
        for batch in read_captions(open_source(path, reading), reading)
        for caption in batch.captions.to_pylist()
    ]


def tar_of(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def claiming(size: int, name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tar file whose one header claims a size that is not there."""
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT) + b"a dog" + bytes(1019)


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tsv", "a.jsonl", "a.txt.gz"])
def test_wide_unicode_without_a_mark_is_named(tmp_path: Path, name: str, encoding: str) -> None:
    content = '{"caption": "a dog and a café"}\n'.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(ValueError, match=f"{name}: expected UTF-8; got {encoding.upper().replace('-', '.', 1)[:6]}"):
        open_source(tmp_path / name, SKIP)


def test_the_members_of_two_archives_in_one_file_are_read(tmp_path: Path) -> None:
    first, second = tar_of({"0.txt": b"a dog"}), tar_of({"1.txt": b"a cat", "2.JSON": b'{"caption": "a cow"}'})
    for name, pack in (
        ("x.tar", bytes),
        ("x.tar.gz", gzip.compress),
        ("x.tgz", gzip.compress),
        ("x.TGZ", gzip.compress),
    ):
        (tmp_path / name).write_bytes(pack(first + second + bytes(1 << 17) + first))
        reading = Reading(bad_rows="skip", column="txt")
        assert captions_of(tmp_path / name, reading) == ["a dog", "a cat", "", "a dog"]
        (tmp_path / name).write_bytes(pack(first + b"x" * 1024))
        with pytest.raises(
            ValueError, match=rf"{re.escape(name)} is not a tar file, or is damaged: a header is damaged"
        ):
            captions_of(tmp_path / name, reading)


def test_a_shard_cut_anywhere_is_damaged(tmp_path: Path) -> None:
    whole = tar_of({"0.txt": b"a dog", "1.txt": b"a cat" * 300, "2.txt": b""})
    used = len(whole.rstrip(b"\0")) + tarfile.BLOCKSIZE
    for name, pack in (("x.tar", bytes), ("x.tar.gz", gzip.compress)):
        for end in [*range(0, used, 173), *range(0, used, 512)]:
            (tmp_path / name).write_bytes(pack(whole[:end]))
            if any(whole[end:]) or end < used - 512:
                with pytest.raises(ValueError, match=rf"{re.escape(name)} is not a tar file, or is damaged: "):
                    captions_of(tmp_path / name)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.GNUTYPE_SPARSE])
@pytest.mark.parametrize("size", [20 << 30, -(1 << 20), 1 << 60])
@pytest.mark.parametrize("member", ["0.json", "0.txt", "0.jpg"])
def test_a_small_shard_that_claims_to_be_large_is_named(tmp_path: Path, kind: bytes, size: int, member: str) -> None:
    (tmp_path / "x.tar").write_bytes(claiming(size, member, kind))
    with pytest.raises(ValueError, match=r"x\.tar is not a tar file, or is damaged: "):
        open_source(tmp_path / "x.tar", SKIP)


def test_a_text_of_a_shard_larger_than_a_row_is_a_bad_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unicl.files.shards.MAX_ROW_BYTES", 1000)
    (tmp_path / "x.tar").write_bytes(tar_of({"0.txt": b"a dog" * 300, "1.txt": b"a cat"}))
    assert captions_of(tmp_path / "x.tar") == ["", "a cat"]
    with pytest.raises(
        ValueError, match=r"x\.tar, sample 0: expected JSON; got '\.txt member of more than 1,000 bytes'"
    ):
        open_source(tmp_path / "x.tar")


def test_hidden_members_and_names_that_are_not_utf8_are_no_bad_rows(tmp_path: Path) -> None:
    members = {"a/._0.txt": b"\0\5\26\7", "a/0.txt": b"a dog", ".DS_Store": b"x", "\udce9.txt": b"a cat"}
    (tmp_path / "x.tar").write_bytes(tar_of(members))
    assert captions_of(tmp_path / "x.tar", Reading()) == ["a dog", "a cat"]


def test_fields_named_as_the_columns_of_a_shard_give_way(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(tar_of({"0.json": b'{"__key__": "k", "txt": "t", "n": 1}', "0.txt": b"a dog"}))
    batch = next(open_source(tmp_path / "x.tar").batches())
    assert batch.columns.to_pylist() == [{"__key__": "0", "txt": "a dog", "n": 1}]


def test_a_shard_without_captions_names_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(tar_of({"22.05.jpg": b"x", "22.05.txt": b"a dog"}))
    with pytest.raises(ValueError, match=r"go on after the first dot with '\.05\.jpg', '\.05\.txt'\)"):
        captions_of(tmp_path / "x.tar")


@pytest.mark.parametrize("name", ["x.txt.gz", "x.jsonl.gz", "x.csv.gz", "x.tsv.gz"])
def test_a_line_without_end_is_refused_in_bounded_memory(tmp_path: Path, name: str) -> None:
    with gzip.open(tmp_path / name, "wb", compresslevel=1) as file:
        file.write(b"caption\n" if "sv" in name else b'{"caption": "')
        for _ in range(500):
            file.write(b"a" * (1 << 20))
    program = (
        "import sys; from pathlib import Path; from unicl.files import open_source, read_captions, Reading\n"
        "try: [0 for _ in read_captions(open_source(Path(sys.argv[1])), Reading())]\n"
        "except ValueError as error: print(error)\n"
        # Unlike ru_maxrss, this peak does not begin with that of the process that started this one.
        "status = Path('/proc/self/status').read_text()\n"
        "print(int(status.split('VmHWM:')[1].split()[0]) >> 10)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path / name], capture_output=True, text=True, check=True)
    message, peak_mib = done.stdout.splitlines()
    assert name in message
    assert int(peak_mib) < 400


def test_compressed_text_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(gzip.compress(b'{"caption": "a dog"}\n'))
    with pytest.raises(ValueError, match=r"x\.jsonl: expected text; got compressed data: rename it to x\.jsonl\.gz"):
        open_source(tmp_path / "x.jsonl")
    (tmp_path / "x.txt.gz").write_bytes(b"")
    with pytest.raises(ValueError, match=r"x\.txt\.gz is not compressed as gzip, or is damaged: it is empty"):
        open_source(tmp_path / "x.txt.gz")
    (tmp_path / "x.TXT.GZ").write_bytes(gzip.compress(b"a dog\n"))
    assert captions_of(tmp_path / "x.TXT.GZ") == ["a dog"]


def test_no_damage_in_parquet_leads_outside_of_what_was_read(tmp_path: Path) -> None:
    texts = pa.array(["a dog", "a cat", None, "a cow"] * 3)
    table = pa.table({"caption": texts.dictionary_encode(), "text": texts})
    file = io.BytesIO()
    pq.write_table(table, file, compression="none", write_statistics=False)
    messages = []
    for place in range(len(file.getvalue()) // 2):  # the second half is the schema
        damaged = bytearray(file.getvalue())
        damaged[place] ^= 0x1F
        (tmp_path / "x.parquet").write_bytes(damaged)
        try:
            for batch in open_source(tmp_path / "x.parquet").batches():
                for column in batch.columns.columns:
                    if pa.types.is_dictionary(column.type):
                        assert set(column.indices.to_pylist()) <= {None, *range(len(column.dictionary))}
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > 10
    assert all(str(tmp_path / "x.parquet") in message for message in messages)


CHANGES = {
    "x.txt": (b"a dog\na cat\n", b"a dog\n"),
    "x.csv": (b"caption\na dog\na cat\n", b"caption\na dog\n"),
    "x.jsonl": (b'{"caption": "a dog"}\n' * 2, b'{"caption": "a dog"}\n'),
    "x.tar": (tar_of({"0.txt": b"a dog", "1.txt": b"a cat"}), tar_of({"0.txt": b"a dog"})),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("change", ["added", "cut"])
def test_rows_added_or_cut_between_passes_are_an_error(tmp_path: Path, name: str, change: str) -> None:
    before, after = sorted(CHANGES[name], reverse=change == "cut")
    (tmp_path / name).write_bytes(before)
    source = open_source(tmp_path / name)
    assert len(list(read_captions(source, Reading()))) == 1
    (tmp_path / name).write_bytes(after)
    with pytest.raises(ValueError, match=rf"{name}: expected the rows that it had .* do not change it during the run"):
        list(read_captions(source, Reading()))


@pytest.mark.parametrize("name", ["x.txt", "x.csv"])
@pytest.mark.parametrize("change", ["added", "cut"])
def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path: Path, name: str, change: str) -> None:
    (tmp_path / name).write_text("caption\n" + "a dog\n" * 9)
    batches = read_captions(open_source(tmp_path / name, Reading(batch_rows=3)), Reading(column="caption"))
    next(batches)
    if change == "added":
        with (tmp_path / name).open("a") as file:
            file.write("a cat\n")
    else:
        os.truncate(tmp_path / name, 20)
    with pytest.raises(ValueError, match=rf"{name}: expected the rows .* its size was \d+ bytes and is another now"):
        list(batches)


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".parquet":
        pq.write_table(pa.table({"caption": ["a dog"]}), path)
    else:
        path.write_text("a dog\n")
    return path


def test_hidden_files_of_a_folder_are_not_read(tmp_path: Path) -> None:
    for name in "a.parquet", "._a.parquet", "_b.parquet", ".c/a.parquet", "_temporary/a.parquet", "B.PARQUET", "d.TAR":
        write(tmp_path / name)
    assert [path.name for path in find_inputs([tmp_path])] == ["B.PARQUET", "a.parquet", "d.TAR"]
    assert find_inputs([tmp_path / "_b.parquet"]) == [tmp_path / "_b.parquet"]


def test_files_in_folders_of_a_folder_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet")
    (tmp_path / "empty").mkdir()
    write(tmp_path / "docs" / "notes.md")
    assert len(find_inputs([tmp_path])) == 1
    write(tmp_path / "more" / "deeper" / "b.parquet")
    with pytest.raises(ValueError, match=r"expected files in .*; got some in its folder .*more too: name each folder"):
        find_inputs([tmp_path])


def test_text_beside_files_of_another_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "README.txt")
    assert len(find_inputs([tmp_path])) == 1
    write(tmp_path / "a.parquet")
    with pytest.raises(
        ValueError, match=r"expected files of captions in .*; got README\.txt beside a\.parquet: name the"
    ):
        find_inputs([tmp_path])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_not_utf8_is_refused_and_shown(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    write(tmp_path / name)
    for inputs in ([tmp_path / name], [tmp_path]):
        with pytest.raises(ValueError, match=r"expected a name in UTF-8; got b'.*caf\\xe9\.txt': rename the file"):
            find_inputs(inputs)


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.txt", "x.tar", "x.parquet", "x.csv.gz", "x.tgz"])
def test_any_damage_is_read_or_refused_by_name(tmp_path: Path, name: str) -> None:
    rows = [b"caption,n", b'"a ""dog""",1', b"a cat,2", b"a cow,3"]
    lines = [b'{"caption": "a dog", "n": [1, {"a": 2.5}]}', b'{"caption": "a \\ud83d\\ude00", "n": null}'] * 3
    content = {
        "x.csv": b"\n".join(rows),
        "x.tsv": b"\n".join(rows).replace(b",", b"\t"),
        "x.jsonl": b"\n".join(lines),
        "x.txt": "a dog\na café\n".encode(),
        "x.tar": tar_of({"0.json": lines[0], "0.txt": b"a dog", "1.json": lines[1]}),
        "x.csv.gz": gzip.compress(b"\n".join(rows), mtime=0),
    }
    content["x.tgz"] = gzip.compress(content["x.tar"], mtime=0)
    file = io.BytesIO()
    pq.write_table(pa.table({"caption": ["a dog", "a cat"] * 9, "n": range(18)}), file)
    content["x.parquet"] = file.getvalue()
    draw = random.Random(0)  # noqa: S311
    for _ in range(150):
        damaged = bytearray(content[name])
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(len(damaged) or 1)
            if draw.random() < 0.6 and damaged:
                damaged[place] = draw.randrange(256)
            else:
                del damaged[place : place + draw.randint(1, 40)]
        (tmp_path / name).write_bytes(damaged)
        message = f"{tmp_path / name} was read"
        try:
            captions_of(tmp_path / name, Reading(bad_rows="skip", column="caption"))
        except ValueError as error:
            message = str(error)
        assert str(tmp_path / name) in message
        assert "\n" not in message
