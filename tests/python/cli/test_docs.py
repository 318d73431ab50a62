"""The commands in docs/cli.md run as they stand, from top to bottom."""

import io
import json
import re
import shlex
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from unicl.cli import COMMANDS, main
from unicl.models import SmallDualTowerConfig, save_dual_tower

PAGE = Path(__file__).resolve().parents[3] / "docs" / "cli.md"
CAPTIONS = ["A black dog chases two balls.", "two dogs on the grass", "it rains", "the man with a black dog", "grass"]


def write_images(path: Path) -> None:
    image = io.BytesIO()
    Image.effect_noise((20, 20), 90).save(image, "PNG")
    with tarfile.open(path, "w") as archive:
        for row, caption in enumerate(CAPTIONS):
            for end, content in (("png", image.getvalue()), ("txt", caption.encode())):
                member = tarfile.TarInfo(f"{row}.{end}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def test_the_commands_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("captions.txt").write_text("".join(f"{caption}\n" for caption in CAPTIONS))
    Path("kinds.tsv").write_text("name\tparent\nanimal\t\ndog\tanimal\nblack dog\tdog\nball\t\n")
    write_images(Path("images.tar"))
    Path("products.csv").write_text("caption,kind\na ball,golden_retriever\n,gnu\n")
    pixels = io.BytesIO()
    Image.new("RGB", (20, 20)).save(pixels, "JPEG")
    products = {"image": [pixels.getvalue()] * 2, "caption": ["a ball", "a cup"], "class": ["ball", "cup"]}
    pq.write_table(pa.table(products), "products.parquet")
    for name in ("dog", "cat"):
        Path("data", name).mkdir(parents=True)
        Path("data", name, "1.jpg").write_bytes(b"never opened")
    categories, instances = [{"id": 18, "name": "dog"}], [{"image_id": 1, "category_id": 18}]
    lists = {"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": instances, "categories": categories}
    Path("instances.json").write_text(json.dumps(lists))
    torch.manual_seed(0)
    config = SmallDualTowerConfig(vocab_size=49408, context_length=16, embed_dim=16, text_width=32)
    save_dual_tower(config.build(), config, Path("model"))
    lines = re.findall(r"^\$ unicl (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {line.split()[0] for line in lines} == {*COMMANDS} - {"demo"}
    for line in lines:
        assert main(shlex.split(line)) == 0, line
    for name in (
        "ids.parquet",
        "tokens.json",
        "mined/captions.parquet",
        "labelled/vocabulary.json",
        "merged.json",
        "rolled/captions.parquet",
        "kinds/products.parquet",
        "folders/data.parquet",
        "instances.vocabulary.json",
        "look.html",
    ):
        assert Path(name).exists()
