"""`label_files`: the labels of the labeler, beside the rows they belong to."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unicl import DenseLabeler, LabelSets, LabelVocabulary, find_noun_phrases
from unicl.files import Reading
from unicl.jobs import label_files, mine_vocabulary
from unicl.labels import LabelFilters, MiningLimits, PhraseCounter

VOCABULARY = LabelVocabulary.from_names(
    ["dog", "ball", "black dog", "grass"], synonyms={"dog": ["puppy"]}, parents={"black dog": "dog"}
)
WORDS = ["a", "black", "dog", "dogs", "puppy", "ball", "the", "green", "grass", "and", "runs", "on", "😀"]


@pytest.fixture
def source(tmp_path: Path, table: pa.Table) -> Path:
    pq.write_table(table, tmp_path / "captions.parquet")
    return tmp_path / "captions.parquet"


def test_labels_are_those_of_the_labeler_and_the_columns_stay(tmp_path: Path, source: Path, table: pa.Table) -> None:
    _, stats = label_files([source], tmp_path / "out", VOCABULARY)
    done = pq.read_table(tmp_path / "out" / "captions.parquet")
    assert done.select(table.column_names).equals(table)
    expected = DenseLabeler(VOCABULARY)(table["caption"]).to_list()
    assert done["labels"].to_pylist() == expected
    assert done["label_weights"].to_pylist() == [[1.0] * len(row) for row in expected]
    assert done.schema.field("labels").type == pa.list_(pa.int32())
    assert done.schema.field("label_weights").type == pa.list_(pa.float32())
    assert stats.captions == len(table)
    assert stats.labels == sum(map(len, expected))


@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), max_size=12),
    st.integers(1, 5),
    st.sampled_from([0, 2, 0.3]),
    st.sampled_from([1.0, 4, 0.6]),
    st.sampled_from([None, "add", "roll_up"]),
    st.sampled_from([None, 1, 3]),
    st.integers(1, 2),
    st.sampled_from(["canonical", "argmax"]),
    st.booleans(),
)
def test_files_get_the_labels_and_weights_of_the_labeler_over_all_captions(
    captions: list[str],
    batch_rows: int,
    least: float,
    most: float,
    ancestors: str | None,
    balance: int | None,
    count: int,
    mode: str,
    idf: bool,  # noqa: FBT001
) -> None:
    options: dict[str, Any] = {
        "mode": mode,
        "min_document_frequency": least,
        "max_document_frequency": most,
        "ancestors": None if ancestors == "roll_up" and least == 0 else ancestors,
        "balance": balance,
        "min_count_in_caption": count,
    }
    of_filters = ("min_document_frequency", "max_document_frequency", "balance", "min_count_in_caption")
    filters = LabelFilters(**{name: options[name] for name in of_filters})
    labeler = DenseLabeler(VOCABULARY, filters=filters, mode=options["mode"], ancestors=options["ancestors"])
    expected = labeler(captions)
    counts = labeler.count(captions)
    if idf:
        expected = expected.weighted(np.log(max(len(captions), 1) / counts.counts.clip(1)))
    with tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate((captions[:4], captions[4:])):
            pq.write_table(pa.table({"caption": pa.array(part, pa.string())}), Path(folder) / f"{number}.parquet")
        reading = Reading(batch_rows=batch_rows)
        _, stats = label_files([folder], Path(folder, "out"), VOCABULARY, reading=reading, idf=idf, **options)
        done = pa.concat_tables([pq.read_table(Path(folder, "out", f"{number}.parquet")) for number in range(2)])
    sets = LabelSets.from_arrow(done["labels"], done["label_weights"])
    assert sets.to_list() == expected.to_list()
    assert sets.weights is not None
    assert sets.weights.tolist() == (
        [1.0] * len(sets.indices) if expected.weights is None else expected.weights.tolist()
    )
    assert stats.labelled + stats.filtered + stats.phrase_without_label + stats.no_phrase == len(captions)
    if ancestors != "roll_up":
        assert sum(stats.dropped.values()) + stats.labels == counts.counts.sum()


def test_a_vocabulary_mined_from_files_is_that_of_all_captions(tmp_path: Path, captions: list[str]) -> None:
    for number, part in enumerate((captions[:3], captions[3:])):
        pq.write_table(pa.table({"caption": part}), tmp_path / f"{number}.parquet")
    vocabulary, stats = label_files([tmp_path], tmp_path / "out", min_document_frequency=2)
    expected = LabelVocabulary.mine(captions, min_document_frequency=2)
    assert vocabulary.names == expected.names
    assert LabelVocabulary.from_file(tmp_path / "out" / "vocabulary.json").names == expected.names
    rows = [row for number in range(2) for row in pq.read_table(tmp_path / "out" / f"{number}.parquet")["labels"]]
    assert [row.as_py() for row in rows] == DenseLabeler(expected)(captions).to_list()
    assert (stats.files, stats.max_undercount) == (2, 0)


def test_mined_labels_are_balanced_by_their_own_counts(tmp_path: Path, source: Path, captions: list[str]) -> None:
    vocabulary, stats = label_files([source], tmp_path / "out", balance=1, seed=3)
    expected = DenseLabeler(vocabulary, filters=LabelFilters(balance=1, seed=3))(captions).to_list()
    assert pq.read_table(tmp_path / "out" / "captions.parquet")["labels"].to_pylist() == expected
    assert stats.dropped["balance"] > 0


def test_folders_are_paths_or_their_names(tmp_path: Path, source: Path) -> None:
    label_files([str(source)], str(tmp_path / "out"), VOCABULARY)
    assert pq.read_table(tmp_path / "out" / "captions.parquet").num_rows == 7


def test_a_file_without_rows_is_labelled_too(tmp_path: Path) -> None:
    pq.write_table(pa.table({"caption": pa.array([], pa.string())}), tmp_path / "captions.parquet")
    _, stats = label_files([tmp_path / "captions.parquet"], tmp_path / "out", VOCABULARY, min_document_frequency=0.1)
    assert (stats.captions, stats.files) == (0, 1)
    assert pq.read_table(tmp_path / "out" / "captions.parquet").column_names == ["caption", "labels", "label_weights"]


def test_a_vocabulary_without_labels_is_refused(tmp_path: Path, source: Path) -> None:
    with pytest.raises(ValueError, match="the vocabulary has no labels; give one with names, or none, to mine one"):
        label_files([source], tmp_path / "out", LabelVocabulary.from_names([]))
    with pytest.raises(
        ValueError,
        match="no noun phrase of the 7 captions is within min_document_frequency=99 and max_document_frequency=1",
    ):
        label_files([source], tmp_path / "out", min_document_frequency=99)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_cannot_be_written_into_is_refused_before_captions_are_counted(tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_bytes(b"a dog\nnot UTF-8: \xff\n")  # which counting would find
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"cannot write into the folder: .*: '.*file/out'"):
        label_files([tmp_path / "captions.txt"], tmp_path / "file" / "out")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"min_document_frequency": -1}, "expected min_document_frequency >= 0; got -1"),
        ({"max_document_frequency": 1.5}, "expected max_document_frequency as an int or as a share in .*; got 1.5"),
        ({"min_document_frequency": 5, "max_document_frequency": 2}, "expected min_document_frequency <= max_doc"),
        ({"top_k": 0}, "expected top_k >= 1, or None for all; got 0"),
    ],
)
def test_limits_on_what_is_mined_are_refused_before_anything_is_read(
    tmp_path: Path, limits: dict[str, Any], message: str
) -> None:
    (tmp_path / "captions.jsonl").write_text("not JSON")
    with pytest.raises(ValueError, match=message):
        label_files([tmp_path], tmp_path / "out", **limits)
    with pytest.raises(ValueError, match=message):
        mine_vocabulary([tmp_path], **limits)


def test_arguments_without_effect_or_of_another_type_are_refused(tmp_path: Path, source: Path) -> None:
    with pytest.raises(ValueError, match=r"image_column needs one \(--relevance\)"):
        label_files([source], tmp_path / "out", VOCABULARY, image_column="image")
    with pytest.raises(TypeError, match=r"expected relevance as a RelevanceFilter\(scorer=\.\.\.\); got <class 'dict"):
        label_files([source], tmp_path / "out", VOCABULARY, relevance=dict)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a list of files or folders; got the one path"):
        label_files(str(source), tmp_path / "out", VOCABULARY)


def test_limits_count_the_captions_of_all_files(tmp_path: Path, source: Path, captions: list[str]) -> None:
    _, stats = label_files([source], tmp_path / "out", VOCABULARY, min_document_frequency=2, max_document_frequency=0.4)
    labeler = DenseLabeler(VOCABULARY, filters=LabelFilters(min_document_frequency=2, max_document_frequency=0.4))
    assert pq.read_table(tmp_path / "out" / "captions.parquet")["labels"].to_pylist() == labeler(captions).to_list()
    assert stats.filtered == 0


def test_captions_without_label_are_counted_by_reason(tmp_path: Path) -> None:
    captions = ["a dog", "it rains", "a cat", "a cat and a sofa", "", "the grass", "the grass"]
    pq.write_table(pa.table({"caption": captions}), tmp_path / "captions.parquet")
    _, stats = label_files([tmp_path / "captions.parquet"], tmp_path / "out", VOCABULARY, min_document_frequency=2)
    assert (stats.labelled, stats.filtered, stats.phrase_without_label, stats.no_phrase) == (2, 1, 2, 2)
    assert stats.labelled + stats.filtered + stats.phrase_without_label + stats.no_phrase == stats.captions


def test_labels_that_roll_up_are_counted(tmp_path: Path, source: Path) -> None:
    _, stats = label_files([source], tmp_path / "out", VOCABULARY, min_document_frequency=2, ancestors="roll_up")
    assert pq.read_table(tmp_path / "out" / "captions.parquet")["labels"].to_pylist()[0] == [0, 1]
    assert stats.rolled_up == 1


def test_counts_that_were_made_are_written_with_the_vocabulary(
    tmp_path: Path, source: Path, captions: list[str]
) -> None:
    vocabulary, _ = label_files([source], tmp_path / "out", VOCABULARY, idf=True)
    counts = DenseLabeler(VOCABULARY).count(captions).counts.tolist()
    for written in (vocabulary, LabelVocabulary.from_file(tmp_path / "out" / "vocabulary.json")):
        assert written.document_frequency is not None
        assert written.document_frequency.tolist() == counts
        assert (written.names, written.synonyms) == (VOCABULARY.names, VOCABULARY.synonyms)
        assert written.parent_names == VOCABULARY.parent_names


def test_ancestors_of_labels_that_are_mined_are_refused_before_any_work(tmp_path: Path, source: Path) -> None:
    with pytest.raises(ValueError, match='a vocabulary with parents for ancestors="add"; got one whose labels have none'):
        label_files([source], tmp_path / "out", ancestors="add")
    assert not (tmp_path / "out").exists()


def test_noun_phrases_and_spans_are_those_of_the_finder(tmp_path: Path, source: Path, captions: list[str]) -> None:
    label_files([source], tmp_path / "out", VOCABULARY, phrases=True)
    done = pq.read_table(tmp_path / "out" / "captions.parquet")
    found = find_noun_phrases(captions)
    assert done["noun_phrases"].to_pylist() == found.to_list()
    spans = [row.tolist() for row in np.split(found.spans, found.offsets[1:-1])]
    assert done["noun_phrase_spans"].to_pylist() == spans
    cats = captions[3]
    assert [cats[start:end] for start, end in done["noun_phrase_spans"][3].as_py()][-1] == "sofa"


def test_a_skipped_row_has_null_and_a_row_without_label_an_empty_list(tmp_path: Path) -> None:
    pq.write_table(pa.table({"caption": ["a dog", None, "it rains"]}), tmp_path / "captions.parquet")
    _, stats = label_files([tmp_path], tmp_path / "out", VOCABULARY, reading=Reading(bad_rows="skip"), phrases=True)
    done = pq.read_table(tmp_path / "out" / "captions.parquet")
    assert done["labels"].to_pylist() == [[0], None, []]
    assert done["label_weights"].to_pylist() == [[1.0], None, []]
    assert done["noun_phrases"].to_pylist() == [["a dog"], None, []]
    assert stats.skipped == {"null caption": 1}
    assert stats.no_phrase == 1


def test_top_k_with_a_vocabulary_is_refused(tmp_path: Path, source: Path) -> None:
    with pytest.raises(ValueError, match="top_k limits a vocabulary that is mined"):
        label_files([source], tmp_path / "out", VOCABULARY, top_k=3)


def test_a_vocabulary_that_is_there_is_refused_before_any_work(tmp_path: Path, source: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "vocabulary.json").write_text("precious")
    with pytest.raises(FileExistsError, match=r"vocabulary\.json exists"):
        label_files([source], tmp_path / "out", VOCABULARY)
    assert (tmp_path / "out" / "vocabulary.json").read_text() == "precious"
    assert not (tmp_path / "out" / "captions.parquet").exists()


def test_counts_by_batch_are_those_of_all_captions(captions: list[str]) -> None:
    counter = PhraseCounter()
    for start in range(0, len(captions), 2):
        counter.add(captions[start : start + 2])
    mined = LabelVocabulary.mine(captions, min_document_frequency=1)
    ours = counter.vocabulary(MiningLimits(min_document_frequency=1))
    assert ours.names == mined.names
    assert ours.document_frequency is not None
    assert mined.document_frequency is not None
    assert ours.document_frequency.tolist() == mined.document_frequency.tolist()
    assert counter.captions == len(captions)


@given(st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=20), min_size=1, max_size=12), st.integers(1, 30))
def test_what_is_forgotten_stays_within_the_bound(batches: list[list[int]], max_names: int) -> None:
    names = [f"{chr(97 + number % 26)}{chr(97 + number // 26)}x" for number in range(61)]
    counter = PhraseCounter(max_names=max_names)
    true: dict[str, int] = {}
    for batch in batches:
        counter.add([f"the {names[number]}" for number in batch])
        for number in batch:
            true[names[number]] = true.get(names[number], 0) + 1
        assert len(counter) <= max_names
    kept = counter.vocabulary(MiningLimits(min_document_frequency=1))
    assert kept.document_frequency is not None
    counts = dict(zip(kept.names, kept.document_frequency.tolist(), strict=True))
    for name, number in true.items():
        assert number - counter.max_undercount <= counts.get(name, 0) <= number
