"""A scorer of relevance over a dual tower: how much better a phrase fits an image than other phrases do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from unicl.models.dual_tower import DualTower
from unicl.models.scorers.inference import check_settings, evaluating, prompts_of

EVERYDAY = (
    "a person", "a group of people", "a face", "a hand", "a dog", "a cat", "a bird", "an insect",
    "a car", "a bus", "a train", "a boat", "an airplane", "a bicycle", "a street", "a sign",
    "a building", "a house", "a room", "a kitchen", "a table", "a chair", "a bed", "a window",
    "food", "a fruit", "a plate", "a cup", "a bottle", "a book", "a phone", "a screen",
    "a tree", "a flower", "grass", "the sky", "water", "a beach", "a mountain", "snow",
    "clothes", "a shoe", "a toy", "a ball", "a tool", "a machine", "a drawing", "text",
)  # fmt: skip
"""Things that images commonly show: the default background that a phrase is compared with."""


class DualTowerScorer:
    """Scores a phrase for an image by how much better it fits than phrases in general do.

    For an optimal model of the contrastive loss, ``exp(s cos(image, text))`` is proportional to
    ``p(text | image) / p(text)``. (Source: van den Oord et al., Representation Learning with Contrastive Predictive
    Coding, 2018, section 2.3.) The unknown factor is its mean over background phrases, a sample of p(text). With

        r = exp(s cos(image, phrase)) / mean_k exp(s cos(image, background_k))

    the score is r / (1 + r). At even odds, this is the probability that the phrase belongs to this image and not to
    another. A phrase that fits as well as the background scores 1/2, so 0.5 is the threshold without a calibration.
    The score is only as good as the model and the background. The background should be of the same kind as the phrases
    and name things that images show.

    Args:
        model: A :class:`DualTower`, or a model of open_clip. The latter has ``encode_image``, ``encode_text`` and
            ``logit_scale``, a logarithm. The model runs without gradients in evaluation mode, and then returns to its
            former mode.
        tokenizer: Maps texts to token ids (m, length): a ``unicl.ClipTokenizer`` or a tokenizer of open_clip.
        transform: Maps an image, as the labeler gets it, to a tensor (3, h, w). None: the images are such tensors.
        background: Phrases to compare with. The noun phrases of some hundred captions of your data are best.
        template: The prompt; the phrase replaces ``{}``.
        batch_size: How many images or texts are encoded at once.

    Raises:
        ValueError: The background is empty, the template has no ``{}``, or the batch size is below 1.

    Example:
        >>> text_encoder = nn.Sequential(nn.Embedding.from_pretrained(torch.eye(3)), nn.Flatten())
        >>> towers = DualTower(nn.Flatten(), text_encoder, logit_scale=2.0)
        >>> def tokenizer(prompts):
        ...     return [[["a dog", "a cat", "a car"].index(prompt)] for prompt in prompts]
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
            raise ValueError(f"expected background as a list of at least one phrase; got {background!r}")
        check_settings(template, batch_size)
        self.model, self.tokenizer, self.transform = model, tokenizer, transform
        self.background, self.template, self.batch_size = tuple(background), template, batch_size

    def __call__(self, images: Any, phrases: list[list[str]]) -> list[list[float]]:
        """Scores lists of phrases for as many images, in [0, 1]. An image without phrases is not encoded."""
        rows = [row for row, asked in enumerate(phrases) if asked]
        scores: list[list[float]] = [[] for _ in phrases]
        if not rows:
            return scores
        places = {phrase: place for place, phrase in enumerate(dict.fromkeys(p for asked in phrases for p in asked))}
        with evaluating(self.model), torch.no_grad():
            scale = cast("Tensor", self.model.logit_scale)
            scale = (scale if isinstance(self.model, DualTower) else scale.exp()).float()
            texts, background = self._encode_texts(list(places)), self._encode_texts(list(self.background))
            for start in range(0, len(rows), self.batch_size):
                some = rows[start : start + self.batch_size]
                features = self._encode_images(images[row] for row in some)
                of_background = (scale * features @ background.T).logsumexp(dim=1) - math.log(len(background))
                for row, feature, level in zip(some, features, of_background, strict=True):
                    fits = scale * texts[[places[phrase] for phrase in phrases[row]]] @ feature
                    scores[row] = torch.sigmoid(fits - level).tolist()
        return scores

    def _encode_texts(self, phrases: list[str]) -> Float[Tensor, "m d"]:
        """Encodes the prompts of phrases as features of norm 1."""
        prompts = prompts_of(phrases, self.template)
        parts = []
        for start in range(0, len(prompts), self.batch_size):
            tokens = torch.as_tensor(self.tokenizer(prompts[start : start + self.batch_size])).to(self._device)
            parts.append(cast("Any", self.model).encode_text(tokens).float())
        return functional.normalize(torch.cat(parts), dim=-1)

    def _encode_images(self, images: Iterable[Any]) -> Float[Tensor, "b d"]:
        """Encodes images as features of norm 1."""
        made = [image if self.transform is None else self.transform(image) for image in images]
        for image in made:
            if not isinstance(image, Tensor):
                raise TypeError(f"expected images as tensors (3, h, w); got {type(image).__name__}: pass transform")
        pixels = torch.stack(made)
        return functional.normalize(cast("Any", self.model).encode_image(pixels.to(self._device)).float(), dim=-1)

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device
