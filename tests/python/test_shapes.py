"""The shapes in signatures can be checked, and a wrong shape is refused where they are."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

PACKAGES = ("unicl.models", "unicl.data", "unicl.training", "unicl.evaluation")
WATCHED = f"""
import pytest, torch
from jaxtyping import TypeCheckError, install_import_hook

install_import_hook({PACKAGES!r}, "beartype.beartype")
from unicl.data import Batch, augment
from unicl.evaluation import positive_ranks, retrieval_recall
from unicl.models import DualTower, LabelEncoder, SmallDualTowerConfig
from unicl.training import objective_loss

tower = SmallDualTowerConfig(
    vocab_size=9, context_length=4, embed_dim=8, image_channels=(4,), image_blocks=(1,), text_width=32
).build()
images, tokens, labels = torch.zeros(2, 3, 8, 8), torch.ones(3, 4, dtype=torch.int64), torch.arange(2)
assert tower(images, tokens).image_features.shape == (2, 8)
rows, scale = torch.eye(2), torch.tensor(1.0)
assert objective_loss("unicl", rows, rows, labels, labels, scale).shape == ()
"""
WRONG = (
    "tower.encode_image(images[0])",
    "tower.encode_image(images.int())",
    "tower.encode_text(tokens.float())",
    "tower(images, tokens[0])",
    "DualTower(torch.nn.Identity(), torch.nn.Identity()).encode_image(images)",  # its features have four dimensions
    "LabelEncoder(3, pooling='max')",
    "augment(images[0], torch.Generator())",
    "Batch(images=images, tokens=tokens, image_labels=torch.arange(3), text_labels=torch.arange(3))",
    "positive_ranks(rows, torch.eye(3), labels, torch.arange(3))",
    "retrieval_recall(rows, rows, labels, torch.arange(3))",
    "objective_loss('unicl', rows, torch.eye(3), labels, torch.arange(3), scale)",
    "objective_loss('unicl', rows, rows, labels, labels, scale[None])",
)


def test_a_wrong_shape_is_refused_under_the_hook_and_a_right_one_is_not() -> None:
    """In a process of its own, so that it does not matter whether this one checks shapes."""
    pytest.importorskip("beartype")
    lines = [f"with pytest.raises(TypeCheckError, match='Type-check error'):\n    {call}\n" for call in WRONG]
    done = subprocess.run([sys.executable, "-c", WATCHED + "".join(lines)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def functions_of(package: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions and methods that the modules of a package define, with their full names."""
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) != found.name:
                continue
            members = vars(value).items() if inspect.isclass(value) else [(name, value)]
            for member, function in members:
                function = getattr(function, "fget", getattr(function, "__func__", function))
                if inspect.isfunction(function):
                    yield f"{found.name}.{name}.{member}", inspect.unwrap(function)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_shape_in_a_signature_can_be_resolved_at_run_time(package: str) -> None:
    """The hook leaves what it cannot resolve unchecked, without a word."""
    shapes = 0
    for name, function in functions_of(package):
        for argument, annotation in inspect.get_annotations(function).items():
            if isinstance(annotation, str) and "[Tensor," in annotation:
                shapes += 1
                try:
                    eval(annotation, function.__globals__)  # noqa: S307 (our own signatures)
                except NameError as error:
                    pytest.fail(f"{name}, {argument}: {error}")
    assert shapes > 3
