"""open_clip's own training code with ``unicl.UniCLLoss`` where its ``ClipLoss`` was, and labels that reach the loss.

A tiny open_clip model learns from emoji images, their names, and Unicode's subgroup of each as its label.
``open_clip_train.train.train_one_epoch`` trains it, unchanged: that of open_clip 3, or that of 4 with its tasks.
It hands images and texts to the model, and what the model returns to the loss. So the label of a pair travels as the
last column of its tokens (``LabelledCLIP``). Without labels the loss is CLIP's, and both losses train the same model,
up to rounding:

    python examples/open_clip_training.py --loss unicl --epochs 2
    python examples/open_clip_training.py --loss unicl --no-labels --epochs 2
    python examples/open_clip_training.py --loss clip --epochs 2
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import open_clip
import open_clip_train.train
import torch

import unicl
from unicl.demo import load_emoji_images

IMAGE_SIZE, CONTEXT_LENGTH = 32, 20


# open_clip 4 trains a task, which holds model and loss, on batches that are dictionaries.
HAS_TASKS = hasattr(open_clip_train.train, "TrainState")


class LabelledCLIP(open_clip.CLIP):
    """A CLIP whose texts have the label of their pair in a last column, which it hands on to the loss."""

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> dict[str, torch.Tensor]:
        """Gives features, scale and ``image_labels``, which texts share; the names of the loss' arguments."""
        return {**super().forward(image, text[:, :-1]), "image_labels": text[:, -1]}


class Loader:
    """The loader that open_clip's loop expects: batches, and their number."""

    def __init__(self, images: torch.Tensor, tokens: torch.Tensor, batch_size: int) -> None:
        self.images, self.tokens, self.batch_size = images, tokens, batch_size
        self.num_batches = len(images) // batch_size
        self.num_samples = self.num_batches * batch_size

    def pairs(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Gives images and texts, in another order each time."""
        order = torch.randperm(len(self.images))[: self.num_samples]
        for rows in order.split(self.batch_size):
            yield self.images[rows], self.tokens[rows]

    def __iter__(self) -> Iterator[Any]:
        for image, text in self.pairs():
            yield {"image": image, "text": text} if HAS_TASKS else (image, text)


def train_one_epoch(
    model: torch.nn.Module,
    loss: torch.nn.Module,
    data: dict[str, Any],
    epoch: int,
    optimizer: torch.optim.Optimizer,
    settings: SimpleNamespace,
) -> None:
    """Calls open_clip's loop as its version wants to be called."""
    loop = open_clip_train.train
    if HAS_TASKS:
        from open_clip.task import CLIPTask

        task = CLIPTask(model, loss=loss, device=torch.device("cpu"))
        loop.train_one_epoch(loop.TrainState(task=task, optimizer=optimizer, epoch=epoch), data, settings)
    else:
        loop.train_one_epoch(model, data, loss, epoch, optimizer, None, None, None, settings)


def main() -> None:
    """Trains, and prints the mean loss over all data after each epoch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loss", choices=("unicl", "clip"), default="unicl", help="the loss to train with")
    parser.add_argument("--no-labels", action="store_true", help="train on pairs alone, as CLIP does")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--images", type=int, default=1024, help="number of images, of 3,944")
    parser.add_argument(
        "--cache", type=Path, default=Path.home() / ".cache" / "unicl", help="folder of the drawn images"
    )
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    torch.manual_seed(0)

    data = load_emoji_images(chosen.cache, size=IMAGE_SIZE)
    every = max(1, len(data.emoji) // chosen.images)
    images = torch.from_numpy(data.images[::every][: chosen.images].copy()).permute(0, 3, 1, 2) / 127.5 - 1
    tokens = torch.from_numpy(unicl.ClipTokenizer(context_length=CONTEXT_LENGTH)(data.captions[::every]))[: len(images)]
    has_labels = chosen.loss == "unicl" and not chosen.no_labels
    if has_labels:
        subgroups = {name: label for label, name in enumerate(sorted({emoji.subgroup for emoji in data.emoji}))}
        labels = torch.tensor([subgroups[emoji.subgroup] for emoji in data.emoji])[::every][: len(images)]
        tokens = torch.cat([tokens, labels[:, None]], dim=1)
    model = (LabelledCLIP if has_labels else open_clip.CLIP)(
        embed_dim=64,
        vision_cfg={"layers": 2, "width": 64, "head_width": 32, "patch_size": 8, "image_size": IMAGE_SIZE},
        text_cfg={"context_length": CONTEXT_LENGTH, "width": 64, "heads": 2, "layers": 1},
        output_dict=True,
    )

    loss = unicl.UniCLLoss() if chosen.loss == "unicl" else open_clip.ClipLoss()  # the only line that differs

    loader = Loader(images, tokens, chosen.batch_size)
    settings = SimpleNamespace(
        device="cpu", precision="fp32", distill=False, accum_freq=1, skip_scheduler=True, grad_clip_norm=None,
        horovod=False, rank=0, local_rank=0, world_size=1, batch_size=chosen.batch_size, log_every_n_steps=1000,
        wandb=False, distributed=False,
    )  # fmt: skip
    dataset = {"train": SimpleNamespace(dataloader=loader, set_epoch=lambda _: None)}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for epoch in range(chosen.epochs):
        train_one_epoch(model, loss, dataset, epoch, optimizer, settings)
        with torch.no_grad():
            losses = [loss(**model(*batch), output_dict=True)["contrastive_loss"].item() for batch in loader.pairs()]
        print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.3f}", flush=True)


if __name__ == "__main__":
    main()
