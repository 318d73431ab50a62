"""Captions that a test can look at, and files of them."""

import pyarrow as pa
import pytest

CAPTIONS = [
    "A black dog chases two balls.",
    "Two dogs on the green grass",
    "",
    "Three cats 😀 sleep on a café's sofa",
    "it rains",
    "the dog sleeps on the grass",
    "a ball",
]


@pytest.fixture
def captions() -> list[str]:
    return list(CAPTIONS)


@pytest.fixture
def table(captions: list[str]) -> pa.Table:
    return pa.table({"key": [f"{row:09d}" for row in range(len(captions))], "caption": captions})
