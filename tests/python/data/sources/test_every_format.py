"""The same samples come out of every format."""

import pickle
import random

import pytest

from unicl.data import Sample, open_samples

from . import formats
from .formats import Row

WORDS = ["a dog", "zwei Hunde", "犬", "two\u00a0cats", 'the "cow"', "naïve, really"]


def make_rows(count: int = 50, *, one_of_each: bool, captions: bool = True, classes: bool = True) -> list[Row]:
    draw = random.Random(7)  # noqa: S311
    rows = []
    for number in range(count):
        most = 1 if one_of_each else 3
        texts = tuple(f"{draw.choice(WORDS)} {number}" for _ in range(draw.randint(1, most))) if captions else ()
        names = ("dog", "hot air balloon", "Kühlschrank")
        own = tuple(sorted(draw.sample(names, draw.randint(1, 1 if one_of_each else 2)))) if classes else ()
        rows.append(Row(number.to_bytes(2) + draw.randbytes(draw.randint(1, 3000)), texts, own))
    return rows


ONE = make_rows(one_of_each=True)
SEVERAL = make_rows(one_of_each=False)
ONLY_CAPTIONS = make_rows(one_of_each=True, classes=False)
ONLY_CLASSES = make_rows(one_of_each=True, captions=False)
CASES = {
    "parquet": (formats.write_parquet, SEVERAL),
    "tar": (formats.write_tar, ONE),
    "coco": (formats.write_coco, SEVERAL),
    "hf": (formats.write_hf, SEVERAL),
    "tsv": (formats.write_tsv, ONE),
    "conceptual captions": (lambda folder, rows: formats.write_tsv(folder, rows, header=False), ONLY_CAPTIONS),
    "class folder": (formats.write_class_folder, ONLY_CLASSES),
    "tar with captions": (formats.write_tar, ONLY_CAPTIONS),
    "tar with classes": (formats.write_tar, ONLY_CLASSES),
}


@pytest.fixture(params=CASES)
def source_and_rows(request, tmp_path):
    write, rows = CASES[request.param]
    return open_samples(write(tmp_path / "data", rows), name="mine"), rows


def content(samples):
    assert all(isinstance(sample, Sample) for sample in samples), samples
    return [Row(sample.image, sample.captions, tuple(sorted(sample.classes))) for sample in samples]


def by_number(rows):
    return sorted(rows, key=lambda row: row.image[:2])


def test_every_sample_comes_out_as_it_was_written(source_and_rows):
    source, rows = source_and_rows
    samples = source.take(range(len(source)))
    assert by_number(content(samples)) == by_number(rows)
    assert len({sample.key for sample in samples}) == len(rows)
    assert {(sample.source, sample.weight) for sample in samples} == {("mine", 1.0)}
    names = sorted({name for row in rows for name in row.classes})
    assert source.class_names == (tuple(names) if names else None)
    assert source.has_captions == any(row.captions for row in rows)


def test_rows_come_in_the_order_asked_for_and_any_number_of_times(source_and_rows):
    source, rows = source_and_rows
    every = source.take(range(len(rows)))
    draw = random.Random(0)  # noqa: S311
    for count in (0, 1, 5, 200):
        wanted = draw.choices(range(len(rows)), k=count)
        assert source.take(wanted) == [every[row] for row in wanted]


def test_a_source_travels_to_another_process(source_and_rows):
    source, rows = source_and_rows
    source.take([0])
    other = pickle.loads(pickle.dumps(source))  # noqa: S301
    assert other.take(range(len(rows))) == source.take(range(len(rows)))


@pytest.mark.parametrize("row", [-1, 50])
def test_a_row_that_is_not_there_is_an_error(source_and_rows, row):
    source, _ = source_and_rows
    with pytest.raises(IndexError, match=f"expected a row from 0 to 49; got {row}"):
        source.take([0, row])
