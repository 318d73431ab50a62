import importlib.util
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file
from transformers import BertConfig, BertModel, BertTokenizerFast

import unicl

EXAMPLE = Path(__file__).parents[3] / "examples" / "three_encoders.py"
COLOURS = ("red", "green", "blue", "yellow")
SHAPES = {"circle": "ellipse", "square": "rectangle", "triangle": "triangle"}
SMALL = {
    "image_encoder": "resnet10t",
    "image_size": 64,
    "text_layers": 1,
    "text_width": 64,
    "context_length": 16,
    "embed_dim": 32,
    "min_document_frequency": 2,
    "batch_size": 12,
    "workers": 0,
}


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("three_encoders", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["three_encoders"] = module
    spec.loader.exec_module(module)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # towers this small only wait for one another
    yield module
    torch.set_num_threads(threads)
    del sys.modules["three_encoders"]


@pytest.fixture(scope="module")
def tsv(tmp_path_factory):
    """A dozen coloured shapes on a white table, and a caption for each."""
    folder = tmp_path_factory.mktemp("shapes")
    lines = []
    for colour in COLOURS:
        for shape in SHAPES:
            image = Image.new("RGB", (64, 64), "white")
            draw = ImageDraw.Draw(image)
            if shape == "triangle":
                draw.polygon([(32, 8), (56, 56), (8, 56)], fill=colour)
            else:
                getattr(draw, SHAPES[shape])((10, 10, 54, 54), fill=colour)
            image.save(folder / f"{colour}-{shape}.png")
            lines.append(f"a {colour} {shape} on a white table\t{colour}-{shape}.png\n")
    (folder / "captions.tsv").write_text("".join(lines))
    return folder / "captions.tsv"


def flags(**options):
    return [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )


@pytest.fixture(scope="module")
def finished(tsv, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "shapes"
    return run(tsv, *flags(out=out, epochs=16, lr=1e-3, **(SMALL | {"workers": 1}))), out


def test_it_trains_and_every_printed_loss_is_finite_and_the_sum_of_its_parts(finished):
    process, _ = finished
    assert process.returncode == 0, process.stderr
    assert "12 captioned images" in process.stdout
    losses = re.findall(r"^epoch (\d+)  loss (\S+)  image-text (\S+)  image-label (\S+)$", process.stdout, re.MULTILINE)
    assert [int(epoch) for epoch, *_ in losses] == list(range(1, 17))
    for _, total, image_text, image_label in losses:
        assert math.isfinite(float(total))
        assert float(total) == pytest.approx(float(image_text) + float(image_label), abs=2e-4)
    assert "epoch 16/16: 100%" in process.stderr  # the bar


def test_both_losses_fall(finished):
    losses = np.float64(re.findall(r"image-text (\S+)  image-label (\S+)$", finished[0].stdout, re.MULTILINE))
    assert (losses[-3:].mean(axis=0) < 0.9 * losses[:3].mean(axis=0)).all()


def test_the_labels_are_the_noun_phrases_of_the_captions(finished, example):
    names = example.json.loads((finished[1] / "config.json").read_text())["labels"]
    assert any("table" in name for name in names)
    for shape in SHAPES:
        assert any(shape in name for name in names)


def test_only_the_two_files_are_left(finished):
    _, out = finished
    assert sorted(path.name for path in out.iterdir()) == ["config.json", "model.safetensors"]
    assert [path.name for path in out.parent.iterdir()] == ["shapes"]


def test_what_was_written_builds_the_encoders_again(finished, example):
    _, out = finished
    model = example.load(out)
    assert not model.training
    saved = load_file(out / "model.safetensors")
    assert model.state_dict().keys() == saved.keys()
    assert all(torch.equal(tensor, saved[name]) for name, tensor in model.state_dict().items())
    assert model.image_encoder(torch.zeros(2, 3, 64, 64)).shape == (2, 32)
    assert model.text_encoder(torch.tensor([[49406, 320, 49407, 0]])).shape == (1, 32)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A tiny BERT with its own vocabulary, as a folder."""
    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "on", "white", "table", *COLOURS, *SHAPES]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(words), **sizes)).save_pretrained(folder)
    return folder


def outputs(model):
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    tokens, mask = torch.tensor([[2, 5, 9, 3], [2, 5, 3, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    with torch.no_grad():
        return model(images, tokens, mask, unicl.LabelSets.from_lists([[0], [1]]))


def test_a_bert_folder_is_trained_with_its_own_tokenizer_and_loads_with_equal_outputs(
    example, tsv, bert, tmp_path, monkeypatch
):
    before, save = [], example.save

    def keep_and_save(model, *arguments):
        before.extend(outputs(model))
        save(model, *arguments)

    monkeypatch.setattr(example, "save", keep_and_save)
    example.train(example.Config(tsv=tsv, out=tmp_path / "run", text_encoder=str(bert), epochs=1, **SMALL))
    model = example.load(tmp_path / "run")
    assert model.text_encoder.trunk.config.vocab_size == 16
    for kept, loaded in zip(before, outputs(model), strict=True):
        torch.testing.assert_close(loaded, kept, rtol=0, atol=0)


def test_bad_rows_are_skipped_counted_and_named(example, tsv, tmp_path, capsys):
    (tsv.parent / "gone.jpg").write_bytes(b"<html>410</html>")
    with_bad_rows = tsv.parent / "with_bad_rows.tsv"
    with_bad_rows.write_text(tsv.read_text() + "no image\na lost square\tlost.png\na gone circle\tgone.jpg\n")
    example.train(example.Config(tsv=with_bad_rows, out=tmp_path / "run", epochs=1, **(SMALL | {"batch_size": 13})))
    printed = capsys.readouterr().out
    assert "2 of the 15 rows" in printed
    assert "missing column (first: row 13" in printed
    assert "missing image (first: row 14, lost.png)" in printed
    assert re.search(
        r"3 of the 15 rows .* 1 not JPEG, PNG or WEBP \(first: row 15, \S+gone.jpg: the file begins with", printed
    )


def test_the_same_seed_gives_the_same_losses(example, tsv, bert, tmp_path, capsys):
    printed = []
    for out, seed in (("a", 0), ("b", 0), ("c", 1)):
        options = SMALL | {"batch_size": 6, "text_encoder": str(bert), "seed": seed}
        example.train(example.Config(tsv=tsv, out=tmp_path / out, epochs=1, **options))
        printed.append(re.search("^epoch 1 .*$", capsys.readouterr().out, re.MULTILINE).group())
    assert printed[0] == printed[1] != printed[2]


def test_images_whose_caption_gives_no_label_do_not_count_in_the_second_loss(example):
    generator = torch.Generator().manual_seed(0)
    image, text, label = (torch.randn(4, 8, generator=generator).requires_grad_() for _ in range(3))
    sets = unicl.LabelSets.from_lists([[0], [], [1], [2]])
    losses = example.contrast(image, text, label, sets, 0.07)
    kept = [0, 2, 3]
    wanted = unicl.fused_loss(image[kept], label[kept], logit_scale=1 / 0.07, normalize=True)
    torch.testing.assert_close(losses[1], wanted)
    losses[1].backward()
    assert image.grad[1].abs().sum() == 0
    assert image.grad[0].abs().sum() > 0


def test_a_batch_without_a_label_has_the_image_text_loss_alone(example):
    image, text, label = (torch.randn(3, 8).requires_grad_() for _ in range(3))
    losses = example.contrast(image, text, label, unicl.LabelSets.from_lists([[], [], []]), 0.07)
    assert losses[1] == 0
    assert losses[0] > 0
    losses.sum().backward()
    assert text.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"image_encoder": "resnet5O"},
            ValueError,
            "expected the name of an image model of timm; got 'resnet5O': did you mean resnet50",
        ),
        (
            {"text_encoder": "./no/bert"},
            FileNotFoundError,
            "expected a folder with config.json and model.safetensors; got './no/bert', which is no folder",
        ),
        (
            {"min_document_frequency": 13},
            ValueError,
            "expected a noun phrase that occurs in 13 or more of the 12 captions; got none",
        ),
        (
            {"image_root": Path("nowhere")},
            FileNotFoundError,
            "expected image_root to be the folder of the images that .*; no folder nowhere",
        ),
    ],
)
def test_a_wrong_option_stops_the_run_and_leaves_nothing(example, tsv, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        example.train(example.Config(tsv=tsv, out=tmp_path / "run", **(SMALL | options)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        (None, FileNotFoundError, "expected a Conceptual Captions TSV, lines of a caption, a tab and an image; no "),
        ("", ValueError, "expected at least one usable row: 0 of the 0 rows"),
        (
            "a red circle\tlost.png\n",
            ValueError,
            "expected at least one usable row: 1 of the 1 rows .* 1 missing image",
        ),
        (
            "a circle\tlost.png\n" * 2 + "a circle\tcircle.png\n",
            ValueError,
            "expected at most max_bad_fraction=0.5 of the rows to be bad: 2 of the 3 rows",
        ),
        (
            "a red circle\tcircle.png\n",
            ValueError,
            "expected two captioned images that can be read in a batch; epoch 1 took no step",
        ),
        (
            "of the and\tcircle.png\n" * 4,
            ValueError,
            "expected a noun phrase that occurs in 2 or more of the 4 captions; got none",
        ),
    ],
)
def test_a_bad_file_stops_the_run_and_leaves_nothing(example, tmp_path, lines, error, message):
    Image.new("RGB", (64, 64)).save(tmp_path / "circle.png")
    if lines is not None:
        (tmp_path / "captions.tsv").write_text(lines)
    before = sorted(tmp_path.iterdir())
    options = SMALL | {"min_document_frequency": 1 if lines and lines.count("\n") == 1 else 2}
    with pytest.raises(error, match=message):
        example.train(example.Config(tsv=tmp_path / "captions.tsv", out=tmp_path / "run", **options))
    assert sorted(tmp_path.iterdir()) == before


def test_a_text_model_without_its_tokenizer_is_refused(example, tsv, bert, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).symlink_to(bert / name)
    with pytest.raises(
        ValueError, match=r"expected the files of the tokenizer .*; its tokenizer has 5 tokens and its text model 16"
    ):
        example.train(example.Config(tsv=tsv, out=tmp_path / "run", text_encoder=str(tmp_path), **SMALL))


def test_an_existing_run_is_never_touched(example, tsv, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.safetensors").write_text("precious")
    with pytest.raises(
        FileExistsError, match=r"expected a new folder; .*run exists: name another with --out, or move it away"
    ):
        example.train(example.Config(tsv=tsv, out=tmp_path / "run", **SMALL))
    assert (tmp_path / "run" / "model.safetensors").read_text() == "precious"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "expected temperature > 0; got 0.0"),
        ({"epochs": 0}, "expected epochs >= 1; got 0"),
        ({"batch_size": 1}, "expected batch_size >= 2; got 1"),
        ({"min_document_frequency": 0}, "expected min_document_frequency >= 1; got 0"),
    ],
)
def test_a_value_that_cannot_train_is_refused(example, tsv, options, message):
    with pytest.raises(ValueError, match=message):
        example.Config(tsv=tsv, **options)


def test_without_a_connection_weights_from_the_hub_give_one_line_and_no_traceback(tsv, tmp_path):
    process = run(
        tsv,
        *flags(out=tmp_path / "run", **SMALL),
        "--image-pretrained",
        HF_HUB_OFFLINE="1",
        HF_HOME=str(tmp_path / "hub"),
    )
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith("error: the weights of 'resnet10t' could not be downloaded")
    assert "Traceback" not in process.stderr
    assert not (tmp_path / "run").exists()
