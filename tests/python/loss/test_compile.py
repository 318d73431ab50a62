"""The whole call compiles into one graph, with every backend."""

from __future__ import annotations

import pytest
import torch

import unicl


@pytest.mark.parametrize("labelled", [False, True])
def test_the_whole_call_compiles_into_one_graph_also_for_changing_sizes(make_batch, gradients, labelled):
    torch._dynamo.reset()
    compiled = torch.compile(unicl.fused_loss, fullgraph=True, dynamic=True, backend="aot_eager")
    for rows in (6, 9, 14):
        batch = make_batch(rows, rows, 5, labels="mixed" if labelled else "pairs")
        got = gradients(compiled, batch, 14.3, torch.float32)
        wanted = gradients(unicl.fused_loss, batch, 14.3, torch.float32)
        for a, b in zip(got, wanted, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_waived_determinism_compiles_into_the_same_graph(make_batch, gradients):
    torch._dynamo.reset()
    compiled = torch.compile(unicl.fused_loss, fullgraph=True, backend="aot_eager")
    batch = make_batch(6, 6, 5)
    got = gradients(lambda *x: compiled(*x, deterministic=False), batch, 14.3, torch.float32)
    wanted = gradients(unicl.fused_loss, batch, 14.3, torch.float32)
    for a, b in zip(got, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_a_model_compiles_together_with_the_loss(make_batch):
    torch._dynamo.reset()
    batch = make_batch(8, 8, 5)
    tower = torch.nn.Linear(5, 4)

    def step(images, texts, labels):
        return unicl.fused_loss(tower(images), tower(texts), labels, normalize=True)

    inputs = (batch.image.float(), batch.text.float(), batch.image_labels)
    wanted = step(*inputs)
    wanted.backward()
    expected = tower.weight.grad.clone()
    tower.zero_grad()
    loss = torch.compile(step, fullgraph=True, backend="aot_eager")(*inputs)
    loss.backward()
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(tower.weight.grad, expected)
