"""A look at data: what it counts, what it draws, what it calls notable, and what hostile rows do to it."""

import io
import json
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from unicl.data import BadSample, Overview, Sample, look_at_data, overview_facts, overview_findings
from unicl.data.overview.repetitions import Repetitions
from unicl.labels import LabelVocabulary

from .memory_source import MemorySource


def png(width: int = 6, height: int = 4, color: str | int = "red") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height), color).save(content, "PNG")
    return content.getvalue()


def sample(row: int, *captions: str, classes: tuple[str, ...] = (), image: bytes | None = None) -> Sample:
    image = png(color=row) if image is None else image
    return Sample(key=f"row {row}", image=image, captions=captions, classes=classes)


def captioned(number: int, name: str = "captioned") -> MemorySource:
    return MemorySource([sample(row, f"a dog with {row} balls") for row in range(number)], name)


def told(overview: Overview) -> str:
    return "\n".join(f"{title}: {text}" for title, text in overview_facts(overview.together))


def test_every_number_is_that_of_a_count_by_hand() -> None:
    source = MemorySource(
        [
            sample(0, "a dog", "two dogs on a beach"),
            sample(1, "a dog", classes=("dog",)),
            sample(2, classes=("cat",), image=png(30, 20)),
            sample(3, classes=("cat", "dog"), image=png(30, 20)),
            BadSample("row 4", "undecodable", "cut off"),
        ],
        classes=("owl",),
    )
    found = look_at_data([source]).together
    assert (found.rows, found.rows_read, found.bad_rows) == (5, 5, 1)
    assert found.kinds == {"captions alone": 0.25, "classes alone": 0.5, "both": 0.25, "neither": 0.0}
    assert found.captions_a_row is not None
    assert (found.captions_a_row.smallest, found.captions_a_row.mean, found.captions_a_row.largest) == (1, 1.5, 2)
    assert found.words is not None
    assert (found.words.smallest, found.words.mean, found.words.median, found.words.largest) == (2, 3, 2, 5)
    assert found.word_counts == {2: 2, 5: 1}
    assert found.classes is not None
    assert found.classes.exact
    assert (found.classes.number, found.classes.empty, found.classes.first_empty) == (3, 1, ("owl",))
    assert dict(found.classes.largest) == {"cat": 2, "dog": 2}
    assert found.labels is not None
    assert (found.labels.captions, found.labels.classes) == (1, None)
    assert found.labels.frequent == (("dog", 1.0),)
    assert (found.repeated_captions.repeated, found.repeated_captions.most) == (1, (("a dog", 2),))
    assert (found.repeated_images.repeated, found.repeated_images.values) == (1, 4)
    assert found.formats == {"PNG": 1.0}
    assert found.widths is not None
    assert (found.widths.smallest, found.widths.largest) == (6, 30)
    assert [(each.reason, each.count, each.first) for each in found.bad] == [
        ("undecodable", 1, (("row 4", "cut off"),))
    ]
    assert len(found.examples) == 4


def test_the_numbers_are_plain_data_without_the_images() -> None:
    plain = json.loads(
        json.dumps(look_at_data([captioned(3)], vocabulary=LabelVocabulary.from_names(["dog"])).as_json())
    )
    assert plain["together"]["rows"] == 3
    assert plain["sources"][0]["labels"]["captions"] == 1
    assert {*plain["sources"][0]["examples"][0]} == {"key", "captions", "classes", "labels", "width", "height", "fault"}


@pytest.mark.parametrize(("rows", "read"), [(7, 7), (None, 100), (1_000, 100)])
def test_no_more_rows_are_read_than_asked_for_and_none_twice(rows: int | None, read: int) -> None:
    source, advanced = captioned(100), []
    found = look_at_data([source], rows=rows, advance=advanced.append)
    assert len(source.taken) == len(set(source.taken)) == sum(advanced) == found.together.rows_read == read
    assert source.taken == sorted(source.taken), "files are read from front to back"
    assert f"rows: 100, {'all' if read == 100 else '7 of them'} were read" in told(found)


@pytest.mark.parametrize("threads", [1, 5])
def test_threads_change_nothing(threads: int) -> None:
    source = MemorySource([sample(row, "a dog", image=b"" if row % 9 == 0 else None) for row in range(100)])
    assert look_at_data([source], threads=threads) == look_at_data([source])


def test_a_seed_draws_the_same_rows_and_another_seed_others() -> None:
    def drawn(seed: int) -> list[str]:
        return [example.key for example in look_at_data([captioned(100)], rows=10, seed=seed).together.examples]

    assert drawn(0) == drawn(0) != drawn(1)
    assert drawn(0) != [f"row {row}" for row in range(10)]


