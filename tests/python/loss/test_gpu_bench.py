"""benches/loss/gpu.py without a card: every part runs, the judge is right, and no figure is made up."""

from __future__ import annotations

import importlib
import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import unicl

pytest.importorskip("triton", reason="triton is not installed")

BENCHES = Path(__file__).parents[3] / "benches" / "loss"
PARTS = ("correctness", "small", "large", "sets", "peers", "ranks")
MODULES = ("batches", "judge", "contenders", "measure", "correctness", "report", "gpu")


@pytest.fixture(scope="module")
def benches():
    """The modules of the benchmark, which lie beside one another, and ``run``: what a call prints, and its error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHES)
        found = SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})

        def run(*arguments):
            printed, error = io.StringIO(), None
            patch.setattr(sys, "argv", ["gpu.py", *arguments])
            with redirect_stdout(printed):
                try:
                    found.gpu.main()
                except SystemExit as stop:
                    error = stop.code
            return printed.getvalue(), error

        found.run = run
        yield found
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def outcome(benches, tmp_path_factory):
    """What all parts print and write on a CPU."""
    folder = tmp_path_factory.mktemp("gpu")
    printed, error = benches.run("--device", "cpu", "--seconds", "3000", "--rounds", "1", "--out", str(folder))
    assert not error, printed
    return printed, {part: json.loads((folder / f"gpu-{part}.json").read_text()) for part in PARTS}, folder


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
    assert sum(row.get("passed", False) for row in checks) > 150
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


def test_kernels_are_compiled_in_processes_of_their_own_first(benches):
    assert len(benches.gpu.jobs_of("small", "cuda")) == 12  # five sizes and one of float16, pairs and labels
    assert benches.gpu.jobs_of("ranks", "cpu") == [["ranks", "pairs", "8", "64", "32", "bfloat16"]]
    assert benches.gpu.warm_up("ranks", "cpu", processes=1) > 0


def test_a_part_whose_time_is_over_says_so_and_fails(benches, tmp_path):
    printed, error = benches.run("--device", "cpu", "--part", "small", "--seconds", "0", "--out", str(tmp_path))
    assert error == "wrong or unchecked: see the rows above"
    assert "the time of the part was over" in printed
    assert "no answer was checked" in printed
    assert all("median_ms" not in row for row in json.loads((tmp_path / "gpu-small.json").read_text())["rows"])


def test_a_wrong_answer_of_ours_is_marked_and_fails(benches, monkeypatch):
    wrong = benches.contenders.Contender(
        name="unicl", make=lambda _: lambda batch: 1.2 * benches.contenders.ours(batch), is_ours=True
    )
    monkeypatch.setattr(benches.gpu, "OURS", (wrong,))
    printed, error = benches.run("--device", "cpu", "--part", "ranks", "--rounds", "1")
    assert error == "wrong or unchecked: see the rows above"
    assert "WRONG" in printed


@pytest.mark.skipif(torch.cuda.is_available(), reason="a card is there")
def test_without_a_card_it_says_what_to_do(benches):
    error = benches.run("--part", "small")[1]
    assert error == "expected a CUDA device; got none: pass --device cpu to run tiny sizes on the CPU"


@pytest.mark.parametrize("targets", ["pairs", "labels", "sets of 1", "sets of 3"])
@pytest.mark.parametrize("texts", [13, 40])
def test_the_judge_gives_the_loss_and_gradients_of_the_reference(benches, monkeypatch, targets, texts):
    batches, judge = benches.batches, benches.judge
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
    batches, judge, contenders = benches.batches, benches.judge, benches.contenders
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
    batches, judge, contenders = benches.batches, benches.judge, benches.contenders
    batch = batches.make_batch(targets, 24, texts, 16, dtype=torch.float32, device="cpu")
    loss = contenders.PLAIN[0].step(batch).run()
    assert max(judge.errors(batch, loss, judge.judge(batch)).values()) < 1e-5
