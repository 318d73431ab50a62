"""The report page of a demo run: the rows, galleries and sentences that ``report.html`` shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path

import torch

from unicl.demo.emoji import draw_large, stable_hash
from unicl.demo.evaluate import held_out_features, subgroup_classifier
from unicl.demo.prepare import DemoData
from unicl.demo.results import ObjectiveResult
from unicl.demo.table import COLUMNS, table_row
from unicl.evaluation import LabelledCaption, Phrase, Prediction, Report, Row, classify, write_report
from unicl.labels import DenseLabeler
from unicl.models import DualTower

GALLERY_SIZE = 24
IMAGE_PIXELS = 96


def write_page(
    path: Path, settings: Mapping[str, str], data: DemoData, results: Mapping[str, ObjectiveResult], shown: str
) -> None:
    """Writes the page of a run.

    Args:
        path: The file.
        settings: The settings of the run, by name.
        data: The data set.
        results: The result of each objective.
        shown: The objective whose predictions the gallery shows.
    """
    rows = [Row(objective=name, values=[*table_row(result.scores), result.seconds]) for name, result in results.items()]
    report = Report(
        title="UniCL on emoji",
        subtitle=(
            f"{len(results)} objectives with the same towers, batch size and steps. The data: {len(data.label_part)} "
            f"images with a label, {len(data.caption_part)} with a caption, {len(data.held_out)} held out."
        ),
        columns=COLUMNS,
        rows=[*rows, chance(data)],
        curves={name: [(record.step, record.loss) for record in result.records] for name, result in results.items()},
        predictions=predictions(results[shown].model, data),
        captions=labelled_captions(data),
        settings=settings,
        notes=[
            "ce trains on the images with a label, and clip on the images with a caption. unicl trains on both, and "
            "each gives half of a batch. With equal steps, unicl therefore sees each image half as often as ce or clip "
            "do.",
            "Held-out images show other base emoji than the training images. No skin-tone, hair, gender or direction "
            "variant of a held-out image is in training.",
            "The default settings were chosen on these held-out images, mostly by runs of unicl. Read the differences "
            "between objectives, not the levels.",
            f"The gallery shows the {shown} model. Its images and captions are picked by a hash of their names, not by "
            "their results.",
            "Losses of different objectives have different positives and different numbers of texts. Compare a curve "
            "with itself, not with the others.",
        ],
        licence="Images: OpenMoji, the open-source emoji and icon project, CC BY-SA 4.0. Names: Unicode emoji data.",
    )
    write_report(report, path)


def chance(data: DemoData) -> Row:
    """Makes the row of guessing: the share of the most frequent class among the held-out images, and k of n."""
    labels = data.labels[torch.from_numpy(data.held_out)]
    subgroup, group = (torch.bincount(ids).max().item() / len(ids) for ids in (labels, data.class_groups[labels]))
    recalls = [k / len(labels) for k in (1, 5, 10)]
    return Row(
        objective="guessing",
        values=[subgroup, 1 / len(set(labels.tolist())), group, *recalls, *recalls, None],
        reference=True,
    )


def predictions(model: DualTower, data: DemoData) -> list[Prediction]:
    """Makes the gallery of held-out images: the three most probable subgroups of each."""
    image_features, _ = held_out_features(model, data)
    probabilities, classes = classify(image_features, subgroup_classifier(model, data), model.logit_scale.item(), k=3)
    position = {index: row for row, index in enumerate(data.held_out.tolist())}
    found = []
    for index in pick(data, data.held_out.tolist()):
        row = position[index]
        guesses = zip(classes[row].tolist(), probabilities[row].tolist(), strict=True)
        found.append(
            Prediction(
                image=png(data, index),
                caption=data.source.emoji[index].name,
                label=data.class_names[int(data.labels[index])],
                guesses=[(data.class_names[label], probability) for label, probability in guesses],
            )
        )
    return found


def labelled_captions(data: DemoData) -> list[LabelledCaption]:
    """Makes the gallery of training captions: the phrases found in each, and their labels."""
    labeler = DenseLabeler(data.vocabulary)
    found = []
    for index in pick(data, data.caption_part.tolist()):
        caption = data.source.emoji[index].name
        phrases = [Phrase(start=row.start, end=row.end, label=row.label) for row in labeler.explain(caption)]
        found.append(LabelledCaption(caption=caption, phrases=phrases, image=png(data, index)))
    return found


def pick(data: DemoData, indices: Iterable[int]) -> list[int]:
    """Picks some images of different bases, in the order of a hash of their names."""
    bases: dict[int, int] = {}
    for index in sorted(indices, key=lambda index: stable_hash("gallery", data.source.emoji[index].name)):
        bases.setdefault(data.source.bases[index], index)
    return list(bases.values())[:GALLERY_SIZE]


def png(data: DemoData, index: int) -> bytes:
    """Draws an image large enough to look at, as the bytes of a PNG file."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(draw_large(data.source.emoji[index], IMAGE_PIXELS)).quantize(64).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