def test_together_each_source_counts_by_its_rows() -> None:
    large = MemorySource([sample(row, "a dog") for row in range(300)], "large")
    small = MemorySource([sample(row, classes=("dog", "cat")[row % 2 :][:1]) for row in range(100)], "small")
    found = look_at_data([large, small], rows=50).together
    assert found.name == "2 sources together"
    assert (found.rows, found.rows_read) == (400, 100)
    assert found.kinds["captions alone"] == pytest.approx(0.75)
    assert found.classes is not None
    assert sum(found.classes.sizes) == pytest.approx(100, abs=2)


def test_rows_of_one_source_that_another_has_too_are_counted_together() -> None:
    found = look_at_data([captioned(20, "train"), captioned(20, "validation")])
    assert [each.repeated_images.repeated for each in (*found.sources, found.together)] == [0, 0, 20]
    assert "50 % of the images occurred before." in overview_findings(found.together)


def test_names_that_differ_in_case_and_spacing_are_named_also_between_sources() -> None:
    one = MemorySource([sample(0, classes=("Golden Retriever",)), sample(1, classes=("golden_retriever",))], "one")
    other = MemorySource([sample(2, classes=("golden  retriever",)), sample(3, classes=("cat",))], "other")
    found = look_at_data([one, other])
    assert [len(each.classes.alike) for each in found.sources if each.classes] == [1, 0]
    line = (
        "Class names that differ only in case or spacing: 'Golden Retriever', 'golden  retriever', 'golden_retriever'."
    )
    assert line in overview_findings(found.together)


def test_classes_that_a_sample_missed_are_not_called_empty() -> None:
    source = MemorySource([sample(row, classes=(f"class {row}",)) for row in range(100)])
    found = look_at_data([source], rows=10)
    assert "100, counted in the rows that were read; 90 are not among them" in told(found)
    assert not any("no row" in finding for finding in overview_findings(found.together))
    every = look_at_data([MemorySource(source.samples, classes=("owl",))])
    assert "1 class has no row: owl." in overview_findings(every.together)


def test_what_is_notable_is_told() -> None:
    rows = [sample(row, "zwei Hunde mit dem Ball auf der Wiese") for row in range(8)]
    rows += [sample(8), sample(9, "  ")]
    found = look_at_data(
        [MemorySource([*rows, BadSample("row 10", "missing image", "no file")])],
        vocabulary=LabelVocabulary.from_names(["dog"]),
        vocabulary_name="pets.txt",
    )
    assert overview_findings(found.together) == [
        "9.1 % of the rows are bad. Training stops past 1 %.",
        "10 % of the rows have neither a caption nor a class.",
        "1 caption has no text.",
        "100 % of the captions are not English. Labels are found in English only.",
        "None of the captions have a label: pets.txt.",
        "87.5 % of the captions occurred before.",
    ]


def test_classes_that_a_vocabulary_does_not_have_are_named() -> None:
    source = MemorySource([sample(row, classes=(name,)) for row, name in enumerate(("dog", "Dogs", "zeppelin", "cat"))])
    found = look_at_data([source], vocabulary=LabelVocabulary.from_names(["dog", "cat"])).together
    assert found.labels is not None
    assert (found.labels.classes, found.labels.unmapped, found.labels.captions) == (0.75, ("zeppelin",), None)
    assert "25 % of the classes mean no label: zeppelin." in overview_findings(found)


def test_classes_alone_need_no_labels() -> None:
    assert look_at_data([MemorySource([sample(0, classes=("n02099601",))])]).together.labels is None


def test_a_clean_source_has_nothing_notable() -> None:
    words = ["dog", "cat", "owl", "bus", "cup"]
    rows = [sample(row, f"the {words[row % 5]} is number {row}", classes=(words[row % 5],)) for row in range(20)]
    assert overview_findings(look_at_data([MemorySource(rows)]).together) == []


def test_a_label_of_most_captions_is_notable() -> None:
    found = look_at_data([captioned(10)], vocabulary=LabelVocabulary.from_names(["dog"]), vocabulary_name="pets.txt")
    assert "A label of half of the captions or more tells little: dog 100 %." in overview_findings(found.together)


# Damaged and hostile rows

DAMAGED = {
    "empty": (b"", "empty file"),
    "a web page": (b"<!doctype html><title>404</title>", "not JPEG, PNG or WEBP"),
    "cut off": (png(400, 400)[:90], "undecodable"),
    "a GIF": (b"GIF89a" + bytes(30), "not JPEG, PNG or WEBP"),
}


