"""Memory does not grow with the file."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

STATUS = Path("/proc/self/status")
pytestmark = pytest.mark.skipif(not STATUS.exists(), reason="peak memory is read where Linux tells it")

PEAK_MIB = """
import re, sys
from pathlib import Path
from unicl import ClipTokenizer
from unicl.files import Reading, output
from unicl.jobs import tokenize_files

output.ROW_GROUP_ROWS = 8_192
tokenize_files([sys.argv[1]], Path(sys.argv[2]), ClipTokenizer(), reading=Reading(batch_rows=2_048))
# Not ru_maxrss: a child begins with its parent's.
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 2**10)
"""


def write_captions(path: Path, rows: int) -> None:
    captions = pa.array([f"number {row} is a dog on the grass" for row in range(rows)])
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"caption": captions}), path)
    else:
        path.write_text("".join(f'{{"caption": "{caption}"}}\n' for caption in captions.to_pylist()))


def write_images(path: Path, image: bytes, rows: int) -> None:
    if path.suffix == ".parquet":
        # Bytes after the end of an image differ in each row, so that the file is as large as what a reader could keep.
        schema = pa.schema({"image": pa.binary(), "caption": pa.string()})
        with pq.ParquetWriter(path, schema, use_dictionary=False) as writer:
            for _ in range(rows // 100):
                images = [image + os.urandom(60_000) for _ in range(100)]
                writer.write_table(pa.table({"image": images, "caption": ["a dog"] * 100}, schema))
        return
    with tarfile.open(path, "w") as archive:
        for row in range(rows):
            for end, content in (("png", image), ("txt", b"a dog")):
                member = tarfile.TarInfo(f"{row:05d}.{end}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


PEAK_MIB_WITH_IMAGES = """
import re, sys
from pathlib import Path
from unicl import LabelVocabulary
from unicl.files import output
from unicl.jobs import label_files
from unicl.labels import RelevanceFilter

def scorer(images, phrases):
    return [[1.0] * len(row) for row in phrases]

output.ROW_GROUP_BYTES = 1 << 20
relevance = RelevanceFilter(scorer=scorer)
label_files([sys.argv[1]], Path(sys.argv[2]), LabelVocabulary.from_names(["dog"]), relevance=relevance)
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 2**10)
"""


def peak_mib(source: Path, out: Path, code: str = PEAK_MIB) -> float:
    words = [sys.executable, "-c", code, str(source), str(out)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("name", ["x.parquet", "x.jsonl"])
def test_ten_times_the_rows_take_the_same_memory(tmp_path: Path, name: str) -> None:
    peaks = []
    for factor in (1, 10):
        (tmp_path / str(factor)).mkdir()
        write_captions(tmp_path / str(factor) / name, factor * 30_000)
        peaks.append(peak_mib(tmp_path / str(factor) / name, tmp_path / f"{factor}.out"))
    assert peaks[1] < peaks[0] + 60, "the ids of the larger file alone are 92 MB"


@pytest.mark.parametrize("name", ["x.parquet", "x.tar"])
def test_ten_times_the_images_take_the_same_memory(tmp_path: Path, name: str) -> None:
    content = io.BytesIO()
    Image.new("RGB", (256, 256)).save(content, "PNG")
    peaks = []
    for factor in (1, 10):
        (tmp_path / str(factor)).mkdir()
        write_images(tmp_path / str(factor) / name, content.getvalue(), factor * 500)
        peaks.append(peak_mib(tmp_path / str(factor) / name, tmp_path / f"{factor}.out", PEAK_MIB_WITH_IMAGES))
    assert peaks[1] < peaks[0] + 130, "the pixels of the larger file are 938 MB, and its bytes in Parquet 300 MB"


PEAK_MIB_OF_A_COPY = """
import re, sys
from pathlib import Path
from unicl import LabelVocabulary
from unicl.jobs import label_files

label_files([sys.argv[1]], Path(sys.argv[2]), LabelVocabulary.from_names(["dog"]))
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 2**10)
"""


@pytest.mark.parametrize(("images", "rows"), [(True, 1_500), (False, 150_000)])
def test_a_copy_of_a_larger_file_takes_the_same_memory(tmp_path: Path, images: bool, rows: int) -> None:  # noqa: FBT001
    """Sizes and buffers are those of users. 2 and 20 million captions are in benches/text/memory.py."""
    peaks = []
    for factor in (1, 6):
        source = tmp_path / str(factor) / "x.parquet"
        source.parent.mkdir()
        if images:
            write_images(source, b"", factor * rows)
        else:
            write_captions(source, factor * rows)
        peaks.append(peak_mib(source, tmp_path / f"{factor}.out", PEAK_MIB_OF_A_COPY))
        source.unlink()
    assert peaks[1] < 1.15 * peaks[0], "the images of the larger file are 540 MB, its captions 30 MB"
