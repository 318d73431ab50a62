"""``index_shards`` and ``unicl index``: several shards, kept indexes, damaged shards, Ctrl-C."""

import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from unicl.cli import main
from unicl.files import TarIndex
from unicl.jobs import index_shards


def write_shards(folder: Path, count: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number:05d}.tar" for number in range(count)]
    for number, path in enumerate(paths):
        with tarfile.open(path, "w") as archive:
            for row in range(20):
                for end, content in (("jpg", f"image {number} {row}"), ("txt", "a dog"), ("cls", str(row))):
                    member = tarfile.TarInfo(f"{number}_{row}.{end}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content.encode()))
    return paths


@pytest.mark.parametrize("threads", [1, 3, None])
def test_all_shards_of_a_folder_are_indexed(tmp_path: Path, threads: int | None) -> None:
    paths = write_shards(tmp_path / "shards", 7)
    shown: list[tuple[str, int | None, str]] = []
    position = 0

    @contextmanager
    def progress(title: str, total: int | None, unit: str = "captions") -> Iterator[Callable[[int], None]]:
        def advance(items: int) -> None:
            nonlocal position
            position += items

        shown.append((title, total, unit))
        yield advance

    stats = index_shards([tmp_path / "shards"], threads=threads, progress=progress)
    size = sum(path.stat().st_size for path in paths)
    assert (shown, position) == ([("indexing", size, "bytes")], size)
    assert (stats.shards, stats.kept, stats.counts["samples"], stats.counts["files"]) == (7, 0, 140, 420)
    for number, path in enumerate(paths):
        assert TarIndex(path).take([19]) == [(f"{number}_19", f"image {number} 19".encode(), "a dog", "19")]


def test_only_shards_that_changed_are_indexed_again(tmp_path: Path) -> None:
    paths = write_shards(tmp_path / "shards", 4)
    out = tmp_path / "indexes"
    first = index_shards(paths, out)
    times = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    os.utime(paths[2], (5, 5))
    again = index_shards(paths, out)
    assert (again.shards, again.kept, again.counts) == (4, 3, first.counts)
    changed = [path.name for path in sorted(out.iterdir()) if path.stat().st_mtime_ns != times[path]]
    assert changed == ["00002.tar.index"]
    assert index_shards(paths, out, overwrite=True).kept == 0
    assert len(TarIndex(paths[0], out)) == 20
    assert sorted(path.name for path in (tmp_path / "shards").iterdir()) == [path.name for path in paths]


def test_damaged_shards_are_named_when_the_others_are_indexed(tmp_path: Path) -> None:
    paths = write_shards(tmp_path / "shards", 4)
    os.truncate(paths[1], 5000)
    with pytest.raises(ValueError, match=r"00001\.tar is not a tar file, or is damaged: it ends at byte 5000"):
        index_shards(paths)
    assert [path.name for path in sorted((tmp_path / "shards").glob("*.index"))] == [
        "00000.tar.index", "00002.tar.index", "00003.tar.index",
    ]  # fmt: skip
    os.truncate(paths[3], 5000)
    with pytest.raises(ValueError, match=r"00001\.tar is not .* \(2 of 4 shards have no index, and the others have\)"):
        index_shards(paths, overwrite=True)


def test_two_shards_with_one_index_are_refused(tmp_path: Path) -> None:
    one, two = write_shards(tmp_path / "one", 1), write_shards(tmp_path / "two", 1)
    for paths, out in ((one * 2, None), (one + two, tmp_path / "out")):
        with pytest.raises(ValueError, match=r"expected one shard for each index; got 2 for .*00000\.tar\.index: name"):
            index_shards(paths, out)
    with pytest.raises(ValueError, match="expected threads >= 1"):
        index_shards(one, threads=0)


def test_the_command_reports_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_shards(tmp_path / "shards", 2)
    with tarfile.open(tmp_path / "shards" / "links.tar", "w") as archive:
        for name in ("a.jpg", "a.png"):
            archive.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("b.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert main(["index", str(tmp_path / "shards"), "--out", str(tmp_path / "out"), "--threads", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(
        "41 samples of 3 shards: 41 images, 40 captions, 40 labels; 122 files in them; 0 shards had an index; "
    )
    assert lines[1:] == [
        "members: 1 are links",
        "members: 1 repeat an image, a text or a label of their sample, and are not read",
    ]


def test_the_command_names_a_file_that_is_no_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_shards(tmp_path, 1)
    (tmp_path / "00000.tar.index").write_text("mine")
    assert main(["index", str(tmp_path)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.endswith("which is another file or is damaged: remove it, or replace it with unicl index --overwrite")
    assert main(["index", str(tmp_path), "--overwrite"]) == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no signals to send")
def test_ctrl_c_ends_a_long_shard_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with path.open("wb") as file:
        file.truncate(1 << 42)  # zeros without end, which take no room
    command = [sys.executable, "-m", "unicl", "index", str(path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob(".x.tar.index*")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert (process.returncode, error.splitlines()[-1]) == (130, "unicl index: interrupted")
    assert list(tmp_path.iterdir()) == [path]
