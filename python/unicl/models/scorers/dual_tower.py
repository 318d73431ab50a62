"""How relevant phrases are to images, by a dual tower: a scorer for ``unicl.labels.RelevanceFilter``.

``n`` images, ``k`` background phrases, ``d`` width of the features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from unicl.models.dual_tower import DualTower

__all__ = ["EVERYDAY", "DualTowerScorer", "evaluating"]

EVERYDAY = (
    "a person", "a group of people", "a face", "a hand", "a dog", "a cat", "a bird", "an insect",
    "a car", "a bus", "a train", "a boat", "an airplane", "a bicycle", "a street", "a sign",
    "a building", "a house", "a room", "a kitchen", "a table", "a chair", "a bed", "a window",
    "food", "a fruit", "a plate", "a cup", "a bottle", "a book", "a phone", "a screen",
    "a tree", "a flower", "grass", "the sky", "water", "a beach", "a mountain", "snow",
    "clothes", "a shoe", "a toy", "a ball", "a tool", "a machine", "a drawing", "text",
)  # fmt: skip
"""What pictures show, roughly: the background that a phrase is compared with where none is given."""


class DualTowerScorer:
    """Scores a phrase for an image by how much better it fits than phrases in general do.

    Of a model trained with the contrastive loss, ``exp(s cos(image, text))`` is proportional to ``p(text | image) /
    p(text)`` where it is optimal (van den Oord et al., Representation Learning with Contrastive Predictive Coding,
    2018, section 2.3). The mean of it over background phrases, a sample of p(text), is the unknown factor, so with

        r = exp(s cos(image, phrase)) / mean_k exp(s cos(image, background_k))

    the score r / (1 + r) is the probability, at even odds, that the phrase belongs to the image and not to another:
    1/2 for one that fits as well as the background, which makes 0.5 the threshold without a calibration of its own.
    It is only as good as the model and the background are: of the same kind as the phrases, with what images show.

    Args:
        model: A :class:`DualTower`, or a model of open_clip (what has ``encode_image``, ``encode_text`` and
            ``logit_scale``, a logarithm). It is used without gradients and in evaluation mode, and left in the mode it
            was in.
        tokenizer: Texts to token ids (n, length): a ``unicl.ClipTokenizer`` or one of open_clip.
        transform: An image, as it is given to the labeler, to a tensor (3, h, w); None where images are such tensors.
        background: Phrases to compare with; the noun phrases of some hundred captions of your data are best.
        template: The prompt; ``{}`` is where the phrase goes.
        batch_size: How many images or texts are encoded at once.

    Raises:
        ValueError: An empty background, a template without ``{}``, or a batch size below 1.

    Example:
        >>> towers = DualTower(nn.Flatten(), nn.Embedding.from_pretrained(torch.eye(3)), logit_scale=2.0)
        >>> def tokenizer(prompts):
        ...     return [["a dog", "a cat", "a car"].index(prompt) for prompt in prompts]
        >>> scorer = DualTowerScorer(towers, tokenizer, background=["a cat", "a car"], template="{}")
        >>> dog = torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)
        >>> [[round(score, 2) for score in row] for row in scorer([dog], [["a dog", "a car"]])]
        [[0.88, 0.5]]
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Callable[[list[str]], Any],
        *,
        transform: Callable[[Any], Tensor] | None = None,
        background: Sequence[str] = EVERYDAY,
        template: str = "a photo of {}",
        batch_size: int = 64,
    ) -> None:
        if isinstance(background, str) or len(background) == 0:
            raise ValueError(f"background must be a list of phrases, at least one; got {background!r}")
        if "{}" not in template:
            raise ValueError(f"template must have {{}} where the phrase goes; got {template!r}")
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1; got {batch_size}")
        self.model, self.tokenizer, self.transform = model, tokenizer, transform
        self.background, self.template, self.batch_size = tuple(background), template, batch_size

    def __call__(self, images: Any, phrases: list[list[str]]) -> list[list[float]]:
        """The scores, in [0, 1], of n lists of phrases for n images; an image without phrases is not encoded."""
        rows = [row for row, asked in enumerate(phrases) if asked]
        scores: list[list[float]] = [[] for _ in phrases]
        if not rows:
            return scores
        known = {phrase: place for place, phrase in enumerate(dict.fromkeys(p for asked in phrases for p in asked))}
        with evaluating(self.model), torch.no_grad():
            scale = cast("Tensor", self.model.logit_scale)
            scale = (scale if isinstance(self.model, DualTower) else scale.exp()).float()
            texts, background = self._encode_texts(list(known)), self._encode_texts(self.background)
            for start in range(0, len(rows), self.batch_size):
                some = rows[start : start + self.batch_size]
                features = self._encode_images(images[row] for row in some)
                of_background = (scale * features @ background.T).logsumexp(dim=1) - math.log(len(background))
                for row, feature, level in zip(some, features, of_background, strict=True):
                    fits = scale * texts[[known[phrase] for phrase in phrases[row]]] @ feature
                    scores[row] = torch.sigmoid(fits - level).tolist()
        return scores

    def _encode_texts(self, phrases: Sequence[str]) -> Tensor:
        """Unit rows (n, d)."""
        prompts = [self.template.replace("{}", phrase) for phrase in phrases]
        parts = []
        for start in range(0, len(prompts), self.batch_size):
            tokens = torch.as_tensor(self.tokenizer(prompts[start : start + self.batch_size])).to(self._device)
            parts.append(cast("Any", self.model).encode_text(tokens).float())
        return functional.normalize(torch.cat(parts), dim=-1)

    def _encode_images(self, images: Iterable[Any]) -> Tensor:
        """Unit rows (n, d)."""
        made = [image if self.transform is None else self.transform(image) for image in images]
        for image in made:
            if not isinstance(image, Tensor):
                raise TypeError(
                    f"expected images as tensors (3, h, w); got {type(image).__name__}: transform= makes them"
                )
        pixels = torch.stack(made)
        return functional.normalize(cast("Any", self.model).encode_image(pixels.to(self._device)).float(), dim=-1)

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Puts a model into evaluation mode, and every module of it back into the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
