"""Batches for the measurements on a GPU: features, the scale, and targets of every kind, equal from run to run.

Legend: ``b`` images, ``m`` texts, ``d`` width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

import unicl

SCALE = 14.3
CLASSES = 1000
#: Pairs, one integer for each row, and sets of 1 and of 3 labels a row on average.
TARGETS = ("pairs", "labels", "sets of 1", "sets of 3")


@dataclass(kw_only=True)
class Batch:
    """One batch, with its targets as the package takes them and as plain tensors.

    Attributes:
        image: Unit rows, (b, d), a leaf.
        text: Unit rows, (m, d), a leaf.
        scale: A leaf.
        targets: One of ``TARGETS``.
        image_labels: What ``fused_loss`` takes.
        text_labels: What ``fused_loss`` takes.
        image_codes: Integers, (b,), equal where two rows are positives; of sets, unit rows whose products are targets.
        text_codes: The same of the texts.
    """

    image: Tensor
    text: Tensor
    scale: Tensor
    targets: str
    image_labels: Any
    text_labels: Any
    image_codes: Tensor
    text_codes: Tensor

    @property
    def leaves(self) -> tuple[Tensor, Tensor, Tensor]:
        """The inputs that get a gradient."""
        return self.image, self.text, self.scale

    @property
    def shape(self) -> tuple[int, int, int]:
        """b, m and d."""
        return len(self.image), len(self.text), self.image.shape[1]

    def targets_of(self, rows: Tensor | slice, columns: Tensor | slice) -> Tensor:
        """The targets of some pairs before they are divided by their sums."""
        left, right = self.image_codes[rows], self.text_codes[columns]
        return left[:, None] == right[None] if left.dim() == 1 else left @ right.T

    def clear(self) -> None:
        """Forgets the gradients."""
        for leaf in self.leaves:
            leaf.grad = None


def make_features(kind: str, b: int, m: int, d: int, *, device: str) -> tuple[Tensor, Tensor]:
    """Features in float32.

    Args:
        kind: "random": text i leans towards image i by 0.3. "aligned": by 0.95. "opposed": the texts look away from all
            images. "long": random, of norm 1.008. "far": half of the images look away from all texts, their own too.
        b: Images.
        m: Texts.
        d: Width.
        device: Where they are made.
    """
    generator = torch.Generator(device).manual_seed(0)
    image, noise = (normalize(torch.randn(rows, d, generator=generator, device=device), dim=1) for rows in (b, m))
    lean = 0.95 if kind == "aligned" else 0.3
    text = normalize(lean * image[torch.arange(m, device=device) % b] + (1 - lean) * noise, dim=1)
    if kind in ("opposed", "far"):
        pole = torch.zeros(d, device=device)
        pole[0] = 1
        away = torch.arange(b, device=device)[:, None] % (1 if kind == "opposed" else 2) == 0
        image = normalize(image + torch.where(away, -20, 20) * pole, dim=1)
        text = normalize(text + 20 * pole, dim=1)
    return (1.008 * image, 1.008 * text) if kind == "long" else (image, text)


def make_batch(
    targets: str,
    b: int,
    m: int,
    d: int,
    *,
    dtype: torch.dtype,
    device: str,
    features: str = "random",
    scale: float = SCALE,
) -> Batch:
    """Makes a batch. Where m exceeds b, the first b texts belong to the images, as those of the first of some ranks."""
    image, text = (x.to(dtype).requires_grad_() for x in make_features(features, b, m, d, device=device))
    rest = {
        "image": image,
        "text": text,
        "scale": torch.tensor(scale, device=device, requires_grad=True),
        "targets": targets,
    }
    if targets.startswith("sets"):
        if b != m:
            raise ValueError(f"expected as many texts as images with sets; got {b} and {m}")
        sets, codes = _make_sets(b, int(targets.split()[-1]), d)
        codes = codes.to(device)
        return Batch(image_labels=sets, text_labels=None, image_codes=codes, text_codes=codes, **rest)
    if targets == "pairs":
        texts = torch.arange(m)
    else:
        texts = torch.randint(0, min(CLASSES, max(2, m // 4)), (m,), generator=torch.Generator().manual_seed(1))
    texts = texts.to(device)
    is_given = targets == "labels" or b != m
    return Batch(
        image_labels=texts[:b] if is_given else None,
        text_labels=texts if b != m else None,
        image_codes=texts[:b],
        text_codes=texts,
        **rest,
    )


def _make_sets(rows: int, a_row: int, seed: int) -> tuple[unicl.LabelSets, Tensor]:
    """Sets of 1 to 2 a_row - 1 labels, and the unit vectors of their rows."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 2 * a_row, rows)
    classes = min(CLASSES, max(2 * a_row, rows // 4))
    lists = [np.sort(generator.choice(classes, size, replace=False)) for size in sizes]
    codes = torch.zeros(rows, classes)
    codes[torch.arange(rows).repeat_interleave(torch.from_numpy(sizes)), torch.from_numpy(np.concatenate(lists))] = 1
    return unicl.LabelSets.from_lists([row.tolist() for row in lists]), normalize(codes, dim=1)
