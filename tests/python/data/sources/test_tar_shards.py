"""Shards are indexed when they are opened, wherever the index can be written."""

import errno
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from unicl.data import TarShardSamples
from unicl.data.sources import tar_shards

from . import formats
from .formats import Row

ROWS = [Row(b"image %d" % number, (f"a dog {number}",), ("dog" if number % 2 else "cat",)) for number in range(6)]


def captions(source: TarShardSamples) -> list[str]:
    return [sample.captions[0] for sample in source.take(range(len(source)))]


def test_an_index_is_made_kept_and_made_again_when_the_shard_changes(tmp_path):
    folder = formats.write_tar(tmp_path / "data", ROWS, shards=1)
    assert captions(TarShardSamples(folder)) == [f"a dog {number}" for number in range(6)]
    first = (folder / "00000.tar.index").stat().st_mtime_ns
    TarShardSamples(folder)
    assert (folder / "00000.tar.index").stat().st_mtime_ns == first
    other = formats.write_tar(tmp_path / "other", ROWS[::-1], shards=1)
    (folder / "00000.tar").write_bytes((other / "00000.tar").read_bytes())
    assert captions(TarShardSamples(folder)) == [f"a dog {number}" for number in range(5, -1, -1)]


def test_a_folder_that_cannot_be_written_stays_as_it_is(tmp_path, monkeypatch):
    folder = formats.write_tar(tmp_path / "data", ROWS)
    make = tar_shards.index_shard

    def refuse(shard: Path, sidecar: Path):
        if sidecar.parent == folder:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(sidecar))
        return make(shard, sidecar)

    monkeypatch.setattr(tar_shards, "index_shard", refuse)
    source = pickle.loads(pickle.dumps(TarShardSamples(folder)))  # noqa: S301
    assert captions(source) == [f"a dog {number}" for number in range(6)]
    assert sorted(file.name for file in folder.iterdir()) == ["00000.tar", "00001.tar", "00002.tar"]


def test_the_temporary_folder_goes_with_its_process():
    code = """
import os
from unicl.data.sources.tar_shards import _temporary_folder
folder = _temporary_folder()
if not os.fork():
    raise SystemExit  # as a worker that ends in the usual way
os.wait()
assert folder.is_dir()
print(folder)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip()
    assert not Path(answer.stdout.strip()).exists()


@pytest.mark.parametrize("count", [0, 3])
def test_two_shards_may_have_the_same_keys(tmp_path, count):
    source = TarShardSamples(formats.write_tar(tmp_path / "data", ROWS, shards=2))
    keys = [sample.key for sample in source.take([count % 6, (count + 3) % 6])]
    assert sorted(keys) == ["00000.tar:000000", "00001.tar:000000"]
