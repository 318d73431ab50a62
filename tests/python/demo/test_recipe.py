"""The demo end to end, in miniature, and what it leaves behind."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unicl.demo import NO_CLASS, DemoConfig, DemoData, load_emoji_images, prepare_data, run_demo
from unicl.demo.batches import RECIPES, make_batches
from unicl.demo.recipe import PACKAGES
from unicl.models import load_dual_tower


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> DemoConfig:
    folder = tmp_path_factory.mktemp("demo")
    return DemoConfig(out=folder / "run", cache=folder / "cache", steps=2, batch_size=32, image_size=16)


@pytest.fixture(scope="module")
def data(config: DemoConfig) -> DemoData:
    images = load_emoji_images(config.cache, size=config.image_size)
    return prepare_data(images, label_share=0.5, held_out_share=0.2, min_document_frequency=3)


@pytest.fixture(scope="module")
def finished(config: DemoConfig) -> Path:
    run_demo(config)
    return config.out


def test_a_run_leaves_metrics_a_model_and_a_page(finished: Path, config: DemoConfig) -> None:
    names = {"metrics.json", "metrics.jsonl", "model.safetensors", "config.json", "report.html"}
    assert {path.name for path in finished.iterdir()} == names
    metrics = json.loads((finished / "metrics.json").read_text())
    assert list(metrics["objectives"]) == list(RECIPES)
    for scores in metrics["objectives"].values():
        assert 0 <= scores["subgroup_accuracy"] <= 1
        assert 0 <= scores["image_to_text"]["1"] <= scores["image_to_text"]["10"] <= 1
    lines = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [(line["objective"], line["step"]) for line in lines] == [
        (name, step) for name in RECIPES for step in (1, config.steps)
    ]
    page = (finished / "report.html").read_text()
    assert all(name in page for name in RECIPES)


def test_the_saved_model_is_the_one_that_was_measured(finished: Path, data: DemoData) -> None:
    from unicl.demo.evaluate import evaluate

    model, _ = load_dual_tower(finished)
    scores = json.loads((finished / "metrics.json").read_text())["objectives"]["unicl"]
    assert evaluate(model, data).subgroup_accuracy == scores["subgroup_accuracy"]


def test_the_same_seed_gives_the_same_table_and_another_seed_another(config: DemoConfig, tmp_path: Path) -> None:
    losses = []
    for name, seed in [("a", 0), ("b", 0), ("c", 1)]:
        one = replace(config, out=tmp_path / name, seed=seed, objectives=("ce",))
        result = run_demo(one)["ce"]
        losses.append((result.scores, [record.loss for record in result.records]))
    assert losses[0] == losses[1]
    assert losses[0][1] != losses[2][1]


def test_the_two_kinds_of_data_share_no_image_and_none_is_held_out(data: DemoData) -> None:
    label, caption, held_out = map(set, (data.label_part.tolist(), data.caption_part.tolist(), data.held_out.tolist()))
    assert not label & caption
    assert not (label | caption) & held_out
    assert len(label) + len(caption) + len(held_out) == len(data.labels)
    assert abs(len(label) - len(caption)) <= 1


def test_batches_hold_captions_first_then_labelled_images_and_every_class_as_a_text(data: DemoData) -> None:
    recipe = RECIPES["unicl"]
    batch = next(make_batches(data, recipe, batch_size=10, seed=0, augmentation=0.0))
    k = len(data.class_names)
    assert batch.images.shape[0] == 10
    assert batch.tokens.shape[0] == 5 + k
    assert batch.image_labels[:5].tolist() == batch.text_labels[:5].tolist() == [NO_CLASS] * 5
    assert batch.text_labels[5:].tolist() == list(range(k))
    assert (batch.image_labels[5:] >= 0).all()


def test_ce_sees_only_labels_and_clip_only_captions(data: DemoData) -> None:
    ce = next(make_batches(data, RECIPES["ce"], batch_size=8, seed=0, augmentation=0.0))
    clip = next(make_batches(data, RECIPES["clip"], batch_size=8, seed=0, augmentation=0.0))
    assert len(ce.tokens) == len(data.class_names)
    assert (ce.image_labels >= 0).all()
    assert len(clip.tokens) == 8
    assert (clip.image_labels == NO_CLASS).all()


def test_dense_labels_come_from_the_captions_and_share_the_space_of_the_classes(data: DemoData) -> None:
    names = list(data.vocabulary.names)
    assert names[: len(data.class_names)] == list(data.class_names)
    sets = data.dense_labels.take(data.caption_part)
    assert 0.3 < (np.diff(sets.offsets) > 0).mean() <= 1
    assert sets.indices.max() < len(names)


def test_rare_dense_labels_weigh_more_than_frequent_ones(data: DemoData) -> None:
    sets = data.dense_labels.take(data.caption_part)
    counts = sets.document_frequency(len(data.vocabulary.names))[sets.indices]
    by_count = np.argsort(counts, kind="stable")
    assert (np.diff(sets.weights[by_count]) <= 0).all()
    assert sets.weights.min() > 0


def test_batches_with_dense_labels_join_those_of_captions_and_one_class_an_image(data: DemoData) -> None:
    batches = make_batches(data, RECIPES["unicl + dense labels"], batch_size=10, seed=0, augmentation=0.0)
    plain = next(make_batches(data, RECIPES["unicl"], batch_size=10, seed=0, augmentation=0.0))
    batch = next(batches)
    k = len(data.class_names)
    assert batch.image_labels.to_list()[:5] == batch.text_labels.to_list()[:5]
    assert batch.image_labels.to_list()[5:] == [[label] for label in plain.image_labels[5:].tolist()]
    assert batch.text_labels.to_list()[5:] == [[label] for label in range(k)]
    assert torch.equal(batch.images, plain.images)


@pytest.mark.parametrize("module", sorted(PACKAGES))
def test_a_missing_package_is_named_before_anything_is_drawn(
    config: DemoConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=rf"got no {PACKAGES[module]}: pip install {PACKAGES[module]}$"):
        run_demo(replace(config, out=tmp_path / "run", cache=tmp_path / "cache"))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_run_is_kept_unless_told_otherwise(finished: Path, config: DemoConfig) -> None:
    before = (finished / "metrics.json").read_text()
    with pytest.raises(FileExistsError, match="exists: name another one with out=FOLDER, or replace it"):
        run_demo(config)
    assert (finished / "metrics.json").read_text() == before


def test_overwrite_never_replaces_a_folder_that_is_no_run(config: DemoConfig, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(FileExistsError, match=r"expected a run folder to replace; got .*, which has no metrics.json"):
        run_demo(replace(config, out=tmp_path, overwrite=True))
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_overwrite_replaces_a_run_when_the_new_one_is_whole(config: DemoConfig, tmp_path: Path) -> None:
    one = replace(config, out=tmp_path / "run", objectives=("ce",), steps=1)
    run_demo(one)
    run_demo(replace(one, steps=2, overwrite=True))
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["settings"]["steps"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_that_fails_leaves_nothing_and_keeps_the_old_one(config: DemoConfig, tmp_path: Path) -> None:
    def fails(title: str, total: int | None, unit: str = "captions") -> Any:  # noqa: ARG001
        raise KeyboardInterrupt

    one = replace(config, out=tmp_path / "run", objectives=("ce",), steps=1)
    run_demo(one)
    before = (tmp_path / "run" / "metrics.json").read_text()
    with pytest.raises(KeyboardInterrupt):
        run_demo(replace(one, overwrite=True), fails)
    assert (tmp_path / "run" / "metrics.json").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_cannot_be_written_is_named(config: DemoConfig, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        locked = Path("/proc")  # root may write wherever a file system lets it
    else:
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o555)
    with pytest.raises(OSError, match=rf"a place for a run folder; got {locked}: .*: name another one with out=FOLDER"):
        run_demo(replace(config, out=locked / "run"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objectives": ("siglip",)}, r"expected objectives among 'ce', 'clip', 'unicl', .*; got 'siglip'"),
        ({"objectives": ()}, r"expected objectives among .*; got none"),
        ({"objectives": ("ce", "ce")}, "expected each objective once; got 'ce', 'ce'"),
        ({"steps": 0}, "expected steps >= 1; got 0"),
        ({"batch_size": -4}, "expected batch_size >= 1; got -4"),
    ],
)
def test_bad_settings_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DemoConfig(**changes)


def test_a_share_outside_its_range_is_refused(config: DemoConfig, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected label_share inside \(0, 1\); got 1"):
        run_demo(replace(config, out=tmp_path / "run", label_share=1.0))
    assert list(tmp_path.iterdir()) == []


def test_quick_lowers_the_steps_and_never_raises_them() -> None:
    assert DemoConfig(quick=True).steps < DemoConfig().steps
    assert DemoConfig(quick=True, steps=3).steps == 3
