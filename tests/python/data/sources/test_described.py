"""Each format tells what it is, which column is what, and the rows of each class."""

import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from unicl.data import BadSample, DescribedSource, open_samples

from .formats import Row, write_class_folder, write_coco, write_hf, write_parquet, write_tar, write_tsv

FORMATS = {
    "Parquet": write_parquet,
    "tar shards": write_tar,
    "class folder": write_class_folder,
    "COCO JSON": write_coco,
    "TSV or CSV": write_tsv,
    "HF data set": write_hf,
}


@pytest.mark.parametrize(("name", "write"), FORMATS.items(), ids=FORMATS)
def test_the_counts_of_classes_are_those_of_the_samples(name: str, write: Callable[..., Path], tmp_path: Path) -> None:
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, "JPEG")
    names = ("dog", "cat", "cat", "owl", "cat", "dog", "bus")
    rows = [Row(content.getvalue(), (f"caption {row}",), (names[row % 7],)) for row in range(23)]
    source = open_samples(write(tmp_path / "data", rows))
    assert isinstance(source, DescribedSource)
    assert source.format == name
    assert {"image", "classes"} <= {*source.schema}
    assert ("captions" in source.schema) == source.has_captions
    samples = source.take(range(len(source)))
    met = Counter(each for sample in samples if not isinstance(sample, BadSample) for each in sample.classes)
    assert source.class_counts() == met
