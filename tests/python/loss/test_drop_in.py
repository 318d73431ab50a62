"""open_clip's own training loop, with our loss in the place of its own."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import open_clip
import pytest
import torch
from torch import nn

import unicl

open_clip_train = pytest.importorskip("open_clip_train.train", reason="open_clip comes without its training code")


class Tower(nn.Module):
    """A tiny model that answers as open_clip's do under output_dict."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.image, self.text = nn.Linear(12, 6), nn.Embedding(20, 6)
        self.logit_scale = nn.Parameter(torch.tensor(2.6593))

    def forward(self, images, texts):
        return {
            "image_features": nn.functional.normalize(self.image(images.flatten(1)), dim=1),
            "text_features": nn.functional.normalize(self.text(texts).mean(1), dim=1),
            "logit_scale": self.logit_scale.exp(),
        }


class Batches(list):
    """What the loop asks of a loader."""

    num_batches = 4
    num_samples = 32


def train(loss, accumulate):
    """One epoch of open_clip's loop; the trained parameters."""
    generator = torch.Generator().manual_seed(1)
    batches = Batches(
        (torch.randn(8, 3, 2, 2, generator=generator), torch.randint(0, 20, (8, 5), generator=generator))
        for _ in range(4)
    )
    model = copy.deepcopy(Tower())
    arguments = SimpleNamespace(
        device="cpu",
        precision="fp32",
        distill=False,
        accum_freq=accumulate,
        skip_scheduler=True,
        grad_clip_norm=None,
        horovod=False,
        rank=0,
        local_rank=0,
        world_size=1,
        batch_size=8,
        log_every_n_steps=1,
        wandb=False,
    )
    data = {"train": SimpleNamespace(dataloader=batches, set_epoch=lambda _: None)}
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    open_clip_train.train_one_epoch(model, data, loss, 0, optimizer, None, None, None, arguments)
    return [parameter.detach() for parameter in model.parameters()]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_open_clips_training_code_learns_the_same_with_our_loss_in_place_of_its_own(accumulate):
    ours, theirs = train(unicl.UniCLLoss(), accumulate), train(open_clip.ClipLoss(), accumulate)
    for got, wanted, first in zip(ours, theirs, Tower().parameters(), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)
        assert not torch.equal(got, first)
