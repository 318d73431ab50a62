"""`unicl label --relevance` with real folders of tiny random models and real files of images."""

import io
import json
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from unicl import DenseLabeler, LabelSets, LabelVocabulary
from unicl.cli import main
from unicl.labels import LabelFilters, RelevanceFilter
from unicl.models import SmallDualTowerConfig, open_scorer, save_dual_tower

CAPTIONS = ["A dog with two balls", "a person on a bench", "it rains", "a dog, a puppy and a ball", "a car and a cat"]
IMAGES = [Image.effect_noise((20 + row, 16), 90).convert("RGB") for row in range(len(CAPTIONS))]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = SmallDualTowerConfig(
        vocab_size=49408, context_length=16, embed_dim=16, image_channels=(4, 8), image_blocks=(1, 1), text_width=32,
        image_size=16,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("model")
    save_dual_tower(config.build(), config, folder)
    return folder


def png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def source(tmp_path: Path) -> str:
    images = [{"bytes": png(image), "path": None} for image in IMAGES]
    pq.write_table(pa.table({"caption": CAPTIONS, "image": images}), tmp_path / "captions.parquet")
    return str(tmp_path / "captions.parquet")


@pytest.fixture
def shard(tmp_path: Path) -> str:
    with tarfile.open(tmp_path / "captions.tar", "w") as archive:
        for row, (image, caption) in enumerate(zip(IMAGES, CAPTIONS, strict=True)):
            for end, content in (("png", png(image)), ("json", json.dumps({"caption": caption}).encode())):
                member = tarfile.TarInfo(f"{row:09d}.{end}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return str(tmp_path / "captions.tar")


def label(source: str, out: Path, *words: str) -> int:
    return main(["label", source, "--vocabulary", "coco", "--device", "cpu", "--out", str(out), *words])


def sets_in(out: Path) -> LabelSets:
    done = pq.read_table(out / "captions.parquet")
    return LabelSets.from_arrow(done["labels"], done["label_weights"])


@pytest.mark.parametrize("kind", ["source", "shard"])
def test_labels_stay_that_the_caption_repeats_or_the_model_sees(
    tmp_path: Path, model: Path, kind: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    path = request.getfixturevalue(kind)
    assert label(path, tmp_path / "out", "--relevance", str(model)) == 0
    labeler = DenseLabeler(
        LabelVocabulary.coco(), filters=LabelFilters(relevance=RelevanceFilter(scorer=open_scorer(model, device="cpu")))
    )
    expected = labeler(CAPTIONS, images=IMAGES).to_list()
    assert sets_in(tmp_path / "out").to_list() == expected
    without = DenseLabeler(LabelVocabulary.coco())(CAPTIONS).to_list()
    assert 0 < sum(map(len, expected)) < sum(map(len, without)), "a random model sees some of it"
    assert "4 images were opened" in capsys.readouterr().out


@pytest.mark.parametrize("weights", ["relevance", "idf-relevance"])
def test_scores_become_weights(tmp_path: Path, model: Path, source: str, weights: str) -> None:
    words = ["--relevance", str(model), "--weights", weights, "--score-above", "0", "--template", "{} here"]
    assert label(source, tmp_path / "out", *words) == 0
    scorer = open_scorer(model, template="{} here", device="cpu")
    vocabulary = LabelVocabulary.coco()
    relevance = RelevanceFilter(scorer=scorer, score_above=0.0, weigh=True)
    expected = DenseLabeler(vocabulary, filters=LabelFilters(relevance=relevance))(CAPTIONS, images=IMAGES)
    if weights == "idf-relevance":
        expected = expected.weighted(DenseLabeler(vocabulary).count(CAPTIONS).rarity())
    assert sets_in(tmp_path / "out").to_list() == expected.to_list()
    assert sets_in(tmp_path / "out").weights == pytest.approx(expected.weights, rel=1e-5)


def test_an_image_that_cannot_be_decoded_is_named_or_counted(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [png(IMAGES[0]), b"GIF89a", *map(png, IMAGES[2:])]
    pq.write_table(pa.table({"caption": CAPTIONS, "photo": images}), tmp_path / "captions.parquet")
    words = ["--relevance", str(model), "--image-column", "photo"]
    assert label(str(tmp_path / "captions.parquet"), tmp_path / "out", *words) == 2
    assert "captions.parquet, row 1: image not JPEG, PNG or WEBP: the file begins with" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []
    assert label(str(tmp_path / "captions.parquet"), tmp_path / "out", *words, "--bad-rows", "skip") == 0
    assert "skipped: 1 rows, image not JPEG, PNG or WEBP" in capsys.readouterr().out
    assert pq.read_table(tmp_path / "out" / "captions.parquet")["labels"].to_pylist()[1] is None


def test_a_model_that_answers_nan_ends_the_run_and_leaves_nothing(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = SmallDualTowerConfig(vocab_size=49408, context_length=16, embed_dim=16, text_width=32)
    broken = config.build()
    with torch.no_grad():
        broken.log_logit_scale.fill_(torch.nan)
    save_dual_tower(broken, config, tmp_path / "model")
    assert label(source, tmp_path / "out", "--relevance", str(tmp_path / "model")) == 2
    said = capsys.readouterr().err
    assert "expected a number in [0, 1] from the relevance scorer" in said
    assert "captions.parquet, row 0, phrase 'a dog'; got nan" in said
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_wrong_with_the_words_is_said_in_one_line(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, message in (
        (
            ["--weights", "relevance"],
            "expected a model for weights by relevance; got none: name its folder with --relevance",
        ),
        (["--relevance", str(tmp_path / "nowhere")], "which is no folder: nothing is downloaded"),
    ):
        assert label(source, tmp_path / "out", *words) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()
