"""Over ranks (gloo, real processes): the loss and every parameter's gradient of the joined batch."""

from __future__ import annotations

import time
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import unicl

pytestmark = pytest.mark.skipif(not dist.is_available(), reason="torch was built without distributed")


class Towers(nn.Module):
    """Two linear towers and a learnable scale."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.image, self.text = nn.Linear(5, 4).double(), nn.Linear(5, 4).double()
        self.logit_scale = nn.Parameter(torch.tensor(2.0).double())

    def forward(self, images, texts):
        return self.image(images), self.text(texts), self.logit_scale.exp()


def make_data(case, sizes):
    """Inputs, labels and options for the joined batch of ``sizes`` = (images, texts) by rank."""
    generator = torch.Generator().manual_seed(1)
    b, m = (sum(column) for column in zip(*sizes, strict=True))
    data = SimpleNamespace(
        images=torch.randn(b, 5, generator=generator).double(),
        texts=torch.randn(m, 5, generator=generator).double(),
        image_labels=None,
        text_labels=None,
        image_weight=None,
        options={},
    )
    if case in ("labels", "weighted", "smoothed"):
        # Labels below 0 belong together within a rank, so only equal splits can have them at i = j of the joined batch.
        low = -1 if b == m else 0
        data.image_labels = torch.randint(low, 4, (b,), generator=generator)
        data.text_labels = torch.randint(low, 4, (m,), generator=generator)
    if case == "weighted":
        data.image_weight = torch.rand(b, generator=generator).double()
    if case == "smoothed":
        data.options = {"label_smoothing": 0.2, "exclude_self": b == m}
    if case == "one direction":
        data.options = {"direction": "text_to_image"}
    if case == "sets":
        rows = [torch.randint(0, 5, (int(n),), generator=generator).unique().tolist() for n in torch.arange(b) % 3]
        data.image_labels = rows
    return data


def sets_of(rows):
    return SimpleNamespace(
        indices=np.array([x for row in rows for x in row], dtype=np.int64),
        offsets=np.cumsum([0, *map(len, rows)]),
        weights=None,
    )


def loss_of(model, data, images, texts, group):
    """The loss of some rows of the data."""
    features = model(data.images[images], data.texts[texts])
    image_labels, text_labels = data.image_labels, data.text_labels
    if isinstance(image_labels, list):
        image_labels = sets_of(image_labels[images])
    elif image_labels is not None:
        image_labels, text_labels = image_labels[images], text_labels[texts]
    weight = None if data.image_weight is None else data.image_weight[images]
    return unicl.fused_loss(
        features[0],
        features[1],
        image_labels,
        text_labels,
        features[2],
        image_weight=weight,
        normalize=True,
        group=group,
        **data.options,
    )


def start(rank, world, folder):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world, timeout=timedelta(seconds=60)
    )


def train_one_step(case, sizes, rank, group):
    """Loss, averaged over ranks, and parameter gradients, as DistributedDataParallel leaves them."""
    data = make_data(case, sizes)
    model = DistributedDataParallel(Towers(), process_group=group)
    first = [sum(column[:rank]) for column in zip(*sizes, strict=True)]
    images, texts = (slice(a, a + n) for a, n in zip(first, sizes[rank], strict=True))
    loss = loss_of(model, data, images, texts, group)
    loss.backward()
    mean = loss.detach().clone()
    dist.all_reduce(mean, group=group)
    return [mean / len(sizes), *(p.grad for p in model.parameters())]


def train_in_every_group(rank, world, folder, cases):
    """Runs every case over the first 1, 2, ... ranks: one set of processes serves all of them."""
    start(rank, world, folder)
    groups = [dist.new_group(list(range(size))) for size in range(1, world + 1)]
    for number, (case, sizes) in enumerate(cases):
        if rank < len(sizes):
            found = train_one_step(case, sizes, rank, groups[len(sizes) - 1])
            if rank == len(sizes) - 1:
                torch.save(found, f"{folder}/{number}.pt")
    refuse_what_cannot_be_used(rank)
    dist.destroy_process_group()


def refuse_what_cannot_be_used(rank):
    wide, narrow = torch.eye(4), torch.eye(3)
    everyone = dist.group.WORLD
    with pytest.raises(ValueError, match=r"features of one width; got \[4, 3, 3, 3\] by rank"):
        unicl.fused_loss(*([wide, wide] if rank == 0 else [narrow, narrow]), group=everyone)
    with pytest.raises(TypeError, match=r"group must be a torch\.distributed\.ProcessGroup; got str"):
        unicl.fused_loss(wide, wide, group="world")
    with pytest.raises(ValueError, match="backend='reference' knows one process only"):
        unicl.fused_loss(wide, wide, group=everyone, backend="reference")


CASES = [
    (case, sizes)
    for world in (1, 2, 3, 4)
    for case in ("pairs", "labels", "weighted", "smoothed", "one direction", "sets")
    for sizes in ([(3, 3)] * world, [(2 + rank, 2 + rank) for rank in range(world)])
] + [("labels", [(2 + rank, 5 - 2 * rank) for rank in range(world)]) for world in (2, 3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where four processes have left what they found for every case."""
    folder = tmp_path_factory.mktemp("ranks")
    mp.spawn(train_in_every_group, args=(4, str(folder), CASES), nprocs=4)
    return folder


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{case}-{sizes}" for case, sizes in CASES])
def test_every_parameter_gets_the_gradient_of_the_joined_batch(folder, number):
    case, sizes = CASES[number]
    model, data = Towers(), make_data(case, sizes)
    loss = loss_of(model, data, slice(None), slice(None), None)
    loss.backward()
    found = torch.load(folder / f"{number}.pt")
    for got, wanted in zip(found, [loss.detach(), *(p.grad for p in model.parameters())], strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-11)


def die_or_wait(rank, world, folder):
    start(rank, world, folder)
    if rank == 1:
        return  # without a word
    features = torch.eye(3)
    began = time.monotonic()
    try:
        unicl.fused_loss(features, features, group=dist.group.WORLD)
    except RuntimeError as error:
        torch.save((str(error), time.monotonic() - began), f"{folder}/error.pt")


def test_a_rank_that_dies_gives_an_error_and_not_a_hang(tmp_path):
    mp.spawn(die_or_wait, args=(2, str(tmp_path)), nprocs=2)
    message, seconds = torch.load(tmp_path / "error.pt")
    assert message
    assert seconds < 50
