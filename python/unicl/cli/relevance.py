"""Defines the options of ``unicl label`` about the images of captions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unicl.labels import RelevanceFilter


@dataclass(frozen=True, kw_only=True)
class Relevance:
    """Removes labels that are not visible in the image of the row.

    Images are members of webdataset shards, or a column of bytes, {bytes, path} or paths. An image is opened only if a
    label depends on it.
    """

    relevance: Path | None = None
    """The folder of the model that scores phrases by images. It is a model of unicl (config.json, model.safetensors),
    of open_clip (open_clip_config.json and weights), or a zero-shot detector of transformers. Nothing is
    downloaded."""
    image_column: str | None = None
    """The column with the images. If not given: the first of image, jpg, jpeg, png, webp, image_path and filepath that
    the file has."""
    score_above: float = 0.5
    """A label stays if one of its phrases scores higher than this, in [0, 1]."""
    count_above: int | None = 1
    """A label also stays if more noun phrases of the caption than this mean it. none: only the score counts."""
    template: str | None = None
    """The prompt, with {} in place of the phrase. If not given: the prompt that suits the kind of model."""
    device: str | None = None
    """The device of the model, such as cpu or cuda:1. If not given: a GPU if there is one."""

    def to_filter(self, *, weigh: bool) -> RelevanceFilter | None:
        """Makes the filter; None if no model is named."""
        if self.relevance is None:
            if weigh:
                raise ValueError(
                    "expected a model for weights by relevance; got none: name its folder with --relevance"
                )
            if self != Relevance():
                raise ValueError(
                    "expected a model for the options about images; got none: name its folder with --relevance"
                )
            return None
        try:
            from unicl.models import open_scorer

            scorer = open_scorer(self.relevance, template=self.template, device=self.device)
        except ModuleNotFoundError as error:
            raise ValueError(f"{error}; pip install 'unicl-rs[demo]' installs what --relevance needs") from error
        from unicl.labels import RelevanceFilter

        return RelevanceFilter(scorer=scorer, score_above=self.score_above, count_above=self.count_above, weigh=weigh)
