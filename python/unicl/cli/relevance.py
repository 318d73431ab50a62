"""The options of ``unicl label`` about the images of captions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unicl.labels import RelevanceFilter


@dataclass(frozen=True, kw_only=True)
class Relevance:
    """Leave out labels that are not to be seen in the image of the row.

    Images are members of webdataset shards, or a column of bytes, {bytes, path} or paths. One is opened only where a
    label hangs on it.
    """

    relevance: Path | None = None
    """The folder of a model that tells: of unicl (config.json, model.safetensors), open_clip (open_clip_config.json
    and weights), or a zero-shot detector of transformers. Nothing is downloaded."""
    image_column: str | None = None
    """The column with the images; if none is named, the first of image, jpg, jpeg, png, webp, image_path, filepath."""
    score_above: float = 0.5
    """A label stays if one of its phrases has a score above this, in [0, 1]."""
    count_above: int | None = 1
    """It also stays if more noun phrases of the caption than this mean it; None: only the score counts."""
    template: str | None = None
    """The prompt; {} is where the phrase goes."""
    device: str | None = None
    """Where the model runs, such as cpu or cuda:1; on a GPU if there is one, unless given."""

    def to_filter(self, *, weigh: bool) -> RelevanceFilter | None:
        """The filter; None where no model is named."""
        if self.relevance is None:
            if weigh:
                raise ValueError("weights by relevance need a model; name its folder with --relevance")
            if self != Relevance():
                raise ValueError(
                    "options about images need a model that looks at them; name its folder with --relevance"
                )
            return None
        try:
            from unicl.models import open_scorer

            scorer = open_scorer(self.relevance, template=self.template, device=self.device)
        except ModuleNotFoundError as error:
            raise ValueError(f"{error}; pip install 'unicl-rs[demo]' brings what --relevance needs") from error
        from unicl.labels import RelevanceFilter

        return RelevanceFilter(scorer=scorer, score_above=self.score_above, count_above=self.count_above, weigh=weigh)
