"""Runs the kernels under Triton's interpreter and prints the errors against float64 as JSON; used by test_triton.py."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import torch
from torch.nn.functional import normalize

import unicl

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


def errors(dtype, kind, modes):
    """Largest errors relative to the largest element, of the loss and of the three gradients."""
    generator = torch.Generator().manual_seed(len(kind))
    square = kind == "pairs" or "exclude_self" in modes
    b, m, d = 21, 21 if square else 37, 19
    image, text, extra = (normalize(torch.randn(n, d, generator=generator), dim=1).to(dtype) for n in (b, m, 5))
    labels = [draw(kind, n, generator) for n in (b, m, 5)]
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


def main():
    torch.set_num_threads(1)
    found = {}
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for kind in ("pairs", "labels", "cosine", "any"):
            for number, modes in enumerate(MODES):
                found[f"{str(dtype).removeprefix('torch.')} {kind} {number}"] = errors(dtype, kind, modes)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
