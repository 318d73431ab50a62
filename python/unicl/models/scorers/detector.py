"""A scorer of relevance over a zero-shot detector of transformers: the score of its best box."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from unicl.models.scorers.inference import check_settings, evaluating, prompts_of

_BY_QUERY = ("owlvit", "owlv2")
_BY_TOKEN = ("grounding-dino", "mm-grounding-dino")
DETECTORS = (*_BY_QUERY, *_BY_TOKEN)
"""The kinds of models, as ``config.json`` names them."""


class ZeroShotDetectorScorer:
    """Scores a phrase for an image by the best box that a zero-shot detector finds for it.

    OWL-ViT and OWLv2 (Minderer et al. 2022, 2023) give a logit for each box and query. The score is the highest sigmoid
    over the boxes. Grounding DINO and MM Grounding DINO (Liu et al. 2023) give a logit for each box and token of a text
    with all phrases. The score is then the mean sigmoid over the phrase's tokens, at the best box, as in the evaluation
    of Grounding DINO and GLIP.

    These sigmoids run low. Boxes are commonly drawn from 0.1 (OWL) or 0.25 (Grounding DINO) on. Give
    ``RelevanceFilter`` a ``score_above`` that you have looked at; 0.5 keeps only the surest phrases.

    Args:
        model: A model of ``transformers.AutoModelForZeroShotObjectDetection``, of one of the four kinds. It runs
            without gradients in evaluation mode, and then returns to its former mode.
        processor: The processor of the model. It decides which images are taken (PIL images, arrays).
        template: The prompt; the phrase replaces ``{}``.
        batch_size: How many images go through the detector at once.

    Raises:
        ValueError: The model is of another kind, the template has no ``{}``, or the batch size is below 1.
    """

    def __init__(self, model: Any, processor: Any, *, template: str = "{}", batch_size: int = 8) -> None:
        kind = getattr(getattr(model, "config", None), "model_type", type(model).__name__)
        if kind not in DETECTORS:
            raise ValueError(f"expected a model of the kind {', '.join(DETECTORS)}; got {kind!r}")
        check_settings(template, batch_size)
        self.model, self.processor, self.template, self.batch_size = model, processor, template, batch_size
        self._by_token = kind in _BY_TOKEN

    @classmethod
    def from_pretrained(
        cls, name_or_folder: str | Path, *, download: bool = False, template: str = "{}", batch_size: int = 8
    ) -> ZeroShotDetectorScorer:
        """Makes the scorer from a folder, or from the name of a model on the hub.

        Args:
            name_or_folder: A folder with model and processor, or a name such as "google/owlv2-base-patch16-ensemble".
            download: Whether to fetch the files that the local cache lacks.
            template: The prompt; the phrase replaces ``{}``.
            batch_size: How many images go through the detector at once.

        Raises:
            OSError: There is no such model on this machine, and ``download`` is not set.
            ValueError: The model is of another kind.
        """
        from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

        model = AutoModelForZeroShotObjectDetection.from_pretrained(name_or_folder, local_files_only=not download)
        load_processor: Any = AutoProcessor.from_pretrained
        processor = load_processor(name_or_folder, local_files_only=not download)
        return cls(model, processor, template=template, batch_size=batch_size)

    def __call__(self, images: Any, phrases: list[list[str]]) -> list[list[float]]:
        """Scores lists of phrases for as many images, in [0, 1]. An image without phrases is not looked at."""
        scores = [[0.0] * len(asked) for asked in phrases]
        questions = [question for row, asked in enumerate(phrases) for question in self._questions(row, asked)]
        with evaluating(self.model), torch.no_grad():
            for start in range(0, len(questions), self.batch_size):
                some = questions[start : start + self.batch_size]
                texts = [[phrases[row][place] for place in places] for row, places in some]
                answers = self._answers([images[row] for row, _ in some], texts)
                for (row, places), answer in zip(some, answers, strict=True):
                    for place, score in zip(places, answer, strict=True):
                        scores[row][place] = score
        return scores

    def _questions(self, row: int, asked: list[str]) -> list[tuple[int, range]]:
        """Splits the phrases of one image into parts that the text encoder takes: (image, places of the phrases)."""
        if not asked:
            return []
        if not self._by_token:
            return [(row, range(len(asked)))]
        lengths = [1 + len(ids) for ids in self._tokenizer(self._sentences(asked), add_special_tokens=False).input_ids]
        questions, first, used = [], 0, 0
        for place, length in enumerate(lengths):
            if place > first and used + length > self._room:
                questions.append((row, range(first, place)))
                first, used = place, 0
            used += length
        return [*questions, (row, range(first, len(asked)))]

    def _answers(self, images: list[Any], texts: list[list[str]]) -> list[list[float]]:
        """Scores one list of phrases for each image, in one pass of the detector."""
        if self._by_token:
            return self._answers_by_token(images, [self._sentences(row) for row in texts])
        prompts = [prompts_of(row, self.template) for row in texts]
        # The processor fills short rows up with blank queries. Their columns are not read.
        inputs = self.processor(text=prompts, images=images, return_tensors="pt", truncation=True)
        best = self._logits(inputs).float().sigmoid().amax(dim=1)
        return [row[: len(asked)].tolist() for row, asked in zip(best, texts, strict=True)]

    def _answers_by_token(self, images: list[Any], sentences: list[list[str]]) -> list[list[float]]:
        """Scores phrases that end at dots in one text, as these models are trained: "a dog . a red ball . "."""
        texts = ["".join(f"{sentence} . " for sentence in row) for row in sentences]
        length = {"truncation": True, "max_length": self.model.config.max_text_len}
        inputs = self.processor(text=texts, images=images, return_tensors="pt", padding=True, **length)
        dot = self._tokenizer.convert_tokens_to_ids(".")
        probabilities = self._logits(inputs).float().sigmoid()  # (n, boxes, max_text_len)
        names = (self._tokenizer.cls_token_id, self._tokenizer.sep_token_id, self._tokenizer.pad_token_id)
        special = torch.tensor(names, device=probabilities.device)
        answers = []
        for ids, of_image, row in zip(inputs["input_ids"].to(special.device), probabilities, sentences, strict=True):
            phrase_of_token = (ids == dot).cumsum(0)
            is_word = (ids != dot) & ~torch.isin(ids, special)
            answer = []
            for place in range(len(row)):
                tokens = (is_word & (phrase_of_token == place)).nonzero().flatten()
                answer.append(of_image[:, tokens].mean(dim=1).max().item() if len(tokens) else 0.0)
            answers.append(answer)
        return answers

    def _logits(self, inputs: Any) -> Float[Tensor, "b boxes texts"]:
        device, dtype = self.model.device, self.model.dtype
        moved = {name: t.to(device, dtype if t.is_floating_point() else None) for name, t in inputs.items()}
        return cast("Tensor", self.model(**moved).logits)

    def _sentences(self, phrases: list[str]) -> list[str]:
        """Gives the prompts without the marks at which the model would end a phrase."""
        return [prompt.lower().replace(".", " ").replace("?", " ") for prompt in prompts_of(phrases, self.template)]

    @property
    def _tokenizer(self) -> Any:
        return self.processor.tokenizer

    @property
    def _room(self) -> int:
        return int(self.model.config.max_text_len) - 2  # the start and the end token take two
