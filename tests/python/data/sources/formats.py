"""Writes the same samples in every format that a source reads."""

import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Row:
    """What a sample is, in every format."""

    image: bytes
    captions: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


def write_parquet(folder: Path, rows: list[Row], *, group: int = 7, files: int = 3) -> Path:
    folder.mkdir(parents=True)
    table = pa.table(
        {
            "image": pa.array([{"bytes": row.image, "path": None} for row in rows]),
            "captions": [list(row.captions) for row in rows],
            "labels": [list(row.classes) for row in rows],
        }
    )
    size = -(-len(rows) // files)
    for number in range(files):
        part = table.slice(number * size, size)
        pq.write_table(part, folder / f"train-{number:05}.parquet", row_group_size=group)
    return folder


def write_tar(folder: Path, rows: list[Row], *, shards: int = 3) -> Path:
    """Writes the first caption and the first class: a shard has one of each."""
    folder.mkdir(parents=True)
    size = -(-len(rows) // shards)
    for shard in range(shards):
        with tarfile.open(folder / f"{shard:05}.tar", "w") as archive:
            for number, row in enumerate(rows[shard * size : (shard + 1) * size]):
                members = {"jpg": row.image}
                if row.captions:
                    members["txt"] = row.captions[0].encode()
                if row.classes:
                    members["cls"] = row.classes[0].encode()
                for ending, content in members.items():
                    member = tarfile.TarInfo(f"{number:06}.{ending}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return folder


def write_class_folder(folder: Path, rows: list[Row]) -> Path:
    for number, row in enumerate(rows):
        (folder / row.classes[0]).mkdir(parents=True, exist_ok=True)
        (folder / row.classes[0] / f"{number:06}.jpg").write_bytes(row.image)
    return folder


def write_coco(folder: Path, rows: list[Row]) -> Path:
    (folder / "train").mkdir(parents=True)
    names = sorted({name for row in rows for name in row.classes})
    annotations = []
    for number, row in enumerate(rows):
        (folder / "train" / f"{number:06}.jpg").write_bytes(row.image)
        annotations += [{"image_id": number, "caption": caption} for caption in row.captions]
        annotations += [{"image_id": number, "category_id": names.index(name)} for name in row.classes]
    content = {
        "images": [{"id": number, "file_name": f"{number:06}.jpg"} for number in range(len(rows))],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
    }
    (folder / "annotations").mkdir()
    file = folder / "annotations" / "instances_train.json"
    file.write_text(json.dumps(content))
    return file


def write_tsv(folder: Path, rows: list[Row], *, header: bool = True) -> Path:
    """Writes the first caption and the first class."""
    (folder / "images").mkdir(parents=True)
    lines = ["filepath\ttitle\tlabel"] if header else []
    for number, row in enumerate(rows):
        (folder / "images" / f"{number}.jpg").write_bytes(row.image)
        caption, name = (row.captions or ("",))[0], (row.classes or ("",))[0]
        lines.append(f"images/{number}.jpg\t{caption}\t{name}" if header else f"{caption}\timages/{number}.jpg")
    file = folder / "captions.tsv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def write_hf(folder: Path, rows: list[Row]) -> str:
    import datasets

    names = sorted({name for row in rows for name in row.classes})
    features = datasets.Features(
        image=datasets.Image(),
        caption=datasets.List(datasets.Value("string")),
        label=datasets.List(datasets.ClassLabel(names=names)),
    )
    data = {
        "image": [{"bytes": row.image, "path": None} for row in rows],
        "caption": [list(row.captions) for row in rows],
        "label": [[names.index(name) for name in row.classes] for row in rows],
    }
    datasets.Dataset.from_dict(data, features=features).save_to_disk(folder)
    return f"hf:{folder}"
