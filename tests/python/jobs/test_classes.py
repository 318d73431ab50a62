"""Classes and captions share one label space: the label of a row's class joins those of its caption."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl import DenseLabeler, LabelSets, LabelVocabulary
from unicl.files import Reading
from unicl.jobs import ClassOptions, LabelOptions, label_files, mine_vocabulary
from unicl.labels import LabelFilters, RelevanceFilter

VOCABULARY = LabelVocabulary.from_names(
    ["dog", "cat", "ball", "black dog", "animal"],
    synonyms={"dog": ["puppy"]},
    parents={"dog": "animal", "cat": "animal", "black dog": "dog"},
)
COLUMN = LabelOptions(class_column="label")


def label(
    tmp_path: Path, columns: dict[str, Any], options: LabelOptions = COLUMN, **more: Any
) -> tuple[list[list[int] | None], Any]:
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    more = {"vocabulary": VOCABULARY, **more}
    _, stats = label_files([tmp_path / "x.parquet"], tmp_path / "out", options=options, overwrite=True, **more)
    return pq.read_table(tmp_path / "out" / "x.parquet")["labels"].to_pylist(), stats


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())],
    ids=str,
)
def test_a_row_may_have_a_caption_a_class_or_both(tmp_path: Path, kind: pa.DataType) -> None:
    classes = pa.array(["Cat", None, "puppies", "hot_dog", " ", "cat"], pa.string()).cast(kind)
    columns = {"caption": ["a ball", "a dog", None, "a ball", "", "two cats"], "label": classes}
    labels, stats = label(tmp_path, columns)
    assert labels == [[1, 2], [0], [0], [0, 2], [], [1]]
    assert (stats.labelled, stats.classes, stats.class_names, stats.unmapped_classes) == (5, 4, 4, Counter())
    assert pq.read_table(tmp_path / "out" / "x.parquet")["label"].to_pylist() == classes.to_pylist()


def test_a_row_may_have_several_classes(tmp_path: Path) -> None:
    columns = {
        "label": [["dog", "puppy", "ball"], [], ["zebra"], None],
        "caption": ["a cat"] * 4,
    }
    assert label(tmp_path, columns)[0] == [[0, 1, 2], [1], [1], [1]]


def test_classes_alone_need_no_captions(tmp_path: Path) -> None:
    labels, stats = label(tmp_path, {"label": ["dog", "zebra", "cat"]})
    assert labels == [[0], [], [1]]
    assert (stats.no_phrase, stats.class_without_label, stats.unmapped_classes) == (0, 1, Counter(zebra=1))


def test_classes_that_mean_no_label_are_counted_and_those_of_one_label_are_told(tmp_path: Path) -> None:
    columns = {"label": ["zebra"] * 3 + ["gnu"] * 2 + ["Dog", "dog", "puppy", "cat"]}
    _, stats = label(tmp_path, columns)
    assert stats.unmapped_classes == Counter(zebra=3, gnu=2)
    assert stats.shared_classes == {"dog": ["Dog", "dog", "puppy"]}


def test_a_row_of_neither_is_bad(tmp_path: Path) -> None:
    columns = {"caption": ["a dog", None], "label": pa.array([None, None], pa.string())}
    with pytest.raises(ValueError, match=r"x\.parquet, row 1: neither caption nor class: set bad_rows"):
        label(tmp_path, columns)
    labels, stats = label(tmp_path, columns, reading=Reading(bad_rows="skip"))
    assert (labels, stats.skipped) == ([[0], None], Counter({"neither caption nor class": 1}))


@pytest.mark.parametrize("as_text", [False, True])
def test_integers_have_the_names_of_a_list(tmp_path: Path, as_text: bool) -> None:  # noqa: FBT001
    (tmp_path / "names.txt").write_text("zebra\ncat\ndog\n")
    options = LabelOptions(class_column="label", class_names=str(tmp_path / "names.txt"))
    numbers = [2, 1, 0, -1]
    columns = {"label": [str(each) for each in numbers] if as_text else numbers, "caption": ["a ball"] * 4}
    labels, stats = label(tmp_path, columns, options)
    assert labels == [[0, 2], [1, 2], [2], [2]]
    assert stats.unmapped_classes == Counter(zebra=1)
    columns["label"][1] = "7" if as_text else 7
    with pytest.raises(ValueError, match=r"x\.parquet, row 1: expected a class below 3; got 7: set bad_rows"):
        label(tmp_path, columns, options)
    labels, stats = label(tmp_path, columns, options, reading=Reading(bad_rows="skip"))
    assert labels == [[0, 2], None, [2], [2]]
    assert stats.skipped == Counter({"class number without a name": 1})


def test_integers_without_names_are_refused_and_names_twice_too(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"row 0: expected a class with a name; got 3: .* class_names=NAMES"):
        label(tmp_path, {"label": [3]})
    (tmp_path / "names.txt").write_text("crane\nmaillot\nCrane\n")
    options = LabelOptions(class_column="label", class_names=str(tmp_path / "names.txt"))
    with pytest.raises(ValueError, match=r"names\.txt.*[cC]rane"):
        label(tmp_path, {"label": [0]}, options)


def test_names_that_hf_datasets_wrote_are_used(tmp_path: Path) -> None:
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table({"label": [1, 0]}).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "x.parquet")
    label_files([tmp_path / "x.parquet"], tmp_path / "out", VOCABULARY, COLUMN)
    assert pq.read_table(tmp_path / "out" / "x.parquet")["labels"].to_pylist() == [[0], [1]]


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"caption": ["a"]}, COLUMN, r"expected a column 'label' with the classes; got 'caption': name one with"),
        ({"label": [0.5]}, COLUMN, r"expected names or integers, or lists of them, in the column 'label'; got double"),
        (
            {"caption": ["a"]},
            LabelOptions(class_names="coco"),
            r"expected class_column=NAME with class_names",
        ),
        ({"text": ["a"], "caption": [["a"]], "label": ["a"]}, COLUMN, r"expected strings in the column 'caption'"),
    ],
)
def test_a_wrong_column_is_refused(
    tmp_path: Path, columns: dict[str, Any], options: LabelOptions, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        label(tmp_path, columns, options)


def test_names_of_classes_join_a_mined_vocabulary(tmp_path: Path) -> None:
    columns = {"caption": ["a dog", "two dogs", "a ball", None], "label": ["dogs", "hot_dog", None, "Hot dog"]}
    labels, _ = label(tmp_path, columns, vocabulary=None)
    vocabulary = LabelVocabulary.from_file(tmp_path / "out" / "vocabulary.json")
    assert vocabulary.names == ("dog", "hot dog")
    assert labels == [[0], [0, 1], [], [1]]
    mined, _ = mine_vocabulary([tmp_path / "x.parquet"], classes=ClassOptions(class_column="label"))
    assert mined.names == vocabulary.names


def test_classes_alone_are_a_vocabulary(tmp_path: Path) -> None:
    labels, _ = label(tmp_path, {"label": ["sea_lion", "gnu", None, "gnu"], "caption": [""] * 4}, vocabulary=None)
    assert labels == [[0], [1], [], [1]]


@pytest.mark.parametrize("ancestors", [None, "add", "roll_up"])
@pytest.mark.parametrize("weights", ["one", "idf"])
def test_filters_ancestors_and_rarity_treat_the_labels_of_classes_as_those_of_captions(
    tmp_path: Path, ancestors: Any, weights: Any
) -> None:
    """A class "black dog" is what a caption "a black dog" would be."""
    names = ["a black dog", "a cat", "", "a dog", "a cat", "a ball"]
    others = ["a ball", "a dog", "a black dog", "a cat", "a cat", ""]
    both = [f"{name} and {other}" for name, other in zip(names, others, strict=True)]
    used: dict[str, Any] = {"min_document_frequency": 3, "balance": 3}
    labeler = DenseLabeler(VOCABULARY, filters=LabelFilters(**used), ancestors=ancestors)
    counts = labeler.count(both)
    expected = DenseLabeler(VOCABULARY, filters=LabelFilters(**used), ancestors=ancestors, frequency_of=counts)(both)
    if weights == "idf":
        expected = expected.weighted(counts.rarity())
    options = LabelOptions(class_column="label", ancestors=ancestors, weights=weights, **used)
    columns = {"caption": others, "label": [name.removeprefix("a ") or None for name in names]}
    labels, _ = label(tmp_path, columns, options)
    done = pq.read_table(tmp_path / "out" / "x.parquet")
    assert labels == expected.to_list()
    sets = LabelSets.from_arrow(done["labels"], done["label_weights"])
    np.testing.assert_allclose(sets.weights, 1 if expected.weights is None else expected.weights, rtol=1e-6)


def test_images_and_phrases_do_not_remove_classes(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (2, 2)).save(tmp_path / "1.png")
    columns = {"caption": ["a ball", "a ball"], "label": ["cat", "ball"], "image_path": ["1.png", "1.png"]}
    relevance = RelevanceFilter(scorer=lambda _, phrases: [[0.25] * len(row) for row in phrases])
    options = LabelOptions(class_column="label", weights="relevance")
    assert label(tmp_path, columns, options, relevance=relevance)[0] == [[1], [2]]
    done = pq.read_table(tmp_path / "out" / "x.parquet")
    assert done["label_weights"].to_pylist() == [[1.0], [1.0]]
    assert label(tmp_path, columns, LabelOptions(class_column="label", min_count_in_caption=2))[0] == [[1], [2]]


def test_argmax_guesses_no_class(tmp_path: Path) -> None:
    options = LabelOptions(class_column="label", mode="argmax")
    assert label(tmp_path, {"label": ["catalogue"], "caption": [""]}, options)[0] == [[]]


def test_columns_that_are_not_copied_are_read_for_classes(tmp_path: Path) -> None:
    options = LabelOptions(class_column="label", copy_columns=False)
    assert label(tmp_path, {"caption": ["a dog"], "label": ["cat"]}, options)[0] == [[0, 1]]


def test_class_names_that_are_not_utf8_are_classes_without_label(tmp_path: Path) -> None:
    classes = pa.array([b"dog", b"do\xff"], pa.binary()).cast(pa.string(), safe=False)
    _, stats = label(tmp_path, {"label": classes, "caption": ["", ""]}, COLUMN)
    assert stats.unmapped_classes == Counter({"do\ufffd": 1})
