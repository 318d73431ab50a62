"""Compares compiled calls of the loss with plain ones and prints the failures as JSON; used by test_compile.py.

It is a process of its own: torch.compile cannot trace the checks of shapes that the tests put around functions.
"""

from __future__ import annotations

import json
import sys
import traceback
from functools import partial

import torch
from torch.nn.functional import normalize

import unicl
from unicl.loss import row_losses

MODES = {
    "label_smoothing": 0.1,
    "direction": "image_to_text",
    "exclude_self": True,
    "normalize": True,
    "chunk_size": 2,
    "deterministic": False,
}


def batch_of(rows, *, labelled):
    generator = torch.Generator().manual_seed(rows)
    image, text = (normalize(torch.randn(rows, 5, generator=generator), dim=1) for _ in range(2))
    labels = torch.randint(-1, max(1, rows // 4) + 1, (2, rows), generator=generator)
    labels[1][labels[0] < 0] = -1
    return [image, text, *(labels if labelled else (None, None)), torch.tensor(14.3)]


def outputs_and_gradients(function, image, text, image_labels, text_labels, scale):
    inputs = [x.clone().requires_grad_() for x in (image, text, scale)]
    found = function(inputs[0], inputs[1], image_labels, text_labels, inputs[2])
    losses = found if isinstance(found, tuple) else (found,)
    return [*losses, *torch.autograd.grad(sum(x.sum() for x in losses), inputs)]


def compare(function, *, sizes=(6,), labelled=True, **options):
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager", **options)
    for rows in sizes:
        batch = batch_of(rows, labelled=labelled)
        got, wanted = (outputs_and_gradients(x, *batch) for x in (compiled, function))
        for a, b in zip(got, wanted, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def compare_a_model():
    tower = torch.nn.Linear(5, 4)

    def step(images, texts, image_labels, text_labels, scale):
        return unicl.fused_loss(tower(images), tower(texts), image_labels, text_labels, scale, normalize=True)

    def weight_gradient(function):
        tower.zero_grad()
        function(*batch_of(8, labelled=True)).backward()
        return tower.weight.grad.clone()

    compare(step, sizes=(8,))
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(weight_gradient(compiled), weight_gradient(step))


def compare_the_module():
    module = unicl.UniCLLoss(label_smoothing=0.1)

    def step(image, text, image_labels, text_labels, scale):
        return module(image, text, scale, image_labels=image_labels, text_labels=text_labels)

    compare(step)


def cases():
    found = {}
    for backend in ("auto", "tiled", "reference"):
        for labelled in (False, True):
            loss = partial(unicl.fused_loss, backend=backend)
            name = f"{backend}, {'labels' if labelled else 'pairs'}, changing sizes"
            found[name] = partial(compare, loss, sizes=(6, 9, 14), labelled=labelled, dynamic=True)
    for name, value in MODES.items():
        found[f"{name}={value}"] = partial(compare, partial(unicl.fused_loss, **{name: value}))
    found["row losses"] = partial(compare, row_losses)
    found["module"] = compare_the_module
    found["model"] = compare_a_model
    return found


def main():
    failures = {}
    for name, case in cases().items():
        torch._dynamo.reset()
        try:
            case()
            failures[name] = None
        except Exception:
            failures[name] = traceback.format_exc()
    json.dump(failures, sys.stdout)


if __name__ == "__main__":
    main()
