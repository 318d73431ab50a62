"""`label_files`: the labels of the labeler, beside the rows they belong to."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unicl import DenseLabeler, LabelVocabulary, find_noun_phrases
from unicl.engines import PhraseCounter, Reading, label_files
from unicl.engines.captions import CaptionBatch
from unicl.engines.labelling import FileLabeler, LabelStats
from unicl.labels.filters import LabelFilters

VOCABULARY = LabelVocabulary.from_names(["dog", "ball", "black dog", "grass"], synonyms={"dog": ["puppy"]})
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
    st.sampled_from([None, 1, 3]),
    st.integers(1, 2),
    st.sampled_from(["canonical", "argmax"]),
)
def test_in_batches_the_filters_give_what_the_labeler_gives_for_all_captions(
    captions: list[str], batch_rows: int, least: float, most: float, balance: int | None, count: int, mode: str
) -> None:
    options = {
        "min_document_frequency": least,
        "max_document_frequency": most,
        "balance": balance,
        "min_count_in_caption": count,
    }
    expected = DenseLabeler(VOCABULARY, mode=mode, **options)(captions).to_list()  # type: ignore[arg-type]
    batches = [pa.array(captions[at : at + batch_rows], pa.string()) for at in range(0, len(captions), batch_rows)]
    labeler = FileLabeler(VOCABULARY, filters=LabelFilters(**options), mode=mode, threads=1)  # type: ignore[arg-type]
    labeler.count(batches)
    stats = LabelStats()
    rows = []
    for batch in batches:
        columns = pa.RecordBatch.from_arrays([batch], ["caption"])
        found = CaptionBatch(columns=columns, captions=batch, is_bad=None, place=str)
        rows += labeler.columns(found, stats, phrases=False)[0].to_pylist()
    assert rows == expected
    before = DenseLabeler(VOCABULARY, mode=mode)(captions)
    assert sum(stats.dropped.values()) == len(before.indices) - stats.labels
    assert stats.labelled + stats.filtered + stats.phrase_without_label + stats.no_phrase == len(captions)


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
    expected = DenseLabeler(vocabulary, balance=1, seed=3)(captions).to_list()
    assert pq.read_table(tmp_path / "out" / "captions.parquet")["labels"].to_pylist() == expected
    assert stats.dropped["balance"] > 0


def test_a_file_without_rows_is_labelled_too(tmp_path: Path) -> None:
    pq.write_table(pa.table({"caption": pa.array([], pa.string())}), tmp_path / "captions.parquet")
    vocabulary, stats = label_files([tmp_path / "captions.parquet"], tmp_path / "out")
    assert (len(vocabulary), stats.captions, stats.files) == (0, 0, 1)
    assert pq.read_table(tmp_path / "out" / "captions.parquet").column_names == ["caption", "labels", "label_weights"]


def test_limits_count_the_captions_of_all_files(tmp_path: Path, source: Path, captions: list[str]) -> None:
    _, stats = label_files([source], tmp_path / "out", VOCABULARY, min_document_frequency=2, max_document_frequency=0.4)
    labeler = DenseLabeler(VOCABULARY, min_document_frequency=2, max_document_frequency=0.4)
    assert pq.read_table(tmp_path / "out" / "captions.parquet")["labels"].to_pylist() == labeler(captions).to_list()
    assert stats.filtered == 0


def test_captions_without_label_are_counted_by_reason(tmp_path: Path) -> None:
    captions = ["a dog", "it rains", "a cat", "a cat and a sofa", "", "the grass", "the grass"]
    pq.write_table(pa.table({"caption": captions}), tmp_path / "captions.parquet")
    _, stats = label_files([tmp_path / "captions.parquet"], tmp_path / "out", VOCABULARY, min_document_frequency=2)
    assert (stats.labelled, stats.filtered, stats.phrase_without_label, stats.no_phrase) == (2, 1, 2, 2)
    assert stats.labelled + stats.filtered + stats.phrase_without_label + stats.no_phrase == stats.captions


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
    ours = counter.vocabulary(min_document_frequency=1)
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
    kept = counter.vocabulary(min_document_frequency=1)
    assert kept.document_frequency is not None
    counts = dict(zip(kept.names, kept.document_frequency.tolist(), strict=True))
    for name, number in true.items():
        assert number - counter.max_undercount <= counts.get(name, 0) <= number
