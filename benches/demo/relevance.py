"""Measures how well the demo's model separates phrases that fit an image from phrases that do not.

    .venv/bin/unicl demo --objectives unicl --out runs/unicl
    .venv/bin/python benches/demo/relevance.py runs/unicl

Every held-out image is asked for the name of its own subgroup and of another subgroup, drawn at random. For each
background, the output has the share of both that scores above 0.5. It also has the area under the ROC curve: how often
a right name scores higher than a wrong one, over all pairs of scores. The last line is the plain cosine.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from unicl.demo import CONTEXT_LENGTH, DemoConfig, load_emoji_images, prepare_data
from unicl.models import EVERYDAY, DualTowerScorer, load_dual_tower
from unicl.phrases import find_noun_phrases
from unicl.text import ClipTokenizer

TEMPLATE = "an emoji of {}"


def area(right: np.ndarray, wrong: np.ndarray) -> float:
    """Computes how often a right score is higher than a wrong one. A tie counts one half."""
    return float((right[:, None] > wrong).mean() + (right[:, None] == wrong).mean() / 2)


def main() -> None:
    """Prints a line for each background."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of a demo run with the default data settings")
    model, _ = load_dual_tower(parser.parse_args().run)
    config = DemoConfig()
    source = load_emoji_images(config.cache, size=config.image_size)
    data = prepare_data(
        source,
        label_share=config.label_share,
        held_out_share=config.held_out_share,
        min_document_frequency=config.min_document_frequency,
    )
    generator = np.random.default_rng(0)
    labels = data.labels[data.held_out].numpy()
    others = (labels + generator.integers(1, len(data.class_names), len(labels))) % len(data.class_names)
    asked = [[data.class_names[own], data.class_names[other]] for own, other in zip(labels, others, strict=True)]
    captions = [source.emoji[index].name for index in data.caption_part]
    phrases = [phrase for row in find_noun_phrases(captions).to_list() for phrase in row]
    backgrounds = {
        "everyday things (the default)": EVERYDAY,
        "the names of all subgroups": data.class_names,
        "256 noun phrases of captions": generator.choice(phrases, 256).tolist(),
    }
    tokenizer = ClipTokenizer(context_length=CONTEXT_LENGTH)
    images = data.images[data.held_out]
    print(f"{len(labels)} images | right > 0.5 | wrong > 0.5 | area under the ROC curve")
    for name, background in backgrounds.items():
        scorer = DualTowerScorer(model, tokenizer, background=background, template=TEMPLATE, batch_size=256)
        right, wrong = np.array(scorer(images, asked)).T
        print(f"{name} | {(right > 0.5).mean():.3f} | {(wrong > 0.5).mean():.3f} | {area(right, wrong):.3f}")
    with torch.no_grad():
        names = model.encode_text(torch.from_numpy(tokenizer([TEMPLATE.format(name) for name in data.class_names])))
        cosines = (model.encode_image(images) @ names.T).numpy()
    rows = np.arange(len(labels))
    print(f"the plain cosine | | | {area(cosines[rows, labels], cosines[rows, others]):.3f}")


if __name__ == "__main__":
    main()
