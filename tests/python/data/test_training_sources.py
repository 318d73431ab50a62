"""Training data of real files: class folders, Parquet and COCO's JSON tell what labels and orders need."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.python.data.tiny_source import png, training_data

from unicl import LabelSets
from unicl.data import BadSample, SampleLoader, open_samples


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """A class folder with three classes of eight images."""
    for number in range(24):
        folder = tmp_path / "animals" / ("tabby_cat", "horse", "dog")[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(png(number))
    return tmp_path / "animals"


def test_a_class_folder_and_captions_make_integer_labels_and_blocks_of_one_class(animals: Path, tmp_path: Path) -> None:
    captions = [[f"view {number}", f"scene {number}"] for number in range(24)]
    pq.write_table(
        pa.table({"image": [png(number) for number in range(24)], "captions": captions}), tmp_path / "c.parquet"
    )
    data = training_data(open_samples(animals), open_samples(tmp_path / "c.parquet", caption_column="captions"))
    order = data.order(budgets={"image-text": 1, "image-label": 1}, same_class=4)
    for batch in SampleLoader(data, order, batch_size=16, workers=1, start_method="fork"):
        labels = batch.image_labels[batch.image_labels >= 0].reshape(2, 4)
        assert (labels == labels[:, :1]).all()
        for key, label in zip(batch.sample_keys, batch.image_labels.tolist(), strict=True):
            folder = key.split("/")[0]
            assert label == data.label_space.ids.get(folder, -1)


def test_the_classes_of_rows_are_those_of_their_samples(animals: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [png(1)] * 5, "label": [2, 0, -1, None, 1]}), tmp_path / "numbers.parquet")
    pq.write_table(
        pa.table({"image": [png(1)] * 3, "label": ["b", "", "a"]}), tmp_path / "names.parquet", row_group_size=2
    )
    with tarfile.open(tmp_path / "shard.tar", "w") as shard:
        for name, content in [
            (f"{n}.{end}", data) for n in "012" for end, data in (("png", png(1)), ("cls", n.encode()))
        ]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))
    for path, names in (
        (animals, None),
        (animals, {"tabby_cat": "cat", "horse": "a horse", "dog": "zebra"}),
        (tmp_path / "numbers.parquet", ["zebra", "cat", "dog"]),
        (tmp_path / "names.parquet", None),
        (tmp_path / "shard.tar", ["zebra", "cat", "dog"]),
    ):
        source = open_samples(path, class_names=names)
        named = [(source.class_names[place],) if place >= 0 else () for place in source.row_classes()]
        samples = source.take(range(len(source)))
        assert named == [() if isinstance(sample, BadSample) else sample.classes for sample in samples]


def test_categories_of_coco_and_lists_of_classes_make_sets(tmp_path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "1.png"}, {"id": 2, "file_name": "2.png"}],
        "categories": [{"id": 7, "name": "dog"}, {"id": 9, "name": "cat"}],
        "annotations": [
            {"id": number, "image_id": image, "category_id": category, "bbox": [0, 0, 1, 1]}
            for number, (image, category) in enumerate([(1, 7), (1, 9), (2, 9)])
        ],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    for number in (1, 2):
        (tmp_path / f"{number}.png").write_bytes(png(number))
    lists = pa.table({"image": [png(1), png(2)], "labels": [["dog", "cat"], ["cat"]]})
    pq.write_table(lists, tmp_path / "lists.parquet")
    with pytest.raises(TypeError, match="expected one class a row; got list"):
        open_samples(tmp_path / "lists.parquet").row_classes()
    for file in ("instances.json", "lists.parquet"):
        batch = training_data(open_samples(tmp_path / file)).take(np.zeros(2, int), np.arange(2), np.arange(2))
        assert isinstance(batch.image_labels, LabelSets)
        assert batch.image_labels.to_list() == [[0, 1], [0]]
