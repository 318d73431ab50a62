"""The example that trains an open_clip model with open_clip's own code and our loss."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("open_clip_train.train", reason="open_clip comes without its training code")
EXAMPLE = Path(__file__).parents[3] / "examples" / "open_clip_training.py"


def losses(loss: str, cache: Path, *more: str) -> list[float]:
    options = [*more, "--loss", loss, "--epochs", "2", "--images", "256", "--batch-size", "64", "--cache", str(cache)]
    done = subprocess.run([sys.executable, str(EXAMPLE), *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [float(value) for value in re.findall(r"^epoch \d: loss ([\d.]+)$", done.stdout, flags=re.MULTILINE)]


def test_our_loss_trains_an_open_clip_model_as_its_own_does(tmp_path: Path) -> None:
    ours, theirs = losses("unicl", tmp_path, "--no-labels"), losses("clip", tmp_path)
    assert len(ours) == 2
    assert ours[1] < ours[0]
    assert ours == pytest.approx(theirs, abs=0.01)
    labelled = losses("unicl", tmp_path)
    assert labelled[1] < labelled[0]
    assert labelled != pytest.approx(ours, abs=0.002)
