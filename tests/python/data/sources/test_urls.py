"""Sources at a URL, through fsspec: here its file system in memory."""

import pickle
from pathlib import Path

import fsspec
import pytest

from unicl.data import BadSample, Sample, open_samples

from . import formats
from .test_every_format import CASES, by_number, content


def upload(folder: Path, url: str) -> None:
    fsspec.filesystem("memory").put(f"{folder}/", url.removeprefix("memory:/"), recursive=True)


@pytest.fixture
def url(request):
    url = f"memory://{request.node.name.translate(str.maketrans('[] ', '___'))}"
    yield url
    fsspec.filesystem("memory").rm(url.removeprefix("memory:/"), recursive=True)


@pytest.mark.parametrize("case", ["parquet", "tar", "coco", "tsv", "conceptual captions", "class folder"])
def test_a_url_gives_the_same_samples_as_a_path(tmp_path, url, case):
    write, rows = CASES[case]
    path = write(tmp_path / "data", rows)
    here = open_samples(path, name="mine")
    upload(tmp_path / "data", url)
    there = open_samples(f"{url}{str(path).removeprefix(str(tmp_path / 'data'))}", name="mine")
    samples = there.take(range(len(there)))
    assert by_number(content(samples)) == by_number(rows)
    assert samples == here.take(range(len(here)))
    assert (there.class_names, there.has_captions) == (here.class_names, here.has_captions)
    assert pickle.loads(pickle.dumps(there)).take([3, 0]) == [samples[3], samples[0]]  # noqa: S301


def test_a_shard_at_a_url_needs_its_index(tmp_path, url):
    formats.write_tar(tmp_path / "data", CASES["tar"][1])
    upload(tmp_path / "data", url)
    with pytest.raises(FileNotFoundError, match=r"the index of .*00000.tar; got no file .*00000.tar.index: make"):
        open_samples(url)


def test_a_missing_image_at_a_url_is_a_bad_sample(tmp_path, url):
    file = formats.write_tsv(tmp_path / "data", CASES["tsv"][1])
    (tmp_path / "data" / "images" / "7.jpg").unlink()
    upload(tmp_path / "data", url)
    found = open_samples(f"{url}/{file.name}").take(range(50))
    bad = [place for place, sample in enumerate(found) if isinstance(sample, BadSample)]
    assert (bad, found[7].reason) == ([7], "missing image")


@pytest.mark.parametrize("path", ["", "/rows.parquet", "/rows.tar", "/rows.tsv", "/rows.json"])
def test_a_missing_url_is_named(path):
    with pytest.raises(FileNotFoundError, match=f"memory://nowhere{path}, which does not exist"):
        open_samples(f"memory://nowhere{path}")


def test_a_file_url_is_a_path(tmp_path):
    source = open_samples(f"file://{formats.write_parquet(tmp_path / 'data', CASES['parquet'][1])}")
    assert all(isinstance(sample, Sample) for sample in source.take(range(len(source))))
