"""Cached gradients over ranks (gloo, real processes): one reduction a step, and the gradient of the joined batch."""

from __future__ import annotations

from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from unicl import fused_loss
from unicl.models import DualTower
from unicl.training import Side, cached_backward

ROWS = (8, 3)  # in micro-batches of two: four on one rank, two on the other


def make_tower() -> DualTower:
    torch.manual_seed(0)
    text = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(20, 4))
    text.register_buffer("of_the_rank_0", torch.zeros(3))  # broadcast before a forward pass
    return DualTower(nn.Sequential(nn.Flatten(), nn.Linear(6, 4)), text).double()


def make_inputs(rank: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(sum(ROWS), 3, 1, 2, generator=generator).double()
    tokens = torch.randint(0, 9, (sum(ROWS), 5), generator=generator)
    own = slice(None) if rank is None else slice(sum(ROWS[:rank]), sum(ROWS[: rank + 1]))
    return images[own], tokens[own]


def one_wrapper_called_with_both(tower: DualTower, inputs):
    wrapper = DistributedDataParallel(tower)
    sides = [Side(encode=lambda batch: wrapper(*batch), inputs=inputs)]
    cached_backward(sides, lambda u, v, scale: fused_loss(u, v, None, None, scale, group="world"), micro_batch_size=2)
    return [wrapper]


def one_wrapper_named(tower: DualTower, inputs):
    wrapper = DistributedDataParallel(tower, find_unused_parameters=True)
    encoders = (wrapper.module.encode_image, wrapper.module.encode_text)
    sides = [Side(encode=encode, inputs=side) for encode, side in zip(encoders, inputs, strict=True)]
    cached_backward(
        sides,
        lambda u, v: fused_loss(u, v, None, None, tower.logit_scale, group="world"),
        micro_batch_size=2,
        wrappers=[wrapper],
    )
    return [wrapper]


def a_wrapper_for_each_tower(tower: DualTower, inputs):
    wrappers = [DistributedDataParallel(encoder) for encoder in (tower.image_encoder, tower.text_encoder)]
    sides = [Side(encode=wrapper, inputs=side) for wrapper, side in zip(wrappers, inputs, strict=True)]
    cached_backward(
        sides,
        lambda u, v: fused_loss(u, v, logit_scale=tower.logit_scale, normalize=True, group="world"),
        micro_batch_size=2,
    )
    dist.all_reduce(tower.log_logit_scale.grad)  # it is in no wrapper
    tower.log_logit_scale.grad /= 2
    return wrappers


WAYS = [one_wrapper_called_with_both, one_wrapper_named, a_wrapper_for_each_tower]


def train(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2, timeout=timedelta(seconds=60)
    )
    for way in WAYS:
        tower, reductions = make_tower(), []
        make = DistributedDataParallel.__init__

        def count(wrapper, *arguments, make=make, reductions=reductions, **options):
            make(wrapper, *arguments, **options)

            def hook(_, bucket):
                reductions.append(bucket.index())
                return dist.all_reduce(bucket.buffer().div_(2), async_op=True).get_future().then(lambda x: x.value()[0])

            wrapper.register_comm_hook(None, hook)

        DistributedDataParallel.__init__ = count
        wrappers = way(tower, make_inputs(rank))
        DistributedDataParallel.__init__ = make
        assert len(reductions) == len(wrappers)
        assert all(wrapper.require_backward_grad_sync for wrapper in wrappers)
        torch.save([parameter.grad for parameter in tower.parameters()], f"{folder}/{way.__name__}-{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    mp.spawn(train, args=(str(folder),), nprocs=2)
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_uneven_ranks_reduce_once_and_get_the_gradient_of_the_joined_batch(folder, way):
    tower = make_tower()
    fused_loss(*tower(*make_inputs(None))[:2], logit_scale=tower.logit_scale).backward()
    for rank in range(2):
        for got, parameter in zip(torch.load(folder / f"{way.__name__}-{rank}.pt"), tower.parameters(), strict=True):
            torch.testing.assert_close(got, parameter.grad)
