"""benches/loss/gpu.py without a card: every part runs, the judge is right, and no figure is made up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import unicl

BENCHES = Path(__file__).parents[3] / "benches" / "loss"
PARTS = ("correctness", "small", "large", "sets", "peers", "ranks")


def run(*arguments):
    command = [sys.executable, str(BENCHES / "gpu.py"), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What all parts print and write on a CPU."""
    folder = tmp_path_factory.mktemp("gpu")
    found = run("--device", "cpu", "--seconds", "600", "--rounds", "2", "--out", str(folder))
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout, {part: json.loads((folder / f"gpu-{part}.json").read_text()) for part in PARTS}, folder


@pytest.fixture(scope="module")
def benches():
    """The modules of the benchmark, which lie beside one another."""
    names = ("batches", "judge", "contenders", "measure")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHES)
        yield [__import__(name) for name in names]
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("part", PARTS[1:])
def test_each_part_measures_ours_beside_the_floor_and_names_what_it_leaves_out(outcome, part):
    rows = outcome[1][part]["rows"]
    measured = [row for row in rows if "median_ms" in row]
    assert {"four matmuls", "unicl"} <= {row["contender"] for row in measured}
    kinds = {"sets of 1", "sets of 3", "labels"} if part == "sets" else {"pairs", "labels"}
    assert {row["targets"] for row in measured} == kinds
    assert {row["dtype"] for row in measured} == ({"bfloat16"} if part == "peers" else {"bfloat16", "float16"})
    for row in rows:
        assert ("median_ms" in row) != bool(row.get("left_out")), row
        assert "failed" not in row


@pytest.mark.parametrize("part", PARTS[1:])
def test_what_only_a_card_can_show_is_left_out_and_not_guessed(outcome, part):
    printed, records, folder = outcome
    for row in records[part]["rows"]:
        assert all(row.get(name) is None for name in ("host_ms", "launches", "peak_mib"))
        if "CUDA graph" in row["contender"]:
            assert row["left_out"] == "needs a CUDA device"
    assert "left out without a CUDA device: host_ms, launches, peak_mib" in printed
    assert (folder / f"gpu-{part}.png").stat().st_size > 10_000


def test_every_answer_is_checked_and_ours_are_right(outcome):
    for part in PARTS[1:]:
        ours = [row for row in outcome[1][part]["rows"] if row["contender"] == "unicl"]
        assert ours
        assert all(row["passed"] and row["error"] <= row["allowed"] for row in ours)
    checks = outcome[1]["correctness"]["rows"]
    assert {row["group"] for row in checks} == {"options", "hard_features", "behaviour", "large_batches"}
    assert sum(row.get("passed", False) for row in checks) > 200
    for row in checks:
        assert row.get("passed") or "needs a CUDA device" in row["left_out"], row


def test_peers_that_are_missing_are_named(outcome):
    reasons = {row["contender"]: row.get("left_out") for row in outcome[1]["peers"]["rows"]}
    for name in (
        "memeff",
        "siglip-kernel (sigmoid, 3 products)",
        "siglip-kernel, label form",
        "Inf-CL, both directions",
    ):
        assert reasons[name], name
    assert any(row["contender"].startswith("open_clip") and row.get("passed") for row in outcome[1]["peers"]["rows"])


def test_kernels_are_compiled_in_processes_of_their_own_first(tmp_path):
    found = run("--device", "cpu", "--part", "ranks", "--processes", "1", "--rounds", "1", "--out", str(tmp_path))
    assert found.returncode == 0, found.stdout + found.stderr
    assert json.loads((tmp_path / "gpu-ranks.json").read_text())["machine"]["warm_up_s"] > 0


def test_a_part_whose_time_is_over_says_so_and_fails(tmp_path):
    found = run("--device", "cpu", "--part", "small", "--seconds", "0", "--out", str(tmp_path))
    assert found.returncode != 0
    assert "the time of the part was over" in found.stdout
    assert "no answer was checked" in found.stdout
    assert all("median_ms" not in row for row in json.loads((tmp_path / "gpu-small.json").read_text())["rows"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="a card is there")
def test_without_a_card_it_says_what_to_do():
    found = run("--part", "small")
    assert found.returncode != 0
    assert "expected a CUDA device; got none: pass --device cpu" in found.stderr


@pytest.mark.parametrize("targets", ["pairs", "labels", "sets of 1", "sets of 3"])
@pytest.mark.parametrize("texts", [13, 40])
def test_the_judge_gives_the_loss_and_gradients_of_the_reference(benches, monkeypatch, targets, texts):
    batches, judge, *_ = benches
    if targets.startswith("sets") and texts != 13:
        with pytest.raises(ValueError, match="expected as many texts as images with sets; got 13 and 40"):
            batches.make_batch(targets, 13, texts, 8, dtype=torch.float64, device="cpu")
        return
    batch = batches.make_batch(targets, 13, texts, 8, dtype=torch.float64, device="cpu")
    loss = unicl.fused_loss(
        batch.image, batch.text, batch.image_labels, batch.text_labels, batch.scale, backend="reference"
    )
    loss.backward()
    monkeypatch.setattr(judge, "BLOCK", 3 * texts)  # blocks of three rows and a rest
    for most_rows in (100, 5):
        truth = judge.judge(batch, most_rows=most_rows)
        assert len(truth.rows) == 13
        assert (truth.scale is None) == (len(truth.rows) != 13)
        assert max(judge.errors(batch, loss, truth).values()) < 1e-7
    monkeypatch.setattr(judge, "SAMPLE", 4)
    truth = judge.judge(batch, most_rows=5)
    assert truth.rows.tolist() == [0, 4, 8, 12]
    assert truth.scale is None
    assert max(judge.errors(batch, loss, truth).values()) < 1e-7


def test_the_judge_sees_an_answer_that_is_wrong(benches):
    batches, judge, contenders, _ = benches
    batch = batches.make_batch("labels", 32, 32, 16, dtype=torch.bfloat16, device="cpu")
    truth = judge.judge(batch)
    loss = contenders.ours(batch)
    loss.backward()
    error, allowed = judge.worst(batch, judge.errors(batch, loss, truth), truth)
    assert error <= allowed
    for leaf in (batch.image, batch.text, batch.scale):
        kept = leaf.grad.clone()
        leaf.grad *= 1.05
        error, allowed = judge.worst(batch, judge.errors(batch, loss, truth), truth)
        assert error > allowed
        leaf.grad = torch.full_like(kept, float("nan"))
        error, allowed = judge.worst(batch, judge.errors(batch, loss, truth), truth)
        assert not error <= allowed
        leaf.grad = kept


@pytest.mark.parametrize(("targets", "texts"), [("pairs", 24), ("labels", 24), ("labels", 48), ("sets of 3", 24)])
def test_the_dense_equation_gives_the_loss_of_the_judge(benches, targets, texts):
    batches, judge, contenders, _ = benches
    batch = batches.make_batch(targets, 24, texts, 16, dtype=torch.float32, device="cpu")
    loss = contenders.PLAIN[0].step(batch).run()
    assert max(judge.errors(batch, loss, judge.judge(batch)).values()) < 1e-5
