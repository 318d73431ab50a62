"""Over ranks (gloo, real processes): the loss and every parameter's gradient of the joined batch."""

from __future__ import annotations

import time
import warnings
from datetime import timedelta
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.functional import normalize
from torch.nn.parallel import DistributedDataParallel

import unicl
from unicl.loss import share_of_rank
from unicl.loss.modes import LossModes
from unicl.loss.operators import MODES

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
        data.text_labels[: min(b, m)][data.image_labels[:m] < 0] = -1
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
    class_prompts_count_once(rank)
    everyone = dist.group.WORLD
    torch.save(second_derivatives(UNEVEN, rank, everyone), f"{folder}/second-{rank}.pt")
    compile_into_one_graph(rank, everyone)
    reduce_the_texts_gradient_by_scattering(rank, everyone)
    dist.destroy_process_group()


def refuse_what_cannot_be_used(rank):
    wide, narrow = torch.eye(4), torch.eye(3)
    everyone = dist.group.WORLD
    with pytest.raises(ValueError, match=r"expected features of one width on all ranks; got 4; 3; 3; 3 by rank"):
        unicl.fused_loss(*([wide, wide] if rank == 0 else [narrow, narrow]), group=everyone)
    labels = [None, torch.arange(3), sets_of([[0], [1], []]), None][rank]
    with pytest.raises(
        ValueError, match="expected labels of one kind on all ranks; got none; integers; LabelSets; none by rank"
    ):
        unicl.fused_loss(narrow, narrow, labels, group=everyone)
    with pytest.raises(TypeError, match=r"expected group as a torch\.distributed\.ProcessGroup, or 'world'; got 'all'"):
        unicl.fused_loss(wide, wide, group="all")
    own = wide.double() if rank == 1 else wide
    with pytest.raises(ValueError, match="one dtype on all ranks; got float32; float64; float32; float32 by rank"):
        unicl.fused_loss(own, own, group=everyone)
    direction = ["both", "both", "image_to_text", "both"][rank]
    with pytest.raises(ValueError, match="one direction on all ranks; got both; both; image_to_text; both by rank"):
        unicl.fused_loss(wide, wide, group="world", direction=direction)
    with pytest.raises(ValueError, match=r"one label_smoothing on all ranks; got 0\.0; 0\.1; 0\.0; 0\.1 by rank"):
        unicl.fused_loss(wide, wide, group="world", label_smoothing=0.1 * (rank % 2))
    with pytest.warns(UserWarning, match="each rank compares its own rows alone: pass group='world'"):
        unicl.fused_loss(wide, wide)
    with pytest.raises(ValueError, match="for several processes with a group; got backend='reference': use"):
        unicl.fused_loss(wide, wide, group=everyone, backend="reference")


def class_prompts_count_once(rank):
    """Prompts that all ranks have are shared out: the loss is that of the joined batch with each once."""
    prompts, classes = normalize(torch.eye(3, 4).double() + 0.1, dim=1), torch.arange(3)

    def loss(rank, group):
        image, text, image_labels, text_labels = rows_of(UNEVEN, rank)
        text = torch.cat([text, share_of_rank(prompts, group)])
        text_labels = torch.cat([text_labels, share_of_rank(classes, group)])
        return unicl.fused_loss(image, text, image_labels, text_labels, group=group)

    mean = loss(rank, "world")
    dist.all_reduce(mean)
    with warnings.catch_warnings(action="ignore"):
        torch.testing.assert_close(mean / 4, loss(None, None))


UNEVEN = [(2, 5), (4, 1), (3, 3), (1, 2)]


def rows_of(sizes, rank):
    """Unit features and labels of a rank, or of the joined batch."""
    generator = torch.Generator().manual_seed(5)
    b, m = (sum(column) for column in zip(*sizes, strict=True))
    image, text = (normalize(torch.randn(n, 4, generator=generator).double(), dim=1) for n in (b, m))
    labels = [torch.randint(0, 3, (n,), generator=generator) for n in (b, m)]
    if rank is None:
        return image, text, *labels
    first = [sum(column[:rank]) for column in zip(*sizes, strict=True)]
    images, texts = (slice(a, a + n) for a, n in zip(first, sizes[rank], strict=True))
    return image[images], text[texts], labels[0][images], labels[1][texts]


def second_derivatives(sizes, rank, group):
    """Gradients of the squared norm of the features' gradients, of the sum over ranks."""
    image, text, *labels = rows_of(sizes, rank)
    image, text = image.requires_grad_(), text.requires_grad_()
    scale = torch.tensor(6.0, dtype=torch.float64, requires_grad=True)
    loss = unicl.fused_loss(image, text, *labels, scale, group=group, label_smoothing=0.1)
    # A rank's gradient is that of the sum over ranks, and the joined batch's that of their mean.
    loss = loss if group is not None else loss * len(sizes)
    grads = torch.autograd.grad(loss, (image, text), create_graph=True)
    penalty = sum(grad.square().sum() for grad in grads)
    return [x.detach() for x in (*grads, *torch.autograd.grad(penalty, (image, text, scale)))]


