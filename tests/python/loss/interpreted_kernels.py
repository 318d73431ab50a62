"""Runs the kernels under Triton's interpreter and prints the errors against float64 as JSON, for test_kernels.py."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import torch
from torch.nn.functional import normalize

import unicl
from unicl.loss.backends import backend_named
from unicl.loss.kernels import passes
from unicl.loss.problem import Problem
from unicl.loss.targets.given import GivenLabels

MODES = [
    {},
    {"label_smoothing": 0.2},
    {"exclude_self": True},
    {"direction": "image_to_text"},
    {"direction": "text_to_image"},
    {"chunk_size": 7},
    {"logit_scale": 100.0},
    {"extra": True},
]


def sets_of(rows, generator):
    labels = [torch.randint(0, 6, (i % 4,), generator=generator).unique().tolist() for i in range(rows)]
    return SimpleNamespace(
        indices=np.array([x for row in labels for x in row], dtype=np.int64),
        offsets=np.cumsum([0, *map(len, labels)]),
        weights=None,
    )


def draw(kind, rows, generator):
    if kind == "labels":
        return torch.randint(-1, 5, (rows,), generator=generator)
    return None if kind == "pairs" else sets_of(rows, generator)


def errors(dtype, kind, modes, sizes=(21, 37, 24), features=None):
    """Largest errors relative to the largest element, of the loss and of the three gradients."""
    generator = torch.Generator().manual_seed(len(kind))
    square = kind == "pairs" or "exclude_self" in modes
    b, m, d = sizes
    m = b if square else m
    image, text, extra = (normalize(torch.randn(n, d, generator=generator), dim=1).to(dtype) for n in (b, m, 5))
    if features is not None:
        image, text = features(image, text)
    labels = [draw(kind, n, generator) for n in (b, m, 5)]
    if kind == "labels":
        labels[1][: min(b, m)][labels[0][:m] < 0] = -1
    options = {key: value for key, value in modes.items() if key not in ("logit_scale", "extra")}
    if kind in ("cosine", "any"):
        options["overlap"] = kind
    found = []
    for backend, own in (("reference", torch.float64), ("triton", dtype)):
        u, v = (x.to(own).detach().requires_grad_() for x in (image, text))
        scale = torch.tensor(modes.get("logit_scale", 14.3), requires_grad=True)
        if "extra" in modes:
            options |= {"extra_text_features": extra.to(own), "extra_text_labels": labels[2]}
        loss = unicl.fused_loss(u, v, labels[0], labels[1], scale, backend=backend, **options)
        loss.backward()
        found.append([x.detach().double() for x in (loss, u.grad, v.grad, scale.grad)])
    names = ("loss", "image", "text", "scale")
    return {
        name: float((got - wanted).abs().max() / wanted.abs().max().clamp_min(1e-2))
        for name, wanted, got in zip(names, *found, strict=True)
    }


def part_of_the_images(kind):
    """Largest difference to the tiled path, which the tests of ranks hold to the equation, for images from 4 on."""
    generator = torch.Generator().manual_seed(3)
    image, text = (normalize(torch.randn(n, 8, generator=generator), dim=1) for n in (5, 12))
    own, scale = slice(4, 9), torch.tensor(9.0)
    given = {"pairs": "pairs", "labels": "integers"}.get(kind, "sets")
    labels = GivenLabels(kind=given, image=draw(kind, 5, generator), text=draw(kind, 12, generator))
    overlap = kind if given == "sets" else "cosine"
    found = []
    for backend in map(backend_named, ("tiled", "triton")):
        targets = labels.targets(
            image, text, overlap=overlap, exclude_self=False, is_counted=not backend.COUNTS, own_texts=own
        )
        if kind == "pairs" and not backend.COUNTS:
            targets = replace(targets, text_count=torch.arange(12).ge(4).logical_and(torch.arange(12).lt(9)).float())
        problem = Problem(
            image=image, text=text, scale=scale, targets=targets, first_pair=own.start, own_texts=5, all_images=5
        )
        *losses, row_lse, column_lse, row_count, column_count = backend.forward(problem)
        problem = replace(problem, targets=replace(targets, image_count=row_count, text_count=column_count))
        sums = (row_lse, column_lse, torch.ones(5), torch.ones(12))
        found.append([*losses, row_count, column_count, *backend.backward(problem, *sums)])
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(*found, strict=True))


def opposed(image, text):
    """Images that see only far negatives, beside their own texts: with scale 100, 2 ** (z - t) is 0 in float32."""

    def beside(x, sign):
        return normalize(0.2 * normalize(x.float(), dim=1) + sign, dim=1).to(x.dtype)

    return beside(image, 1), beside(text, -1)


def too_long(image, text):
    """Features of norm 1.009, which the checks let through."""
    return image * 1.009, image[: len(text)] * 1.009


def far_rows(image, text):
    """One image that is opposed to all texts, in a batch of aligned pairs."""
    image = image.clone()
    image[3] = -text[0]
    return image, text[:1].expand_as(text).contiguous()


HARD = {"opposed": opposed, "too long": too_long, "far rows": far_rows}


class Calls:
    """Counts the calls of a function of ``passes``."""

    def __init__(self, name):
        self.function, self.number = getattr(passes, name), 0
        setattr(passes, name, self)

    def __call__(self, *arguments):
        self.number += 1
        return self.function(*arguments)


def flags_of(dtype, features):
    """The flags that the fast kernels raised, forward and backward, for hard features."""
    flags = []

    def zeros(*shape, dtype, device):
        made = torch.zeros(*shape, dtype=dtype, device=device)
        if dtype == torch.int32:
            flags.append(made)
        return made

    passes.torch = SimpleNamespace(**{**vars(torch), "zeros": zeros})
    errors(dtype, "labels", {"logit_scale": 100.0}, sizes=(16, 16, 24), features=features)
    passes.torch = torch
    return [int(flag) for flag in flags]


def compiled(kind):
    """Largest difference between the compiled and the plain call, of the loss and of the three gradients."""
    generator = torch.Generator().manual_seed(4)
    image, text = (normalize(torch.randn(9, 8, generator=generator), dim=1) for _ in range(2))
    labels = draw(kind, 9, generator)
    found = []
    for function in (unicl.fused_loss, torch.compile(unicl.fused_loss, fullgraph=True, backend="aot_eager")):
        inputs = [image.clone().requires_grad_(), text.clone().requires_grad_(), torch.tensor(9.0, requires_grad=True)]
        loss = function(inputs[0], inputs[1], labels, None, inputs[2], backend="triton", label_smoothing=0.1)
        found.append([loss.detach(), *torch.autograd.grad(loss, inputs)])
    return max(float((a - b).abs().max()) for a, b in zip(*found, strict=True))


def rounds(repeats=3):
    """Whether results are bitwise the same from run to run, on the fast kernels."""
    generator = torch.Generator().manual_seed(1)
    image, text = (normalize(torch.randn(40, 24, generator=generator), dim=1).bfloat16() for _ in range(2))
    sets = sets_of(40, generator)
    found = set()
    for _ in range(repeats):
        inputs = [image.clone().requires_grad_(), text.clone().requires_grad_(), torch.tensor(9.0, requires_grad=True)]
        loss = unicl.fused_loss(inputs[0], inputs[1], sets, None, inputs[2], backend="triton", chunk_size=16)
        grads = torch.autograd.grad(loss, inputs)
        found.add(tuple(x.detach().float().numpy().tobytes() for x in (loss, *grads)))
    return len(found)


def call_of(kind, dtype, backend, generator, **options):
    """The loss of 24 rows, and its inputs."""
    image, text = (normalize(torch.randn(24, 16, generator=generator), dim=1).to(dtype) for _ in range(2))
    inputs = [image.requires_grad_(), text.requires_grad_(), torch.tensor(9.0, requires_grad=True)]
    labels = draw(kind, 24, generator)
    return unicl.fused_loss(inputs[0], inputs[1], labels, None, inputs[2], backend=backend, **options), inputs


def weighted(kind):
    """Largest relative difference to the equation of the loss and of the gradients, with weights and a large factor."""
    found = []
    for backend in ("reference", "triton"):
        generator = torch.Generator().manual_seed(5)
        weights = {name: torch.rand(24, generator=generator) for name in ("image_weight", "text_weight")}
        weights["image_weight"][3] = 0
        loss, inputs = call_of(kind, torch.float32, backend, generator, **weights)
        found.append([loss.detach(), *torch.autograd.grad(loss * 65536, inputs)])
    return max(float((a - b).abs().max() / a.abs().max()) for a, b in zip(*found, strict=True))


def second_derivatives(kind):
    """Largest relative difference to the equation of the gradient of the squared norm of the images' gradient."""
    found = []
    for backend in ("reference", "triton"):
        loss, inputs = call_of(kind, torch.float32, backend, torch.Generator().manual_seed(6))
        (grad,) = torch.autograd.grad(loss, inputs[:1], create_graph=True)
        found.append(torch.autograd.grad(grad.square().sum(), inputs))
    return max(float((a - b).abs().max() / a.abs().max()) for a, b in zip(*found, strict=True))


