"""open_clip's own training code with ``unicl.UniCLLoss`` where its ``ClipLoss`` was.

A tiny open_clip model learns from emoji images and their names. ``open_clip_train.train.train_one_epoch`` trains it,
unchanged. Without labels the loss is CLIP's, so both losses train the same model, up to rounding:

    python examples/open_clip_training.py --loss unicl --epochs 2
    python examples/open_clip_training.py --loss clip --epochs 2
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import open_clip
import torch
from open_clip_train.train import train_one_epoch

import unicl
from unicl.demo import load_emoji_images

IMAGE_SIZE, CONTEXT_LENGTH = 32, 20


class Loader:
    """The loader that open_clip's loop expects: batches, and their number."""

    def __init__(self, images: torch.Tensor, tokens: torch.Tensor, batch_size: int) -> None:
        self.images, self.tokens, self.batch_size = images, tokens, batch_size
        self.num_batches = len(images) // batch_size
        self.num_samples = self.num_batches * batch_size

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = torch.randperm(len(self.images))[: self.num_samples]
        for rows in order.split(self.batch_size):
            yield self.images[rows], self.tokens[rows]


def main() -> None:
    """Trains, and prints the mean loss over all data after each epoch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loss", choices=("unicl", "clip"), default="unicl", help="the loss to train with")
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
    model = open_clip.CLIP(
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
        wandb=False,
    )  # fmt: skip
    dataset = {"train": SimpleNamespace(dataloader=loader, set_epoch=lambda _: None)}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for epoch in range(chosen.epochs):
        train_one_epoch(model, dataset, loss, epoch, optimizer, None, None, None, settings)
        with torch.no_grad():
            losses = [open_clip.ClipLoss()(**model(*batch)).item() for batch in loader]
        print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.3f}", flush=True)


if __name__ == "__main__":
    main()