@pytest.mark.parametrize(("image", "reason"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_image_is_a_bad_row_with_its_reason(image: bytes, reason: str) -> None:
    found = look_at_data([MemorySource([sample(0, "a dog", image=image), sample(1, "a cat")])]).together
    assert [(each.reason, each.count) for each in found.bad] == [(reason, 1)]
    assert found.bad[0].first[0][0] == "row 0"
    assert any(example.fault.startswith(reason) for example in found.sheet)
    assert [example.key for example in found.examples] == ["row 1"]


def test_a_jpeg_that_is_cut_off_is_found(jpeg: Callable[..., bytes]) -> None:
    found = look_at_data(
        [MemorySource([sample(0, "a dog", image=jpeg(300, 300)[:-2000]), sample(1, "a cat")])]
    ).together
    assert [each.reason for each in found.bad] == ["undecodable"]


def test_the_first_three_bad_rows_of_a_reason_are_named() -> None:
    rows = [sample(row, "a dog", image=b"") for row in range(50)] + [sample(50, "a dog")]
    found = look_at_data([MemorySource(rows)]).together
    assert [key for key, _ in found.bad[0].first] == ["row 0", "row 1", "row 2"]
    assert "bad: 50 rows, empty file: row 0: 0 bytes; row 1: 0 bytes; row 2: 0 bytes" in told(
        look_at_data([MemorySource(rows)])
    )


def test_rows_that_are_all_bad_still_give_a_look() -> None:
    found = look_at_data([MemorySource([BadSample(f"row {row}", "missing image", "no file") for row in range(3)])])
    assert found.together.words is None
    assert "rows: 3, all were read, 3 are bad" in told(found)


@pytest.mark.parametrize(("width", "height"), [(20_000, 2), (2, 20_000), (1, 1)])
def test_images_of_any_shape_have_a_thumbnail(width: int, height: int) -> None:
    found = look_at_data([MemorySource([sample(0, "a dog", image=png(width, height))])]).together
    thumbnail = found.sheet[0].thumbnail
    assert thumbnail is not None
    assert max(Image.open(io.BytesIO(thumbnail)).size) <= 192
    assert (found.sheet[0].width, found.sheet[0].height) == (width, height)


def test_an_image_with_a_bomb_of_pixels_is_refused_undecoded() -> None:
    found = look_at_data([MemorySource([sample(0, "a dog", image=png(20_000, 4_000))])]).together
    assert [each.reason for each in found.bad] == ["too many pixels"]


@pytest.mark.parametrize("caption", ["a\ud800dog", "\udcff"])
def test_half_of_a_surrogate_pair_in_a_caption_is_a_bad_row(caption: str) -> None:
    found = look_at_data([MemorySource([sample(0, caption), sample(1, "a dog")])]).together
    assert [each.reason for each in found.bad] == ["not UTF-8"]


@pytest.mark.parametrize("caption", ["x" * 100_000, "a\x00b", "\u202egnirts", "🐕" * 1000, "\x1b[2J", "a  \t\n dog"])
def test_odd_captions_are_counted_like_others(caption: str) -> None:
    found = look_at_data([MemorySource([sample(0, caption)])], vocabulary=LabelVocabulary.from_names(["dog"]))
    assert (found.together.bad_rows, sum(found.together.word_counts.values())) == (0, 1)


@pytest.mark.parametrize(
    ("sources", "options", "message"),
    [
        ([], {}, "expected one source or more; got none"),
        ([MemorySource([], "nothing.parquet")], {}, "nothing.parquet: expected rows; got none"),
        ([captioned(1)], {"rows": 0}, "expected rows >= 1; got 0"),
        ([captioned(1)], {"threads": 0}, "expected threads >= 1; got 0"),
        ([captioned(1)], {"seed": -1}, "expected a seed >= 0; got -1"),
    ],
)
def test_bad_arguments_are_refused(sources: list[MemorySource], options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        look_at_data(sources, **options)


# What occurs again


@given(st.lists(st.integers(0, 30), max_size=200), st.integers(0, 200))
def test_repetitions_are_those_of_a_counter_in_one_part_or_two(values: list[int], cut: int) -> None:
    parts = [Repetitions(), Repetitions()]
    for place, value in enumerate(values):
        parts[place >= cut].add(bytes([value]), str(value))
    parts[0].merge(parts[1])
    counts, found = Counter(values), parts[0].result()
    assert (found.values, found.repeated, found.exact) == (len(values), len(values) - len(counts), True)
    assert [count for _, count in found.most] == [count for _, count in counts.most_common(3) if count > 1]


def test_of_very_many_values_a_part_is_compared_and_the_memory_is_bounded() -> None:
    seen = Repetitions(most_hashes=1_000)
    for value in range(40_000):
        seen.add(b"%d" % (value % 20_000), "")
    found = seen.result()
    assert len(seen._counts) <= 1_000
    assert (found.values, found.exact) == (40_000, False)
    assert found.repeated == pytest.approx(20_000, rel=0.05)