def main():
    torch.set_num_threads(1)
    found = {"exact": {}, "fast": {}}
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for kind in ("pairs", "labels", "cosine", "any"):
            for number, modes in enumerate(MODES):
                name = f"{str(dtype).removeprefix('torch.')} {kind} {number}"
                found["exact"][name] = errors(dtype, kind, modes)
    found["compiled"] = {kind: compiled(kind) for kind in ("pairs", "labels")}
    found["part"] = {kind: part_of_the_images(kind) for kind in ("pairs", "labels", "cosine", "any")}
    found["weighted"] = {kind: weighted(kind) for kind in ("pairs", "labels")}
    found["second"] = {kind: second_derivatives(kind) for kind in ("pairs", "labels", "cosine")}
    passes._FAST_FROM = 0
    calls = {name: Calls(name) for name in ("shared_sums", "shared_gradient")}
    for dtype in (torch.float16, torch.bfloat16):
        for kind in ("pairs", "labels", "cosine", "any"):
            for number, modes in enumerate(MODES):
                name = f"{str(dtype).removeprefix('torch.')} {kind} {number}"
                found["fast"][name] = errors(dtype, kind, modes)
    found["fast calls"] = {name: count.number for name, count in calls.items()}
    found["hard"] = {
        name: {
            kind: errors(torch.bfloat16, kind, {"logit_scale": 100.0}, (16, 16, 24), make)
            for kind in ("pairs", "labels")
        }
        for name, make in HARD.items()
    }
    found["flags"] = {name: flags_of(torch.bfloat16, make) for name, make in {**HARD, "ordinary": None}.items()}
    found["rounds"] = rounds()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