def loss_and_gradients(function, rank, group, **options):
    image, text, *labels = rows_of(UNEVEN, rank)
    inputs = [image.requires_grad_(), text.requires_grad_(), torch.tensor(6.0).double().requires_grad_()]
    loss = function(image, text, *labels, inputs[2], group=group, **options)
    return [loss.detach(), *torch.autograd.grad(loss, inputs)]


def compile_into_one_graph(rank, group):
    compiled = torch.compile(unicl.fused_loss, fullgraph=True, dynamic=True, backend="aot_eager")
    wanted = loss_and_gradients(unicl.fused_loss, rank, group)
    for got, other in zip(loss_and_gradients(compiled, rank, group), wanted, strict=True):
        torch.testing.assert_close(got, other)


def reduce_the_texts_gradient_by_scattering(rank, group):
    """Every rank gets its own rows of the sum alone; a backend that cannot do that sums all rows for all."""
    real, reduced = dist.all_reduce, []

    def all_reduce(tensor, *arguments, **options):
        reduced.append(tuple(tensor.shape))
        return real(tensor, *arguments, **options)

    every_text = (sum(texts for _, texts in UNEVEN), 4)
    with mock.patch.object(dist, "all_reduce", all_reduce):
        wanted = loss_and_gradients(unicl.fused_loss, rank, group)
        assert reduced
        assert every_text not in reduced
        error = RuntimeError("Backend tcp does not support reduce_scatter")
        with mock.patch.object(dist, "reduce_scatter", side_effect=error):
            found = loss_and_gradients(unicl.fused_loss, rank, group)
        assert every_text in reduced
    for got, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(got, other)


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


def test_gradients_of_gradients_are_those_of_the_joined_batch(folder):
    by_rank = [torch.load(folder / f"second-{rank}.pt") for rank in range(4)]
    *wanted, of_scale = second_derivatives(UNEVEN, None, None)
    *found, parts = zip(*by_rank, strict=True)
    for got, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(torch.cat(got), other, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(sum(parts), of_scale, rtol=1e-9, atol=1e-11)


@pytest.fixture
def alone(tmp_path):
    """A group of this process."""
    start(0, 1, tmp_path)
    yield dist.group.WORLD
    dist.destroy_process_group()


@pytest.mark.parametrize("kind", ["pairs", "integers", "sets"])
def test_the_operators_pass_opcheck(alone, kind):
    image, text, labels, _ = rows_of([(5, 5)], 0)
    sets = [torch.tensor([0, 1, 1]), torch.tensor([0, 1, 1, 2, 2, 3]), torch.ones(3).double()]
    labels = {"pairs": [], "integers": [labels], "sets": sets}[kind]
    scale = torch.tensor(6.0, dtype=torch.float64, requires_grad=True)
    modes = LossModes(label_smoothing=0.1, overlap="any")
    modes = [getattr(modes, name) for name in MODES]
    arguments = (image.requires_grad_(), text.requires_grad_(), scale, None, kind, labels, labels, [], *modes)
    arguments = (*arguments, alone.group_name)
    torch.library.opcheck(torch.ops.unicl.distributed_losses, arguments)
    found = torch.ops.unicl.distributed_losses(*arguments)
    detached = [x.detach() if isinstance(x, torch.Tensor) else x for x in arguments]
    sums = [x.detach() for x in found[2:]]
    grads = (torch.rand(5).double(), torch.rand(5).double())
    torch.library.opcheck(torch.ops.unicl.distributed_gradients, (*detached, *sums, *grads))
    torch.library.opcheck(torch.ops.unicl.sum_over_ranks, (torch.rand(3), alone.group_name))


def test_beside_the_rows_of_the_rank_the_backward_pass_keeps_the_texts_of_all_and_vectors(alone):
    image, text, *labels = rows_of([(5, 5)], 0)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        unicl.fused_loss(image.requires_grad_(), text, *labels, group=alone)
    own = {image.untyped_storage().data_ptr(), text.untyped_storage().data_ptr()}
    others = [x for x in kept if x.dim() == 2 and x.untyped_storage().data_ptr() not in own and x.shape != (2, 1)]
    # Gathered once, for both passes.
    assert [x.shape for x in others] == [text.shape]
    assert any(x.untyped_storage().data_ptr() in own for x in kept)


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
