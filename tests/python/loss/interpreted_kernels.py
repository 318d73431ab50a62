"""Runs the kernels under Triton's interpreter and prints the errors against float64 as JSON; used by test_triton.py."""

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
from unicl.loss.kernels import autotune, operands
from unicl.loss.problem import Problem
from unicl.loss.targets.match import match_labels, match_pairs, match_sets

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


def errors(dtype, kind, modes, sizes=(21, 37, 19)):
    """Largest errors relative to the largest element, of the loss and of the three gradients."""
    generator = torch.Generator().manual_seed(len(kind))
    square = kind == "pairs" or "exclude_self" in modes
    b, m, d = sizes
    m = b if square else m
    image, text, extra = (normalize(torch.randn(n, d, generator=generator), dim=1).to(dtype) for n in (b, m, 5))
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
    if kind == "pairs":
        targets = match_pairs(5, device=image.device)
        targets = replace(targets, text_count=torch.ones(12))
    elif kind == "labels":
        labels = [draw(kind, n, generator) for n in (5, 12)]
        targets = match_labels(*labels, own_texts=own)
    else:
        sets = [sets_of(n, generator) for n in (5, 12)]
        targets = match_sets(*sets, overlap=kind, own_texts=own, like=scale)
    found = []
    for backend in map(backend_named, ("tiled", "triton")):
        problem = Problem(
            image=image, text=text, extra=None, scale=scale, targets=targets, first_pair=own.start, all_images=5
        )
        row_loss, column_loss, *sums = backend.forward(problem)
        found.append([row_loss, column_loss, *backend.backward(problem, *sums, torch.ones(5), torch.ones(12))])
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(*found, strict=True))


def chooser_of(number):
    """Gives every kernel the tile of this number, or its last."""

    def choose(kernel, _u, _v, constants, _launch, **_):
        tiles = autotune.TILES[kernel, constants["SETS"], False]
        tile = tiles[min(number, len(tiles) - 1)]
        return {key: tile[key] for key in ("BM", "BN", "BK")}

    return choose


def waived_calls():
    """The kernels for which a call with deterministic=False asks for a tile; fails if anything is timed."""
    asked = []

    def choose(kernel, *arguments, deterministic, **rest):
        asked.append((kernel, deterministic))
        return autotune.choose(kernel, *arguments, deterministic=deterministic, **rest)

    def refuse(_):
        raise AssertionError("the interpreter was timed")

    operands.choose, autotune._milliseconds = choose, refuse
    errors(torch.float32, "labels", {"deterministic": False})
    return asked


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


def main():
    torch.set_num_threads(1)
    found = {"modes": {}, "tiles": {}}
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for kind in ("pairs", "labels", "cosine", "any"):
            for number, modes in enumerate(MODES):
                found["modes"][f"{str(dtype).removeprefix('torch.')} {kind} {number}"] = errors(dtype, kind, modes)
    for kind, sets in (("labels", False), ("cosine", True)):
        for number in range(max(len(tiles) for (_, own, _), tiles in autotune.TILES.items() if own is sets)):
            operands.choose = chooser_of(number)
            # One tile and a ragged rest, in every direction.
            found["tiles"][f"{kind} {number}"] = errors(torch.float32, kind, {}, sizes=(150, 139, 70))
    found["compiled"] = {kind: compiled(kind) for kind in ("pairs", "labels")}
    found["part"] = {kind: part_of_the_images(kind) for kind in ("pairs", "labels", "cosine", "any")}
    found["waived"] = waived_calls()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
