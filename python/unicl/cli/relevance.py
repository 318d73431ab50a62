"""Defines the options of ``unicl label`` about the images of captions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unicl.jobs import LabelOptions
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
    score_above: float = 0.5
    """A label stays if one of its phrases scores higher than this, in [0, 1]."""
    count_above: int | None = 1
    """A label also stays if more noun phrases of the caption than this mean it. none: only the score counts."""
    template: str | None = None
    """The prompt, with {} in place of the phrase. If not given: the prompt that suits the kind of model."""
    device: str | None = None
    """The device of the model, such as cpu or cuda:1. If not given: a GPU if there is one."""

    def refuse_without_model(self, options: LabelOptions) -> None:
        """Raises ``ValueError`` if an option needs a model and none is named."""
        if self.relevance is None and "relevance" in options.weights:
            raise ValueError("expected a model for weights by relevance; got none: name its folder with --relevance")
        if self.relevance is None and (self != Relevance() or options.image_column is not None):
            raise ValueError("expected a model for options about images; got none: name its folder with --relevance")

    def to_filter(self) -> RelevanceFilter | None:
        """Makes the filter; None if no model is named."""
        if self.relevance is None:
            return None
        try:
            from unicl.models import open_scorer

            scorer = open_scorer(self.relevance, template=self.template, device=self.device)
        except ModuleNotFoundError as error:
            raise ValueError(f"{error}; pip install 'unicl-rs[demo]' installs what --relevance needs") from error
        from unicl.labels import RelevanceFilter

        return RelevanceFilter(scorer=scorer, score_above=self.score_above, count_above=self.count_above)
